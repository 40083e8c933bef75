# Transactions: what the differential script cannot see, because it takes two clients or a look from outside.

proc client_line {client} {
    $client client id
    set id [$client read]
    return [string trim [r client list id $id]]
}

start_server {tags {multi}} {
    test {A transaction runs with nothing in between} {
        set one [redis_deferring_client]
        set two [redis_deferring_client]
        r del n
        foreach client [list $one $two] {
            $client multi
            for {set i 0} {$i < 100} {incr i} { $client incr n }
        }
        $one exec
        $two exec
        foreach client [list $one $two] {
            for {set i 0} {$i < 101} {incr i} { $client read }
            set numbers [$client read]
            assert_equal 100 [llength $numbers]
            assert_equal [expr {[lindex $numbers 0] + 99}] [lindex $numbers end]
        }
        assert_equal 200 [r get n]
    }

    test {A watched key that another client changes forbids EXEC} {
        set other [redis_client]
        r set k 1
        r watch k
        $other set k 2
        r multi
        r set k 3
        assert_equal {} [r exec]
        assert_equal 2 [r get k]
        # Once only.
        r multi
        r set k 3
        assert_equal OK [r exec]
    }

    test {CLIENT LIST shows the transaction and the watched keys} {
        set client [redis_deferring_client]
        $client watch k l
        $client read
        assert_match {* flags=N *multi=-1 watch=2 *multi-mem=0 *} [client_line $client]
        $client multi
        $client read
        $client set a 1
        $client get a
        $client read
        $client read
        $client client id
        assert_equal QUEUED [$client read]
        set line [string trim [r client list type normal]]
        assert_match {*flags=x *multi=3 watch=2 *} $line
        assert_no_match {*flags=x *multi=3 watch=2 *multi-mem=0 *} $line
        $client exec
        $client read
        assert_match {* flags=N *multi=-1 watch=0 *multi-mem=0 *} [client_line $client]
    }

    test {INFO counts those who watch, and forgets those who left} {
        assert_equal {0 0} [list [s watching_clients] [s total_watched_keys]]
        set clients {}
        foreach keys {{a b} {b c} {c}} {
            lappend clients [set client [redis_client]]
            $client watch {*}$keys
        }
        assert_equal {3 3} [list [s watching_clients] [s total_watched_keys]]
        [lindex $clients 0] unwatch
        [lindex $clients 1] close
        wait_for_condition 50 100 {[s watching_clients] == 1} else { fail "still [s watching_clients]" }
        assert_equal 1 [s total_watched_keys]
        [lindex $clients 2] reset
        assert_equal {0 0} [list [s watching_clients] [s total_watched_keys]]
    } {redis8}

    test {A transaction of a client that left is forgotten} {
        set client [redis_client]
        $client multi
        $client set forgotten 1
        $client close
        assert_equal 0 [r exists forgotten]
    }

    test {MONITOR shows the calls when they run, and EXEC behind them} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        r watch q
        r multi
        r set a 1
        catch {r nosuch}
        r discard
        r multi
        r set a 2
        r get a
        r exec
        set seen {}
        for {set i 0} {$i < 7} {incr i} {
            regexp {\] (.*)$} [$monitor read] -> call
            lappend seen [string tolower $call]
        }
        set wanted {{"watch" "q"} {"multi"} {"discard"} {"multi"} {"set" "a" "2"} {"get" "a"} {"exec"}}
        assert_equal $wanted $seen
    }

    test {The slow log has the calls of a transaction, not EXEC} {
        with_config {slowlog-log-slower-than 0} {
            r slowlog reset
            r multi
            r set a 1
            r get a
            r exec
            set names [lmap entry [r slowlog get] { string tolower [lindex $entry 3 0] }]
            assert_equal {get set multi slowlog} $names
        }
    }

    test {A pause of writes holds EXEC back if something queued writes} {
        set client [redis_deferring_client]
        $client multi
        $client set p 1
        $client read
        $client read
        r client pause 100000 write
        $client exec
        wait_for_condition 50 100 {[s blocked_clients] == 1} else { fail "EXEC was not held back" }
        assert_equal {} [r get p]
        r client unpause
        assert_equal OK [$client read]
        assert_equal 1 [r get p]
    }

    test {Queued requests count against client-query-buffer-limit} {
        with_config {client-query-buffer-limit 1mb} {
            set client [redis_deferring_client]
            $client multi
            assert_equal OK [$client read]
            set value [string repeat x 200000]
            set queued 0
            while {$queued < 10} {
                # It may notice either way that it was closed.
                if {[catch {$client set k $value; $client read}]} break
                incr queued
            }
            assert_range $queued 4 5
        }
        assert_equal PONG [r ping]
    }

    test {Large values are stored by a transaction as they are by themselves} {
        set value [random_bytes 100000]
        r multi
        r set big $value
        r append big x
        r set big2 $value
        r exec
        assert_equal ${value}x [r get big]
        assert_equal $value [r get big2]
    }

    test {A long transaction} {
        set client [redis_deferring_client]
        $client multi
        for {set i 0} {$i < 20000} {incr i} { $client set key:$i $i }
        $client exec
        assert_equal OK [$client read]
        for {set i 0} {$i < 20000} {incr i} { $client read }
        assert_equal 20000 [llength [$client read]]
        assert_equal 19999 [r get key:19999]
    }
}
