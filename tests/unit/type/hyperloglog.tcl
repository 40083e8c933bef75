# HyperLogLogs: how near counts are, that all ways to the same set lead to the same count, and what damage may not do.

proc add_elements {key from to} {
    for {set at $from} {$at < $to} {incr at 1000} {
        set elements {}
        for {set i $at} {$i < $at + 1000 && $i < $to} {incr i} { lappend elements element:$i }
        r pfadd $key {*}$elements
    }
}

start_server {tags {hyperloglog}} {
    test {Counts are near the truth, from one element to a hundred thousand} {
        r del h
        set before 0
        foreach count {1 2 10 100 500 1000 2000 5000 20000 100000} {
            add_elements h $before $count
            set before $count
            set got [r pfcount h]
            assert {abs($got - $count) <= 0.03 * $count} "$count elements seem to be $got"
            if {$count < 100} { assert_equal $count $got }
        }
        assert_equal dense [r pfdebug encoding h]
        assert_equal 12304 [r strlen h]
    }

    test {What was seen is not counted again} {
        set count [r pfcount h]
        for {set i 0} {$i < 100000} {incr i 997} { assert_equal 0 [r pfadd h element:$i] }
        assert_equal $count [r pfcount h]
    }

    test {A sparse one becomes dense at its limit, and counts as before} {
        foreach limit {100 1000 3000} {
            r config set hll-sparse-max-bytes $limit
            r del h
            for {set i 0} {[r exists h] == 0 || [r pfdebug encoding h] eq "sparse"} {incr i} {
                assert {[r strlen h] <= $limit}
                r copy h last REPLACE
                r pfadd h element:$i
            }
            assert_range [r strlen last] [expr {$limit - 3}] $limit
            r pfadd last element:[expr {$i - 1}]
            r pfdebug todense last
            assert_equal [r pfdebug getreg last] [r pfdebug getreg h]
            assert_equal [r pfcount last] [r pfcount h]
        }
        r config set hll-sparse-max-bytes 3000
    }

    test {Unions count alike, whatever way they come about} {
        for {set round 0} {$round < 4} {incr round} {
            r flushall
            set keys {}
            for {set i 0} {$i < 6} {incr i} {
                set from [random_int 3000]
                set to [expr {$from + [random_int [lindex {10 300 5000} [random_int 3]]]}]
                add_elements h$i $from $to
                add_elements all $from $to
                lappend keys h$i
            }
            r pfmerge merged {*}$keys
            foreach key $keys { r pfmerge stepwise $key }
            set count [r pfcount all]
            assert_equal $count [r pfcount {*}$keys]
            assert_equal $count [r pfcount merged]
            assert_equal $count [r pfcount stepwise]
            assert_equal [r pfdebug getreg all] [r pfdebug getreg merged]
        }
    }

    test {The loops for this processor say what the plain ones say} {
        set keys {}
        for {set i 0} {$i < 5} {incr i} {
            r del h$i
            r pfadd h$i [random_int 1000000]
            r pfdebug todense h$i
            add_elements h$i [random_int 1000] 6000
            lappend keys h$i
        }
        foreach mode {off on} {
            assert_equal [expr {$mode eq "on" ? "enabled" : "disabled"}] [r pfdebug simd $mode]
            r del merged-$mode
            r pfmerge merged-$mode {*}$keys
            set counts($mode) [list [r pfcount {*}$keys] [r pfcount merged-$mode]]
        }
        assert_equal $counts(off) $counts(on)
        assert_equal [r get merged-off] [r get merged-on]
    } {redis8}

    test {The bytes are the value: a copy made with SET counts alike} {
        r del a
        for {set i 0} {$i < 1500} {incr i} {
            r pfadd a element:$i
            if {$i % 100 == 0} {
                r set b [r get a]
                assert_equal [r pfcount a] [r pfcount b]
                assert_equal [r get a] [r get b]
                r copy a c REPLACE
                assert_equal [r pfadd c new] [r pfadd b new]
                assert_equal [r get c] [r get b]
            }
            if {$i > 400} { incr i 300 }
        }
    }

    test {A stored count is believed until an element comes} {
        r del h
        r pfadd h a b c
        assert_equal 3 [r pfcount h]
        # Bytes 8 to 15 are the count.
        r setrange h 8 \x2a
        assert_equal 42 [r pfcount h]
        assert_equal 3 [r pfcount h h]
        r pfadd h a
        assert_equal 42 [r pfcount h]
        r pfadd h d
        assert_equal 4 [r pfcount h]
        r setbit h 120 1
        r pfcount h
        assert_equal 0 [r getbit h 120]
    }

    test {A time to live stays} {
        r del h d
        r pfadd h a
        r expire h 1000
        r pfadd h b
        r pfcount h
        r pfmerge h nosuch
        r pfdebug todense h
        r pfadd h c
        assert_range [r ttl h] 990 1000
        r pfmerge d h
        assert_equal -1 [r ttl d]
    }

    test {What is none is refused, and left alone} {
        r flushall
        r rpush list x
        r set text abc
        r set number 12
        r pfadd h a
        foreach {key error} {list WRONGTYPE* text {WRONGTYPE Key is not a valid*} number {WRONGTYPE Key is not a valid*}} {
            foreach command [list "pfadd $key a" "pfadd $key" "pfcount $key" "pfcount h $key" "pfmerge $key h" \
                    "pfmerge h $key" "pfmerge new $key" "pfdebug getreg $key"] {
                assert_error $error {r {*}$command} $command
            }
        }
        assert_equal {abc 12 1 0} [list [r get text] [r get number] [r pfcount h] [r exists new]]
    }

    test {Damaged values break nothing} {
        r flushall
        add_elements sound 0 300
        set sound [r get sound]
        set count [r pfcount sound]
        for {set round 0} {$round < 400} {incr round} {
            set bytes $sound
            for {set i [random_int 4]} {$i >= 0} {incr i -1} {
                set at [expr {16 + [random_int [expr {[string length $bytes] - 16}]]}]
                set bytes [string replace $bytes $at $at [format %c [random_int 256]]]
            }
            if {[random_int 3] == 0} {
                # The reference reads the byte behind the last one: it is no opcode that goes on.
                set bytes [string range $bytes 0 [expr {16 + [random_int [string length $bytes]]}]]\x00
            }
            if {[random_int 10] == 0} { set bytes [string replace $bytes 4 4 [format %c [random_int 3]]] }
            r set h $bytes
            r setbit h 120 1
            foreach command {{pfcount h} {pfadd h a b c d e f g h} {pfcount sound h} {pfdebug decode h} {pfmerge copy sound h}
                    {pfmerge h sound} {pfdebug todense h} {pfadd h x y z}} {
                catch {r {*}$command}
            }
            assert_equal PONG [r ping]
        }
        assert_equal $count [r pfcount sound]
    }

    test {The self-test passes} {
        assert_equal OK [r pfselftest]
    }

    test {A value that is being read can be added to} {
        r del h
        add_elements h 0 20000
        set value [r get h]
        set readers {}
        for {set i 0} {$i < 20} {incr i} {
            lappend readers [set client [redis_deferring_client]]
            $client get h
        }
        add_elements h 20000 21000
        foreach client $readers {
            assert_equal 12304 [string length [$client read]]
            $client close
        }
        assert {[r get h] ne $value}
    }
}
