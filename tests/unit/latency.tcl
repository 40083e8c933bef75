# LATENCY: the monitor of events, and the histograms of commands.

start_server {tags {latency} overrides {latency-monitor-threshold 30}} {
    test {A slow command makes an event} {
        set before [clock seconds]
        r debug sleep 0.05
        set latest [r latency latest]
        assert_equal 1 [llength $latest]
        lassign [lindex $latest 0] event time last worst
        assert_equal command $event
        assert_range $time $before [clock seconds]
        assert_range $last 50 5000
        assert_equal $last $worst
    }

    test {LATENCY HISTORY keeps a value per second} {
        # Within one second the larger value stays.
        r debug sleep 0.04
        set history [r latency history command]
        assert_range [llength $history] 1 2
        wait_for_condition 30 100 {[clock seconds] > [lindex [r latency history command] end 0]} else {
            fail "time stands still"
        }
        set count [llength $history]
        r debug sleep 0.1
        set history [r latency history command]
        assert_equal [expr {$count + 1}] [llength $history]
        assert_range [lindex $history end 1] 100 5000
        assert_equal {} [r latency history nosuch]
    }

    test {LATENCY LATEST knows the worst} {
        lassign [lindex [r latency latest] 0] event time last worst
        assert_range $worst $last 5000
    }

    test {LATENCY LATEST of Redis 8 stays with four values} {
        assert_equal 4 [llength [lindex [r latency latest] 0]]
    } {redis8}

    test {LATENCY GRAPH and DOCTOR} {
        assert_match "*command - high * ms, low * ms*" [r latency graph command]
        assert_error {ERR No samples available for event 'nosuch'} {r latency graph nosuch}
        assert_match *command* [r latency doctor]
    }

    test {LATENCY RESET} {
        assert_equal 0 [r latency reset nosuch]
        assert_equal 1 [r latency reset command nosuch]
        assert_equal {} [r latency latest]
        r debug sleep 0.05
        assert_equal 1 [r latency reset]
        assert_equal {} [r latency history command]
    }

    test {Below the threshold and without one nothing is kept} {
        r config set latency-monitor-threshold 1000
        r debug sleep 0.05
        assert_equal {} [r latency latest]
        r config set latency-monitor-threshold 0
        r debug sleep 0.05
        assert_equal {} [r latency latest]
        assert_match {*Latency monitoring is disabled*} [r latency doctor]
    }

    # ---- histograms ------------------------------------------------------------------------------------------------

    test {LATENCY HISTOGRAM counts calls in buckets of powers of two} {
        r config resetstat
        for {set i 0} {$i < 5} {incr i} { r ping }
        r debug sleep 0.05
        set histogram [r latency histogram ping debug nosuch]
        assert_equal {ping debug} [dict keys $histogram]
        assert_equal 5 [dict get $histogram ping calls]
        set buckets [dict get $histogram ping histogram_usec]
        assert_equal 5 [lindex $buckets end]
        set before 0
        dict for {usec count} $buckets {
            assert_more $count $before
            set before $count
            assert_equal 0 [expr {$usec & ($usec - 1)}] "bucket $usec"
        }
        assert_range [lindex [dict get $histogram debug histogram_usec] end-1] 65536 1048576
    }

    test {LATENCY HISTOGRAM of all, and of subcommands} {
        r config resetstat
        r client id
        r ping
        set histogram [r latency histogram]
        assert_same_members {config|resetstat client|id ping} [dict keys $histogram]
        assert_equal {client|id} [dict keys [r latency histogram client]]
        assert_equal {client|id} [dict keys [r latency histogram client|id]]
        assert_equal {} [r latency histogram blabla]
    }

    test {LATENCY HISTOGRAM is a map of maps in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client latency histogram ping
        set tree [$client tree]
        assert_equal {% % %} [list [lindex $tree 0] [lindex $tree 1 1 0] [lindex $tree 1 1 1 3 0]]
    }

    test {latency-tracking no keeps none} {
        r config set latency-tracking no
        r config resetstat
        r ping
        assert_equal {} [r latency histogram]
        assert_no_match {*latency_percentiles_usec_ping*} [r info latencystats]
        r config set latency-tracking yes
    }

    test {INFO latencystats and its percentiles} {
        r config resetstat
        r ping
        assert_match {p50=*,p99=*,p99.9=*} [info_field [r info latencystats] latency_percentiles_usec_ping]
        r config set latency-tracking-info-percentiles "0 50.5 100"
        assert_match {p0=*,p50.5=*,p100=*} [info_field [r info latencystats] latency_percentiles_usec_ping]
        r config set latency-tracking-info-percentiles ""
        assert_equal {} [info_field [r info latencystats] latency_percentiles_usec_ping]
        assert_error {ERR CONFIG SET failed*} {r config set latency-tracking-info-percentiles 101}
        r config set latency-tracking-info-percentiles "50 99 99.9"
    }

    test {LATENCY HELP, unknown subcommands} {
        assert_match {LATENCY <subcommand> *} [lindex [r latency help] 0]
        assert_error {ERR unknown subcommand 'nosuch'. Try LATENCY HELP.} {r latency nosuch}
    }
}

start_server {tags {latency} overrides {save {} enable-debug-command yes}} {
    proc events {} { lmap event [r latency latest] { lindex $event 0 } }
    # A value that takes long to be freed.
    proc make_big {key} {
        for {set i 0} {$i < 300000} {incr i 10000} {
            set members {}
            for {set j 0} {$j < 10000} {incr j} { lappend members m[expr {$i + $j}] }
            r sadd $key {*}$members
        }
        r latency reset
    }
    r config set latency-monitor-threshold 1
    r config set lazyfree-lazy-expire no
    r config set lazyfree-lazy-eviction no

    test {A large value whose time is up: expire-cycle and expire-del} {
        make_big big
        r pexpire big 1
        wait_for_condition 100 50 {[r dbsize] == 0} else { fail "it stays" }
        wait_for_condition 50 20 {{expire-cycle} in [events] && {expire-del} in [events]} else { fail "only [events]" }
        r debug set-active-expire 0
        make_big big
        r pexpire big 1
        wait_for_condition 100 10 {[r exists big] == 0} else { fail "it is seen" }
        assert {{expire-del} in [events] && {expire-cycle} ni [events]}
        r debug set-active-expire 1
    }

    test {Many keys whose time is up: expire-cycle} {
        r eval {for i = 1, 20000 do redis.call('set', 'k' .. i, 'v', 'px', 2000) end} 0
        r latency reset
        wait_for_condition 200 50 {[r dbsize] == 0} else { fail "they stay" }
        wait_for_condition 50 20 {{expire-cycle} in [events]} else { fail "only [events]" }
    }

    test {A large value that makes room: eviction-cycle and evict-del} {
        make_big big
        r config set maxmemory-policy allkeys-random
        r config set maxmemory [expr {[s used_memory] - 1000000}]
        r get other
        wait_for_condition 100 20 {[r dbsize] == 0} else { fail "it stays" }
        r config set maxmemory 0
        assert {{eviction-cycle} in [events] && {evict-del} in [events]}
    }
}

# What is written to disk, and the fork, take long enough for a threshold of a millisecond when they are large.
start_server {tags {latency} overrides {latency-monitor-threshold 1 appendonly yes appendfsync always save {}}} {
    proc event_names {} { return [lmap event [r latency latest] { lindex $event 0 }] }

    proc wait_for_events {script args} {
        for {set i 0} {$i < 20} {incr i} {
            uplevel 1 $script
            set missing [lmap name $args { if {$name in [event_names]} continue; set name }]
            if {$missing eq {}} return
        }
        fail "no event $missing in [event_names]"
    }

    test {Events of the append-only file} {
        set big [string repeat x 20000000]
        wait_for_events { r set big $big } aof-write aof-write-alone aof-fsync-always
        assert_equal {} [r latency history aof-write-active-child]
    }

    test {Events of forks, and of writes beside a child} {
        r config set appendfsync no
        r debug populate 300000
        r config set rdb-key-save-delay 1000
        r bgsave
        set big [string repeat x 20000000]
        wait_for_events { r set big $big } aof-write-active-child
        r config set rdb-key-save-delay 0
        r flushall
        wait_for_condition 500 20 {[s rdb_bgsave_in_progress] == 0} else { fail "the snapshot goes on" }
        r debug populate 300000
        wait_for_events {
            r bgsave
            wait_for_condition 500 20 {[s rdb_bgsave_in_progress] == 0} else { fail "the snapshot does not end" }
        } fork
    }
}
