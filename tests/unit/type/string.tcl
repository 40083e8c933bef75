# Strings: values of all kinds, encodings, and what no comparison with an oracle shows: randomness and releases.

# A string of so many bytes that differ.
proc long_value {length} {
    set block {}
    for {set i 0} {$i < 256} {incr i} { append block [format %c $i] }
    return [string range [string repeat $block [expr {$length / 256 + 1}]] 0 [expr {$length - 1}]]
}

start_server {tags {string}} {
    test {Any bytes come back as they went in} {
        foreach length {0 1 11 12 44 45 100 511 512 513 4095 4096 16384 16385 65536 1000000} {
            set value [long_value $length]
            r set key $value
            assert_equal $value [r get key] "$length bytes"
            assert_equal $length [r strlen key]
            r set "key:$value" $length
            assert_equal $length [r get "key:$value"] "a key of $length bytes"
        }
        r flushall
    }

    test {A big value is not disturbed while others read it} {
        set value [long_value 300000]
        r set key $value
        set readers {}
        for {set i 0} {$i < 5} {incr i} {
            lappend readers [set client [redis_deferring_client]]
            $client get key
        }
        r append key tail
        r setrange key 0 head
        foreach client $readers {
            set got [$client read]
            assert {$got eq $value || $got eq "${value}tail" || $got eq "head[string range $value 4 end]tail"} \
                "[string length $got] bytes"
            $client close
        }
        assert_equal "head[string range $value 4 end]tail" [r get key]
    }

    test {Random edits agree with a model} {
        r del key
        set model {}
        for {set i 0} {$i < 2000} {incr i} {
            set piece [long_value [random_int [expr {$i % 50 ? 20 : 3000}]]]
            switch [random_int 5] {
                0 {
                    append model $piece
                    assert_equal [string length $model] [r append key $piece]
                }
                1 {
                    set at [random_int 700]
                    if {$piece ne {}} {
                        set short [expr {$at + [string length $piece] - [string length $model]}]
                        if {$short > 0} { append model [string repeat \x00 $short] }
                        set model [string replace $model $at [expr {$at + [string length $piece] - 1}] $piece]
                    }
                    assert_equal [string length $model] [r setrange key $at $piece]
                }
                2 {
                    set from [random_int 800]
                    set to [random_int 800]
                    assert_equal [string range $model $from $to] [r getrange key $from $to]
                }
                3 {
                    if {[string length $model] > 5000} {
                        r set key [set model $piece]
                    }
                }
                4 { assert_equal $model [r get key] }
            }
        }
        assert_equal $model [r get key]
    }

    test {Integers keep their value through every way of writing them} {
        set model 0
        r set n 0
        for {set i 0} {$i < 1000} {incr i} {
            set by [expr {int((rand() - 0.5) * 10 ** [random_int 17])}]
            switch [random_int 4] {
                0 { assert_equal [incr model $by] [r incrby n $by] }
                1 { assert_equal [incr model [expr {-$by}]] [r decrby n $by] }
                2 { assert_equal [incr model] [r incr n] }
                3 { r set n [set model $by] }
            }
            assert_equal $model [r get n]
        }
        assert_encoding int n
    }

    test {Encodings tell how a string was made} {
        foreach {command encoding} {
            {set k 1} int  {set k 01} embstr  {set k abc} embstr  {set k {}} embstr  {set k 9223372036854775808} embstr
            {set k 1} int  {append k 2} raw  {incr k} int  {setrange k 0 9} raw  {getset k 5} int
            {incrbyfloat k 0.5} embstr  {mset k 12} int  {setex k 100 12} int  {set k x} embstr  {expire k 100} embstr
        } {
            r {*}$command
            assert_equal $encoding [r object encoding k] $command
        }
        r set k [string repeat x 45]
        assert_encoding raw k
    }

    test {Redis 8 calls embstr what fits into 41 bytes with its key, or into 33 with a time to live} {
        foreach {key length ttl encoding} {k 40 0 embstr  k 41 0 raw  k 32 1 embstr  k 33 1 raw  key12 36 0 embstr
                key12 37 0 raw} {
            r set $key [string repeat x $length] {*}[expr {$ttl ? {EX 100} : {}}]
            assert_equal $encoding [r object encoding $key] "$key $length $ttl"
        }
        r set k [string repeat x 40]
        r expire k 100
        r persist k
        assert_encoding raw k
    } {redis8}

    test {A wrong number of arguments changes nothing} {
        r flushall
        foreach command {{set k} {get} {mset a 1 b} {msetnx a} {append k} {incr} {setrange k 1} {getex} {lcs k}} {
            assert_error {ERR wrong number of arguments*} {r {*}$command} $command
        }
        assert_equal 0 [r dbsize]
    }

    test {What fails leaves the value and its time to live} {
        r set k text EX 1000
        foreach command {{incr k} {incrby k 1} {incrbyfloat k 1} {setrange k -1 x} {setrange k 536870912 x}
                {set k v EX 0} {set k v NX XX} {getex k EX 0} {expire k x} {incrby k x} {getex k FOO}
                {setex k 0 v} {psetex k -1 v}} {
            assert_error {ERR *} {r {*}$command} $command
        }
        assert_equal text [r get k]
        assert_range [r ttl k] 990 1000
    }

    test {LCS agrees with a simple calculation} {
        for {set round 0} {$round < 50} {incr round} {
            foreach name {a b} {
                set $name {}
                for {set i [random_int 12]} {$i > 0} {incr i -1} { append $name [lindex {x y z} [random_int 3]] }
                r set $name [set $name]
            }
            for {set j 0} {$j <= [string length $b]} {incr j} { set row($j) 0 }
            for {set i 1} {$i <= [string length $a]} {incr i} {
                set corner 0
                for {set j 1} {$j <= [string length $b]} {incr j} {
                    set above $row($j)
                    if {[string index $a $i-1] eq [string index $b $j-1]} {
                        set row($j) [expr {$corner + 1}]
                    } else {
                        set row($j) [expr {max($above, $row([expr {$j - 1}]))}]
                    }
                    set corner $above
                }
            }
            set expected $row([string length $b])
            assert_equal $expected [r lcs a b len] "$a and $b"
            set common [r lcs a b]
            assert_equal $expected [string length $common]
            foreach text [list $a $b] {
                set at -1
                foreach char [split $common {}] {
                    set at [string first $char $text [expr {$at + 1}]]
                    assert {$at >= 0} "'$common' is no subsequence of '$text'"
                }
            }
            set total 0
            foreach match [dict get [r lcs a b idx withmatchlen] matches] {
                lassign $match in_a in_b length
                assert_equal [string range $a {*}$in_a] [string range $b {*}$in_b]
                incr total $length
            }
            assert_equal $expected $total
        }
    }

    # ---- what Redis 8.2 does not have ------------------------------------------------------------------------------

    test {SET IFEQ stores only over the given value} {
        needs_commands delifeq
        r del k
        assert_equal {} [r set k new IFEQ old]
        assert_equal 0 [r exists k]
        r set k old
        assert_equal OK [r set k new IFEQ old]
        assert_equal {} [r set k newer IFEQ old]
        assert_equal new [r set k newer IFEQ new GET]
        assert_equal newer [r set k newest IFEQ no GET]
        assert_equal newer [r get k]
        r set k 12
        assert_equal {} [r set k 13 IFEQ 012]
        assert_equal OK [r set k 13 IFEQ 12 EX 100]
        assert_equal OK [r set k 14 IFEQ 13 KEEPTTL]
        assert_range [r ttl k] 90 100
        foreach options {{IFEQ} {IFEQ 14 NX} {XX IFEQ 14} {IFEQ 14 IFEQ 14}} {
            assert_error {ERR syntax error} {r set k 15 {*}$options} $options
        }
        assert_equal 14 [r get k]
    }

    test {SET IFNE stores unless the value is the given one} {
        r del k
        assert_equal OK [r set k a IFNE b]
        assert_equal {} [r set k c IFNE a]
        assert_equal OK [r set k c IFNE b]
        assert_equal c [r get k]
        assert_error {ERR syntax error} {r set k c IFNE b IFEQ c}
    } {hematite-only}

    test {DELIFEQ deletes only the given value} {
        needs_commands delifeq
        r set k 12
        assert_equal 0 [r delifeq k 012]
        assert_equal 0 [r delifeq k 1]
        assert_equal 1 [r delifeq k 12]
        assert_equal 0 [r exists k]
        assert_equal 0 [r delifeq k 12]
        r set k {}
        assert_equal 1 [r delifeq k {}]
        assert_error {ERR wrong number of arguments*} {r delifeq k}
    }

    test {MSETEX stores all or nothing, with one time to live} {
        needs_commands msetex
        r flushall
        assert_equal 1 [r msetex 2 a 1 b 2 EX 100]
        assert_equal {1 2} [r mget a b]
        assert_range [r ttl b] 90 100
        assert_equal 0 [r msetex 2 a 9 c 9 NX]
        assert_equal 0 [r msetex 2 a 9 c 9 XX]
        assert_equal {1 2 {}} [r mget a b c]
        assert_equal 1 [r msetex 2 a 3 b 4 XX KEEPTTL]
        assert_range [r ttl a] 90 100
        assert_equal 1 [r msetex 1 a 5]
        assert_equal -1 [r ttl a]
        assert_equal 1 [r msetex 2 c 1 c 2 NX PXAT 4000000000000]
        assert_equal {2 4000000000000} [list [r get c] [r pexpiretime c]]
        foreach command {{msetex 2 a 1} {msetex 2 a 1 b} {msetex 1 a 1 b 2} {msetex 1 a 1 NX XX} {msetex 1 a 1 EX}
                {msetex 1 a 1 EX 1 PX 1} {msetex 1 a 1 KEEPTTL EX 1}} {
            assert_error {ERR syntax error} {r {*}$command} $command
        }
        foreach count {0 -1 x 2147483648} {
            assert_error {ERR invalid numkeys value*} {r msetex $count a 1} $count
        }
        assert_error {ERR invalid expire time in 'msetex' command} {r msetex 1 a 1 EX 0}
        assert_equal 5 [r get a]
    }
}
