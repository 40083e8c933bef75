# Bitmaps beside models written in Tcl: single bits, counting and finding, combining, and fields with big integers.

# The bits of a string as text of 0 and 1, and back.
proc bits_of {bytes} {
    binary scan $bytes B* bits
    return $bits
}
proc bytes_of {bits} { return [binary format B* $bits] }

proc random_string {length} {
    set out {}
    while {[string length $out] < $length} {
        append out [string repeat [format %c [lindex {0 255 0 255 1 128 85} [random_int 7]]] [random_int 200]]
        append out [format %c [random_int 256]]
    }
    return [string range $out 0 [expr {$length - 1}]]
}

# What an operation makes of bits that stand over one another.
proc combined {operation bits} {
    set others [expr {1 in [lrange $bits 1 end]}]
    set first [lindex $bits 0]
    set ones [llength [lsearch -all -exact $bits 1]]
    switch $operation {
        AND { return [expr {$ones == [llength $bits]}] }
        OR { return [expr {$ones > 0}] }
        XOR { return [expr {$ones % 2}] }
        NOT { return [expr {!$first}] }
        DIFF { return [expr {$first && !$others}] }
        DIFF1 { return [expr {!$first && $others}] }
        ANDOR { return [expr {$first && $others}] }
        ONE { return [expr {$ones == 1}] }
    }
}

proc check_operation {operation strings} {
    set keys {}
    set longest 0
    foreach string $strings {
        lappend keys key[llength $keys]
        r set [lindex $keys end] $string
        set longest [expr {max($longest, [string length $string])}]
    }
    set wanted {}
    for {set at 0} {$at < $longest} {incr at} {
        set byte {}
        for {set bit 0} {$bit < 8} {incr bit} {
            set bits [lmap string $strings {
                set char [string index $string $at]
                expr {$char eq {} ? 0 : ([scan $char %c] >> (7 - $bit)) & 1}
            }]
            append byte [combined $operation $bits]
        }
        append wanted [bytes_of $byte]
    }
    assert_equal $longest [r bitop $operation target {*}$keys]
    assert_equal $wanted [r get target] "$operation of [llength $keys]"
}

start_server {tags {bitmap}} {
    test {Random bits agree with a model} {
        foreach size {64 2000 5000 70000} {
            r del k
            array unset ones
            set longest -1
            for {set i 0} {$i < 1000} {incr i} {
                set bit [random_int $size]
                if {[random_int 3]} {
                    set value [random_int 2]
                    assert_equal [info exists ones($bit)] [r setbit k $bit $value]
                    if {$value} { set ones($bit) 1 } else { unset -nocomplain ones($bit) }
                    set longest [expr {max($longest, $bit)}]
                } else {
                    assert_equal [info exists ones($bit)] [r getbit k $bit]
                }
            }
            assert_equal [expr {$longest / 8 + 1}] [r strlen k]
            assert_equal [array size ones] [r bitcount k]
            set first [lindex [lsort -integer [array names ones]] 0]
            assert_equal $first [r bitpos k 1]
            assert_encoding raw k
        }
    }

    test {Counting and finding agree with the text of the bits} {
        for {set round 0} {$round < 60} {incr round} {
            set string [random_string [expr {1 + [random_int [expr {$round % 3 ? 40 : 3000}]]}]]
            set bits [bits_of $string]
            set length [string length $bits]
            r set k $string
            assert_equal [regexp -all 1 $bits] [r bitcount k]
            for {set i 0} {$i < 20} {incr i} {
                set first [random_int $length]
                set last [expr {$first + [random_int [expr {$length - $first}]]}]
                set part [string range $bits $first $last]
                assert_equal [regexp -all 1 $part] [r bitcount k $first $last BIT] "$first to $last"
                foreach bit {0 1} {
                    set at [string first $bit $part]
                    set at [expr {$at < 0 ? -1 : $first + $at}]
                    assert_equal $at [r bitpos k $bit $first $last BIT] "$bit from $first to $last"
                    assert_equal $at [r bitpos k $bit [expr {$first - $length}] [expr {$last - $length}] BIT]
                }
                set first [expr {$first / 8}]
                set last [expr {$last / 8}]
                set part [string range $bits [expr {$first * 8}] [expr {$last * 8 + 7}]]
                assert_equal [regexp -all 1 $part] [r bitcount k $first $last]
                foreach bit {0 1} {
                    set at [string first $bit $part]
                    assert_equal [expr {$at < 0 ? -1 : $first * 8 + $at}] [r bitpos k $bit $first $last BYTE]
                }
            }
        }
    }

    test {A zero is found behind the end unless an end is given} {
        r set k [string repeat \xff 1000]
        assert_equal 8000 [r bitpos k 0]
        assert_equal 8000 [r bitpos k 0 999]
        assert_equal -1 [r bitpos k 0 0 -1]
        assert_equal -1 [r bitpos k 0 1000]
        r setbit k 7777 0
        assert_equal 7777 [r bitpos k 0]
        assert_equal -1 [r bitpos k 0 0 7776 BIT]
    }

    test {A million bytes are counted} {
        set string [string repeat [random_string 1000] 1049]
        r set k $string
        assert_equal [expr {[regexp -all 1 [bits_of [string range $string 0 999]]] * 1049}] [r bitcount k]
        r setbit k [expr {8 * 1049000 - 1}] 1
        assert_equal [r bitcount k] [expr {[r bitcount k 0 -2] + [r bitcount k -1 -1]}]
    }

    test {BITOP agrees with bit by bit} {
        for {set round 0} {$round < 6} {incr round} {
            foreach operation {AND OR XOR NOT} {
                set strings {}
                for {set i [expr {$operation eq "NOT" ? 1 : 1 + [random_int 4]}]} {$i > 0} {incr i -1} {
                    lappend strings [random_string [random_int 400]]
                }
                check_operation $operation $strings
            }
        }
    }

    test {BITOP agrees with bit by bit: what Redis 8.2 added} {
        for {set round 0} {$round < 6} {incr round} {
            foreach operation {DIFF DIFF1 ANDOR ONE} {
                set strings {}
                for {set i [expr {2 + [random_int 3]}]} {$i > 0} {incr i -1} {
                    lappend strings [random_string [random_int 400]]
                }
                check_operation $operation $strings
            }
        }
    } {redis8}

    test {BITOP of long strings joins its parts without a seam} {
        set a [string repeat [random_string 997] 14]
        set b [string repeat [random_string 1009] 9]
        r mset a $a b $b
        r bitop xor c a b
        assert_equal [string length $a] [r strlen c]
        r bitop xor d c b
        assert_equal $a [r get d]
        r bitop not d d
        r bitop and d d a
        assert_equal 0 [r bitcount d]
        assert_equal [string length $a] [r strlen d]
    }

    test {BITOP may write over its sources, and over anything} {
        r set a \x0f
        r set b \xff\xff
        r bitop and a a b
        assert_equal \x0f\x00 [r get a]
        r rpush list x
        r bitop or list a b
        assert_equal \xff\xff [r get list]
        assert_encoding raw list
        r expire list 100
        r bitop not list a
        assert_equal -1 [r ttl list]
        assert_equal 0 [r bitop or list nosuch]
        assert_equal 0 [r exists list]
    }

    test {Fields of every width agree with big integers} {
        r del k
        for {set i 0} {$i < 64} {incr i} { r setbit k [expr {$i * 7}] 1 }
        set model 0b[bits_of [r get k]]
        set length [string length [bits_of [r get k]]]
        for {set round 0} {$round < 2000} {incr round} {
            set signed [random_int 2]
            set width [expr {1 + [random_int [expr {63 + $signed}]]}]
            set bit [random_int [expr {$length - $width}]]
            set type [expr {$signed ? "i" : "u"}]$width
            set low [expr {$length - $bit - $width}]
            set field [expr {($model >> $low) & ((1 << $width) - 1)}]
            set number [expr {$signed && $field >> ($width - 1) ? $field - (1 << $width) : $field}]
            assert_equal [list $number] [r bitfield k get $type $bit]
            assert_equal [list $number] [r bitfield_ro k get $type $bit]

            set min [expr {$signed ? -(1 << ($width - 1)) : 0}]
            set max [expr {$min + (1 << $width) - 1}]
            set by [expr {int((rand() - 0.5) * 2.0 ** [random_int [expr {$width + 2}]])}]
            set by [expr {max(-9223372036854775807, min(9223372036854775807, $by))}]
            set sum [expr {$number + $by}]
            set overflow [lindex {WRAP SAT FAIL} [random_int 3]]
            if {$sum < $min || $sum > $max} {
                switch $overflow {
                    WRAP {
                        set sum [expr {$sum & ((1 << $width) - 1)}]
                        if {$signed && $sum >> ($width - 1)} { set sum [expr {$sum - (1 << $width)}] }
                    }
                    SAT { set sum [expr {$sum < $min ? $min : $max}] }
                    FAIL { set sum {} }
                }
            }
            assert_equal [list $sum] [r bitfield k overflow $overflow incrby $type $bit $by] "$type at $bit: $number + $by"
            if {$sum ne {}} {
                set model [expr {$model ^ ($field << $low) ^ (($sum & ((1 << $width) - 1)) << $low)}]
            }
        }
        set bits [format %0${length}llb $model]
        assert_equal [bytes_of $bits] [r get k]
    }

    test {Steps of a BITFIELD see what those before them did, and none is done if one is wrong} {
        r del k
        assert_equal {0 5 6 6} [r bitfield k set u4 0 5 get u4 0 incrby u4 0 1 get u4 0]
        foreach wrong {{get u64 0} {set u8 0} {set u8 -1 1} {overflow x} {foo} {incrby u8 0 x} {get u8 #99999999999999}} {
            assert_error {ERR *} {r bitfield k set u4 0 9 {*}$wrong} $wrong
            assert_equal 6 [r bitfield k get u4 0] $wrong
        }
        assert_error {ERR BITFIELD_RO only*} {r bitfield_ro k get u4 0 set u4 0 9}
        assert_equal 6 [r bitfield k get u4 0]
    }

    test {Writing makes bytes of an integer, reading does not} {
        foreach {command encoding} {{getbit k 1} int {bitcount k} int {bitpos k 1} int {bitfield k get u8 0} int
                {bitfield_ro k get u8 0} int {bitop not other k} int {setbit k 1 0} raw {bitfield k set u8 0 49} raw} {
            r set k 12
            r {*}$command
            assert_encoding $encoding k
        }
    }

    test {What fails leaves everything as it was} {
        r flushall
        r set k abc EX 1000
        r rpush list x
        foreach command {{setbit k -1 1} {setbit k 0 2} {setbit k 4294967296 1} {getbit k 4294967296} {bitcount k 0 x}
                {bitcount k 0 1 FOO} {bitpos k 2} {bitfield k set u8 4294967296 1} {bitop foo k k} {bitop not k k k}
                {setbit list 0 1} {getbit list 0} {bitcount list} {bitpos list 1} {bitop and k k list}
                {bitfield list set u8 0 1} {setbit k 0} {bitop and k} {bitfield k set u8 0}} {
            assert_error {*} {r {*}$command} $command
        }
        assert_equal abc [r get k]
        assert_range [r ttl k] 990 1000
        assert_equal 2 [r dbsize]
    }

    test {A string that is being read can be written to} {
        r set k [string repeat \x00 300000]
        set readers {}
        for {set i 0} {$i < 5} {incr i} {
            lappend readers [set client [redis_deferring_client]]
            $client get k
        }
        r setbit k 0 1
        r bitfield k set u8 #299999 255
        foreach client $readers {
            set got [$client read]
            assert_equal 300000 [string length $got]
            assert_equal {} [string trim [string range $got 1 end-1] \x00]
            $client close
        }
        assert_equal 9 [r bitcount k]
    }
}
