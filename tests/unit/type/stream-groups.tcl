# Groups of consumers: everything is handed out once, nothing is lost, and whoever waits in vain is told.

# The number at a name within a reply of names and values.
proc field {reply name} { return [dict get $reply $name] }

start_server {tags {stream}} {
    test {Several consumers share a stream without gap or overlap} {
        r del s
        r xgroup create s g 0 mkstream
        for {set i 1} {$i <= 1000} {incr i} { r xadd s $i-0 n $i }
        set got {}
        for {set i 0} {[llength $got] < 1000} {incr i} {
            set name c[random_int 7]
            set reply [r xreadgroup group g $name count [expr {1 + [random_int 20]}] streams s >]
            foreach entry [lindex $reply 0 1] {
                lappend got [lindex $entry 0]
                lappend owner($name) [lindex $entry 0]
            }
        }
        assert_equal [lmap entry [r xrange s - +] { lindex $entry 0 }] $got
        assert_equal {} [r xreadgroup group g c0 streams s >]
        assert_equal [list 1000 1-0 1000-0] [lrange [r xpending s g] 0 2]
        foreach name [array names owner] {
            assert_equal $owner($name) [lmap entry [lindex [r xreadgroup group g $name streams s 0] 0 1] { lindex $entry 0 }]
        }
    }

    test {Acknowledging, claiming and deleting consumers keeps the lists in step} {
        set left [dict create]
        foreach line [r xpending s g - + 1000] { dict set left [lindex $line 0] [lindex $line 1] }
        for {set i 0} {$i < 400} {incr i} {
            set id [expr {1 + [random_int 1000]}]-0
            set name c[random_int 7]
            switch [random_int 4] {
                0 - 1 {
                    assert_equal [dict exists $left $id] [r xack s g $id]
                    dict unset left $id
                }
                2 {
                    set claimed [r xclaim s g $name 0 $id justid]
                    assert_equal [dict exists $left $id] [llength $claimed]
                    if {[llength $claimed]} { dict set left $id $name }
                }
                3 {
                    if {[random_int 20]} { continue }
                    set own [dict filter $left value $name]
                    assert_equal [dict size $own] [r xgroup delconsumer s g $name]
                    foreach id [dict keys $own] { dict unset left $id }
                }
            }
        }
        assert_equal [dict size $left] [lindex [r xpending s g] 0]
        foreach line [r xpending s g - + 1000] { assert_equal [dict get $left [lindex $line 0]] [lindex $line 1] }
        foreach {name count} [concat {*}[lindex [r xpending s g] 3]] {
            assert_equal $count [dict size [dict filter $left value $name]]
        }
        foreach consumer [r xinfo consumers s g] {
            assert_equal [field $consumer pending] [dict size [dict filter $left value [field $consumer name]]]
        }
    }

    test {What is deleted while it is pending is shown without fields, and found by XAUTOCLAIM} {
        r del s
        r xgroup create s g 0 mkstream
        foreach id {1-1 2-2 3-3} { r xadd s $id a b }
        r xreadgroup group g c streams s >
        r xdel s 2-2
        assert_equal {{1-1 {a b}} {2-2 {}} {3-3 {a b}}} [lindex [r xreadgroup group g c streams s 0] 0 1]
        assert_equal {0-0 {{1-1 {a b}} {3-3 {a b}}} 2-2} [r xautoclaim s g d 0 -]
        assert_equal 2 [lindex [r xpending s g] 0]
    }

    test {XAUTOCLAIM walks through everything in steps} {
        r del s
        r xgroup create s g 0 mkstream
        for {set i 1} {$i <= 95} {incr i} { r xadd s $i-1 a b }
        r xreadgroup group g c streams s >
        set cursor 0-0
        set claimed {}
        while 1 {
            lassign [r xautoclaim s g d 0 $cursor count 10 justid] cursor ids
            lappend claimed {*}$ids
            if {$cursor eq "0-0"} break
        }
        assert_equal 95 [llength [lsort -unique $claimed]]
        assert_equal {{d 95}} [lindex [r xpending s g] 3]
    }

    test {The lag of a group is what it has not read, as long as that can be told} {
        r del s
        r xgroup create s g 0 mkstream
        for {set i 1} {$i <= 10} {incr i} { r xadd s $i-1 a b }
        set lag { field [lindex [r xinfo groups s] 0] lag }
        assert_equal 10 [eval $lag]
        r xreadgroup group g c count 4 streams s >
        assert_equal 6 [eval $lag]
        r xdel s 8-1
        assert_equal {} [eval $lag]
        r xreadgroup group g c streams s >
        assert_equal 0 [eval $lag]
    }

    test {New entries go to those who wait, first come first served} {
        r del s
        r xgroup create s g $ mkstream
        set clients {}
        foreach name {x y z} {
            lappend clients [set client [redis_deferring_client]]
            $client xreadgroup group g $name block 0 streams s >
            wait_for_condition 100 20 { [s blocked_clients] == [llength $clients] } else { fail "$name does not wait" }
        }
        r xadd s 1-1 a b
        assert_equal {{s {{1-1 {a b}}}}} [[lindex $clients 0] read]
        r multi
        r xadd s 2-2 a b
        r xadd s 3-3 a b
        r exec
        assert_equal {{s {{2-2 {a b}} {3-3 {a b}}}}} [[lindex $clients 1] read]
        assert_equal {{x 1} {y 2}} [lindex [r xpending s g] 3]
        r xgroup destroy s g
        assert_error {NOGROUP*XREADGROUP*} { [lindex $clients 2] read }
        foreach client $clients { $client close }
    }

    foreach {what ending error} {
        deleted {r del s} NOGROUP*
        expired {r pexpire s 20} NOGROUP*
        flushed {r flushall} NOGROUP*
        renamed {r rename s t} NOGROUP*
        overwritten {r set s x} WRONGTYPE*
    } {
        test "A reader of a group is told when the stream is $what" {
            r del s
            r xgroup create s g $ mkstream
            set client [redis_deferring_client]
            $client xreadgroup group g c block 0 streams s >
            wait_for_condition 100 20 { [s blocked_clients] == 1 } else { fail "it does not wait" }
            eval $ending
            assert_error $error { $client read }
            $client close
        }
    }

    test {Groups protect entries from a trim that respects them} {
        r del s
        foreach group {g h} { r xgroup create s $group 0 mkstream }
        foreach id {1-1 2-2 3-3 4-4} { r xadd s $id a b }
        r xreadgroup group g c count 3 streams s >
        r xreadgroup group h c count 2 streams s >
        r xack s g 1-1 2-2 3-3
        r xack s h 1-1
        assert_equal 1 [r xtrim s acked maxlen 0]
        assert_equal {2-2 3-3 4-4} [lmap entry [r xrange s - +] { lindex $entry 0 }]
        assert_equal {2 2 -1} [r xdelex s acked ids 3 2-2 3-3 1-1]
        assert_equal 1 [r xackdel s h acked ids 1 2-2]
        assert_equal 1 [r xdelex s delref ids 1 3-3]
        assert_equal {4-4} [lmap entry [r xrange s - +] { lindex $entry 0 }]
    }
}
