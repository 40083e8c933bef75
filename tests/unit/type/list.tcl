# Lists: elements of all kinds in both encodings, nodes of all sizes, compressed and plain ones, against a plain Tcl list.

# Elements at every edge of the encodings.
proc edge_elements {} {
    set out [list {} 0 127 128 -1 4095 4096 -4096 -4097 32767 32768 -32768 -32769 8388607 8388608 2147483647 2147483648 \
        9223372036854775807 -9223372036854775808 9223372036854775808 -0 007 +1 { 1} 1.5 "\x00\xff\r\n" \xf4\x81]
    foreach length {1 62 63 64 65 125 126 127 128 4094 4095 4096 4097 16377 16378 16379 70000} {
        lappend out [string repeat x $length]
    }
    return $out
}

# Few different ones, so that something is found; now and then a long one.
proc some_element {long} {
    switch [random_int 12] {
        0 { return [string repeat [random_int 3] [random_int 90]] }
        1 { return [random_int 100000] }
        2 { return [expr {[random_int 8] ? "e" : [string repeat L [expr {$long + [random_int 4] - 2}]]}] }
    }
    return "e[random_int 30]"
}

# The range of a command as first and last position of a list with so many elements; an empty one is {1 0}.
proc positions {start stop length} {
    if {$start < 0} { set start [expr {max(0, $start + $length)}] }
    if {$stop < 0} { incr stop $length }
    return [expr {$start > $stop || $start >= $length ? {1 0} : [list $start [expr {min($stop, $length - 1)}]]}]
}

# Removes what LREM removes.
proc without {list count element} {
    set found [lsearch -all -exact $list $element]
    if {$count > 0} { set found [lrange $found 0 [expr {$count - 1}]] }
    if {$count < 0} { set found [lrange $found [expr {max(0, [llength $found] + $count)}] end] }
    foreach at [lreverse $found] { set list [lreplace $list $at $at] }
    return $list
}

# One random change to the list at a key and to a model, whose new value is returned.
proc random_change {key model long} {
    set element [some_element $long]
    set length [llength $model]
    set at [expr {$length ? [random_int $length] : 0}]
    switch [random_int 11] {
        0 - 1 {
            set model [linsert $model 0 $element]
            assert_equal [llength $model] [r lpush $key $element]
        }
        2 - 3 {
            lappend model $element
            assert_equal [llength $model] [r rpush $key $element]
        }
        4 { if {$length} {
            assert_equal [lindex $model 0] [r lpop $key]
            set model [lrange $model 1 end]
        } }
        5 { if {$length} {
            assert_equal [lreverse [lrange $model end-2 end]] [r rpop $key 3]
            set model [lrange $model 0 end-3]
        } }
        6 { if {$length} {
            assert_equal OK [r lset $key $at $element]
            lset model $at $element
        } }
        7 { if {$length} {
            set pivot [lindex $model $at]
            set first [lsearch -exact $model $pivot]
            if {[random_int 2]} {
                assert_equal [incr length] [r linsert $key before $pivot $element]
                set model [linsert $model $first $element]
            } else {
                assert_equal [incr length] [r linsert $key after $pivot $element]
                set model [linsert $model $first+1 $element]
            }
        } }
        8 { if {$length} {
            set count [expr {[random_int 5] - 2}]
            set kept [without $model $count [lindex $model $at]]
            assert_equal [expr {$length - [llength $kept]}] [r lrem $key $count [lindex $model $at]]
            set model $kept
        } }
        9 {
            set start [random_int 3]
            set stop [expr {-1 - [random_int 3]}]
            r ltrim $key $start $stop
            set model [lrange $model {*}[positions $start $stop $length]]
        }
        10 { if {$length} {
            set element [lindex $model end]
            assert_equal $element [r lmove $key $key right left]
            set model [linsert [lrange $model 0 end-1] 0 $element]
        } }
    }
    return $model
}

proc check_list {key model} {
    assert_equal $model [r lrange $key 0 -1]
    assert_equal [llength $model] [r llen $key]
    if {![llength $model]} { return [assert_equal 0 [r exists $key]] }
    set length [llength $model]
    foreach index [list 0 -1 [random_int $length] [expr {-1 - [random_int $length]}]] {
        set at [expr {$index < 0 ? $index + $length : $index}]
        assert_equal [lindex $model $at] [r lindex $key $index]
        set element [lindex $model $at]
        assert_equal [lsearch -all -exact $model $element] [r lpos $key $element count 0]
        assert_equal [lindex [lsearch -all -exact $model $element] end] [r lpos $key $element rank -1]
    }
    set start [expr {[random_int $length] - 3}]
    set stop [expr {$start + [random_int 20]}]
    assert_equal [lrange $model {*}[positions $start $stop $length]] [r lrange $key $start $stop] "$start $stop"
}

start_server {tags {list redis8}} {
    needs_commands lpush linsert lpos lmove

    test {Elements of all kinds come back from either end, in all encodings} {
        set all [edge_elements]
        foreach size {-2 1 3} {
            r config set list-max-listpack-size $size
            foreach element $all {
                r del k
                r rpush k $element
                r lpush k $element
                assert_equal [list $element $element] [r lrange k 0 -1]
                assert_equal {0 1} [r lpos k $element count 0]
                assert_equal $element [r lpop k]
                assert_equal $element [r rpop k]
            }
            r rpush k {*}$all
            check_list k $all
            assert_equal $all [r lpop k 1000]
            r lpush k {*}$all
            check_list k [lreverse $all]
            assert_equal $all [r rpop k 1000]
        }
    }

    test {A list is a listpack up to the limits, and again below half of them} {
        r config set list-max-listpack-size 6
        r del k
        r rpush k 1 2 3 4 5 6
        assert_encoding listpack k
        r rpush k 7
        assert_encoding quicklist k
        r rpop k
        r lrem k 1 1
        assert_encoding quicklist k
        r ltrim k 0 2
        assert_encoding listpack k
        r config set list-max-listpack-size -1
        r del k
        r rpush k [string repeat x 4089]
        assert_encoding listpack k
        r rpush k 1
        assert_encoding quicklist k
        r lpop k
        assert_encoding listpack k
        # A single element that is larger than a listpack may be.
        r del k
        r rpush k [string repeat x 4090]
        assert_encoding quicklist k
        r lset k 0 small
        assert_encoding listpack k
        r linsert k before small [string repeat x 5000]
        assert_encoding quicklist k
        r linsert k before nothere x
        r lpop k
        assert_encoding listpack k
        r linsert k before nothere [string repeat x 5000]
        assert_encoding quicklist k
    }

    # Nodes of few elements or few bytes, with and without compression, and elements that stand alone.
    foreach {size depth threshold} {-2 0 0  -2 1 0  -1 3 0  1 0 0  2 1 0  4 0 0  4 2 10b  -2 1 1b  128 2 40b  3 0 5b} {
        test "Random changes agree with a model: size $size, depth $depth, threshold $threshold" {
            r config set list-max-listpack-size $size
            r config set list-compress-depth $depth
            r debug quicklist-packed-threshold $threshold
            r del k
            set model {}
            if {$size < 0} {
                for {set i 0} {$i < 700} {incr i} { lappend model "element:$i" }
                r rpush k {*}$model
            }
            for {set i 0} {$i < 500} {incr i} {
                set model [random_change k $model [expr {$size == -1 ? 4096 : 8192}]]
                if {$i % 5 == 0} { check_list k $model }
            }
            check_list k $model
            if {[llength $model]} {
                r copy k copy replace
                r rename k other
                check_list copy $model
                assert_equal [r debug digest-value copy] [r debug digest-value other]
                r unlink copy other
            }
            r debug quicklist-packed-threshold 0
        }
    }

    test {Random moves between lists lose nothing} {
        r config set list-max-listpack-size 5
        r config set list-compress-depth 0
        r flushall
        set all {}
        for {set i 0} {$i < 100} {incr i} { lappend all [expr {$i % 3 ? $i : "e$i"}] }
        r rpush l0 {*}$all
        for {set i 0} {$i < 1000} {incr i} {
            set from l[random_int 4]
            set to l[random_int 4]
            set side [lindex {left right} [random_int 2]]
            set element [r lindex $from [expr {$side eq "left" ? 0 : -1}]]
            assert_equal $element [r lmove $from $to $side [lindex {left right} [random_int 2]]]
        }
        set found [concat [r lrange l0 0 -1] [r lrange l1 0 -1] [r lrange l2 0 -1] [r lrange l3 0 -1]]
        assert_same_members $all $found
    }

    test {A long list grows, is searched, changed in the middle and emptied} {
        r config set list-max-listpack-size -2
        r del k
        for {set i 0} {$i < 100000} {incr i 1000} {
            set elements {}
            for {set j $i} {$j < $i + 1000} {incr j} { lappend elements [format element:%06d $j] }
            r rpush k {*}$elements
        }
        assert_equal element:050000 [r lindex k 50000]
        assert_equal 50000 [r lpos k element:050000]
        assert_equal 100001 [r linsert k before element:050000 [string repeat new 30]]
        assert_equal 50001 [r lpos k element:050000]
        r lset k 50000 replaced
        assert_equal {element:049999 replaced element:050000} [r lrange k 49999 50001]
        assert_equal 1 [r lrem k 0 replaced]
        r ltrim k 1000 -1001
        assert_equal {98000 element:001000 element:098999} [list [r llen k] [r lindex k 0] [r lindex k -1]]
        r ltrim k 97990 -1
        assert_encoding listpack k
        assert_equal 10 [llength [r lpop k 10]]
        assert_equal 0 [r exists k]
    }

    test {A queue of long life is as compact at its end as at its beginning} {
        r del k
        for {set i 0} {$i < 20} {incr i} { lappend batch {*}[lrepeat 100 [format message:%08d $i]] }
        r rpush k {*}$batch
        set before [r memory usage k samples 0]
        for {set i 0} {$i < 50} {incr i} {
            r rpush k {*}$batch
            assert_equal $batch [r lpop k [llength $batch]]
        }
        assert_less [r memory usage k samples 0] [expr {$before + 3 * 8192}]
    }

    test {Large elements are served while others change the list} {
        set large [string repeat L 200000]
        r del k
        r rpush k a $large b
        set readers {}
        for {set i 0} {$i < 5} {incr i} {
            lappend readers [set client [redis_deferring_client]]
            $client lrange k 0 -1
            $client lindex k 1
        }
        r lset k 1 gone
        foreach client $readers {
            set range [$client read]
            assert {$range eq [list a $large b] || $range eq {a gone b}}
            assert {[$client read] in [list $large gone]}
            $client close
        }
        assert_equal {a gone b} [r lrange k 0 -1]
    }
}

start_server {tags {list hematite-only}} {
    needs_commands lpush

    test {An element takes little more than its bytes} {
        for {set i 0} {$i < 50000} {incr i 1000} {
            set elements {}
            for {set j $i} {$j < $i + 1000} {incr j} { lappend elements [format element:%08d $j] }
            r rpush back {*}$elements
            r lpush front {*}$elements
        }
        # 16 bytes of text are 18 in a listpack.
        foreach key {back front} {
            set bytes [expr {[r memory usage $key samples 0] / 50000.0}]
            assert {$bytes < 18.5} "$bytes bytes per element of $key"
        }
    }
}
