# SCAN and KEYS: whoever was there all the time is found, whatever else comes and goes meanwhile.

# All keys that a scan answers; `between` runs after every call.
proc scan_all {options {between {}}} {
    set cursor 0
    set keys {}
    while 1 {
        lassign [r scan $cursor {*}$options] cursor found
        lappend keys {*}$found
        if {$cursor eq "0"} { return $keys }
        uplevel 1 $between
    }
}

proc fill {count {prefix key}} {
    set client [redis_deferring_client]
    for {set i 0} {$i < $count} {incr i} { $client set $prefix:$i $i }
    for {set i 0} {$i < $count} {incr i} { $client read }
    $client close
}

start_server {tags {scan}} {
    test {A scan at rest answers every key} {
        r flushall
        fill 1000
        foreach options {{} {COUNT 1} {COUNT 5} {COUNT 100} {COUNT 100000} {TYPE string} {MATCH *} {MATCH key:* COUNT 33}} {
            set keys [scan_all $options]
            assert_equal 1000 [llength [lsort -unique $keys]] $options
        }
        assert_equal [lsort [r keys *]] [lsort -unique [scan_all {}]]
    }

    test {COUNT bounds the work of a call} {
        lassign [r scan 0 count 10] cursor keys
        assert_range [llength $keys] 1 100
        assert_not_equal 0 $cursor
        lassign [r scan 0 count 1000000] cursor keys
        assert_equal {0 1000} [list $cursor [llength $keys]]
    }

    test {MATCH and TYPE leave out the others only} {
        assert_equal 111 [llength [lsort -unique [scan_all {MATCH key:*7* COUNT 100 MATCH key:7*}]]]
        assert_equal {} [scan_all {TYPE list}]
        assert_equal {} [scan_all {TYPE nosuchtype}]
        assert_equal key:77 [lsort -unique [scan_all {MATCH key:77}]]
    }

    test {A scan while the table grows finds all that were there} {
        r flushall
        fill 500
        set round 0
        set keys [scan_all {COUNT 10} {
            if {$round < 30} { fill 300 new:[incr round] }
        }]
        assert_equal 500 [llength [lsort -unique [lsearch -all -inline $keys key:*]]]
        assert_more [r dbsize] 5000
    }

    test {A scan while the table shrinks finds all that stay} {
        r flushall
        fill 3000
        fill 100 stays
        set next 0
        set keys [scan_all {COUNT 10} {
            set doomed {}
            for {set i 0} {$i < 150 && $next < 3000} {incr i} { lappend doomed key:$next; incr next }
            if {[llength $doomed]} { r del {*}$doomed }
        }]
        assert_equal 100 [llength [lsort -unique [lsearch -all -inline $keys stays:*]]]
    }

    test {Scans hold while keys come and go at random} {
        for {set round 0} {$round < 5} {incr round} {
            r flushall
            set count [expr {10 + [random_int 800]}]
            fill $count stays
            set keys [scan_all [list COUNT [expr {1 + [random_int 20]}]] {
                for {set i [random_int 40]} {$i > 0} {incr i -1} {
                    r [lindex {set append unlink} [random_int 3]] other:[random_int 1000] x
                }
            }]
            assert_equal $count [llength [lsort -unique [lsearch -all -inline $keys stays:*]]]
        }
    }

    test {Two scans do not disturb each other} {
        r flushall
        fill 400
        set inner {}
        set outer [scan_all {COUNT 40} { set inner [scan_all {COUNT 7}] }]
        assert_equal 400 [llength [lsort -unique $outer]]
        assert_equal 400 [llength [lsort -unique $inner]]
    }

    test {Any number is a cursor} {
        foreach cursor {1 17 4096 999999999999 9223372036854775808 18446744073709551615} {
            set reply [r scan $cursor]
            assert_equal 2 [llength $reply] $cursor
            assert_regexp {^[0-9]+$} [lindex $reply 0]
        }
        foreach cursor {x -1 1.5 18446744073709551616 {}} {
            catch {r scan $cursor} message
            if {$cursor in {x 1.5 18446744073709551616}} {
                assert_equal {ERR invalid cursor} $message $cursor
            }
        }
        assert_error {ERR invalid cursor} {r scan x COUNT 0}
    }

    test {Expired keys are not shown and a scan removes them} {
        r flushall
        r debug set-active-expire 0
        fill 50
        for {set i 0} {$i < 50} {incr i} { r set gone:$i x PX 1 }
        wait_for_condition 100 5 {[r pttl gone:49] == -2} else { fail "it does not expire" }
        assert_equal 50 [llength [lsort -unique [scan_all {COUNT 20}]]]
        assert_equal 50 [llength [r keys *]]
        assert_equal 50 [r dbsize]
        r debug set-active-expire 1
    }

    test {A scan is of one database} {
        r flushall
        fill 20
        r select 3
        r set three x
        assert_equal three [scan_all {COUNT 100}]
        r select 0
        assert_equal 20 [llength [lsort -unique [scan_all {}]]]
    }

    test {Patterns that take exponential time elsewhere} {
        r flushall
        r set [string repeat a 5000] x
        # If they did here, no answer would come before the client gives up.
        assert_equal {} [r keys [string repeat a* 30]b]
        assert_equal {0 {}} [r scan 0 match [string repeat *a 30]*b]
    } {hematite-only}
}
