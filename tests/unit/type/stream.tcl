# Streams: many entries in nodes of all sizes against a model, clocks that go back, waiting, memory.

# Whether XRANGE and XREVRANGE give what a model (a list of ids and fields) has between two ids of it.
proc assert_same_stream {key model} {
    assert_equal $model [r xrange $key - +]
    assert_equal [lreverse $model] [r xrevrange $key + -]
    assert_equal [llength $model] [r xlen $key]
}

start_server {tags {stream}} {
    test {Ids that the server chooses ascend, and begin with the time of day} {
        r del s
        set before [clock milliseconds]
        set ids {}
        for {set i 0} {$i < 500} {incr i} { lappend ids [r xadd s * n $i] }
        assert_equal 500 [llength [lsort -unique $ids]]
        assert_equal $ids [lmap entry [r xrange s - +] { lindex $entry 0 }]
        lassign [split [lindex $ids 0] -] ms
        assert_range $ms [expr {$before - 1000}] [expr {[clock milliseconds] + 1000}]
    }

    test {A last id beyond the time of day goes on counting} {
        r del s
        r xadd s 99999999999999-7 a b
        assert_equal 99999999999999-8 [r xadd s * a b]
        r xadd s 99999999999999-18446744073709551615 a b
        assert_equal 100000000000000-0 [r xadd s * a b]
        r xadd s 18446744073709551615-18446744073709551615 a b
        assert_error {*exhausted*} { r xadd s * a b }
    }

    foreach {entries bytes} {1 4096 3 4096 100 4096 0 300 100 100 0 0} {
        test "Random changes agree with a model: nodes of $entries entries, $bytes bytes" {
            with_config [list stream-node-max-entries $entries stream-node-max-bytes $bytes] {
                r del s
                set model {}
                for {set i 1} {$i <= 600} {incr i} {
                    set fields [lindex {{a 1 b 2} {a x b y} {other z}} [random_int 3]]
                    lappend fields pad [string repeat v [random_int 40]]
                    r xadd s $i-[random_int 3] {*}$fields
                    lappend model [list [lindex [r xrevrange s + - count 1] 0 0] $fields]
                    if {[random_int 4] == 0 && [llength $model]} {
                        set at [random_int [llength $model]]
                        assert_equal 1 [r xdel s [lindex $model $at 0]]
                        set model [lreplace $model $at $at]
                    }
                    if {[random_int 60] == 0} {
                        r xtrim s maxlen [set keep [expr {1 + [random_int 200]}]]
                        set model [lrange $model end-[expr {$keep - 1}] end]
                    }
                    if {[random_int 60] == 0} {
                        r xtrim s minid [set from [expr {max(0, $i - [random_int 100])}]]
                        set model [lmap entry $model {
                            if {[lindex [split [lindex $entry 0] -] 0] < $from} { continue }
                            set entry
                        }]
                    }
                }
                assert_same_stream s $model
                for {set i 0} {$i < 50} {incr i} {
                    set from [random_int 600]
                    set to [expr {$from + [random_int 100]}]
                    set wanted [lmap entry $model {
                        set ms [lindex [split [lindex $entry 0] -] 0]
                        if {$ms < $from || $ms > $to} { continue }
                        set entry
                    }]
                    assert_equal $wanted [r xrange s $from $to]
                    assert_equal [lrange [lreverse $wanted] 0 2] [r xrevrange s $to $from count 3]
                }
                set digest [r debug digest-value s]
                r copy s t replace
                assert_equal $digest [r debug digest-value t]
                r xadd t * a b
                assert_not_equal $digest [r debug digest-value t]
                assert_equal $digest [r debug digest-value s] "a copy is a copy"
            }
        }
    }

    test {An approximate trim leaves whole nodes, within its limit} {
        with_config {stream-node-max-entries 10} {
            r del s
            for {set i 1} {$i <= 100} {incr i} { r xadd s $i-1 a b }
            assert_equal 30 [r xtrim s maxlen ~ 10 limit 35]
            assert_equal 50 [r xtrim s maxlen ~ 15]
            assert_equal 20 [r xlen s]
            assert_equal 0 [r xtrim s minid ~ 85]
            assert_equal 10 [r xtrim s minid ~ 95]
            assert_equal 5 [r xtrim s maxlen 5]
            assert_equal 96-1 [lindex [r xrange s - + count 1] 0 0]
        }
    }

    test {Whoever waits gets what comes, each from where it stands} {
        r del s
        r xadd s 1-1 a b
        set waiting [lmap from {$ 0-5 2-0 5-0} {
            set client [redis_deferring_client]
            $client xread block 0 streams s $from
            set client
        }]
        # The second of them has something to read at once.
        assert_equal {{s {{1-1 {a b}}}}} [[lindex $waiting 1] read]
        wait_for_condition 100 20 { [s blocked_clients] == 3 } else { fail "nobody waits" }
        r xadd s 2-5 c d
        assert_equal {{s {{2-5 {c d}}}}} [[lindex $waiting 0] read]
        assert_equal {{s {{2-5 {c d}}}}} [[lindex $waiting 2] read]
        wait_for_condition 100 20 { [s blocked_clients] == 1 } else { fail "the last one waits on" }
        r xadd s 5-1 e f
        assert_equal {{s {{5-1 {e f}}}}} [[lindex $waiting 3] read]
        foreach client $waiting { $client close }
    }

    test {An entry that goes within its transaction was never there} {
        r del s
        set client [redis_deferring_client]
        $client xread block 0 streams s $
        wait_for_condition 100 20 { [s blocked_clients] == 1 } else { fail "nobody waits" }
        r multi
        r xadd s 1-1 a b
        r xdel s 1-1
        r exec
        r xadd s 2-2 c d
        assert_equal {{s {{2-2 {c d}}}}} [$client read]
        $client close
    }

    test {Entries of any size and with any number of fields come back} {
        r del s
        set wanted {}
        foreach count {1 2 31 32 300 5000} {
            set fields {}
            for {set i 0} {$i < $count} {incr i} { lappend fields field:$i [random_bytes [random_int 80]] }
            lappend wanted [list [r xadd s * {*}$fields] $fields]
        }
        foreach length {0 63 64 4095 4096 100000} {
            set fields [list name [random_bytes $length]]
            lappend wanted [list [r xadd s * {*}$fields] $fields]
        }
        assert_same_stream s $wanted
    }

    test {A long stream is read, changed, copied and reloaded as a model says, however its nodes are kept} {
        r del s t
        set model {}
        for {set i 1} {$i <= 2000} {incr i} {
            set fields [list sensor $i temp 19.8]
            r xadd s $i-0 {*}$fields
            lappend model [list $i-0 $fields]
        }
        foreach compress {yes no} {
            with_config [list rdbcompression $compress] {
                # Some in one old node, many ids of which are not there; one in each of many; and the oldest, one by one.
                set first [lindex [split [lindex $model 0 0] -] 0]
                set gone [list [expr {$first + 250}] [expr {$first + 251}] [expr {$first + 290}]]
                for {set i 0} {$i < 10} {incr i} { lappend gone [expr {$first + 400 + 117 * $i}] }
                for {set i 0} {$i < 30} {incr i} { lappend gone [expr {$first + $i}] }
                foreach i $gone { r xdel s $i-0 $i-1 $i-2 [expr {$i + 9}]-1 }
                set model [lmap entry $model {
                    if {[lindex [split [lindex $entry 0] -] 0] in $gone} { continue }
                    set entry
                }]
                assert_same_stream s $model
                r xtrim s maxlen [expr {[llength $model] - 77}]
                set model [lrange $model 77 end]
                r xtrim s minid ~ [lindex $model 100 0]
                set model [lrange $model [expr {[llength $model] - [r xlen s]}] end]
                assert_same_stream s $model
                set digest [r debug digest-value s]
                r debug reload
                assert_same_stream s $model
                assert_equal $digest [r debug digest-value s]
                r restore t 0 [r dump s] replace
                assert_same_stream t $model
                r copy s t replace
                assert_equal $digest [r debug digest-value t]
                assert_equal [lrange $model 150 159] [r xrange s [lindex $model 150 0] + count 10]
            }
        }
    }

    test {An entry of a long stream takes few bytes} {
        r del s
        for {set i 0} {$i < 10000} {incr i} { r xadd s [expr {1700000000000 + $i}]-0 sensor $i temp 19.8 }
        assert_less [expr {[r memory usage s] / 10000.0}] 24.0
        assert_type stream s
        assert_encoding stream s
        assert_equal {0 s} [r scan 0 type stream count 1000 match s]
        r unlink s
        assert_equal 0 [r exists s]
    }

    test {Old entries that are alike take half of that} {
        r del s
        for {set i 0} {$i < 10000} {incr i} { r xadd s [expr {1700000000000 + $i}]-0 sensor $i temp 19.8 }
        assert_less [expr {[r memory usage s] / 10000.0}] 14.0
    } {hematite-only}
}
