# Calls that wait for keys: who is served when, by what, and what ends a wait.

proc wait_for_waiters {count} {
    wait_for_condition 100 50 {[s blocked_clients] == $count} else {
        fail "[s blocked_clients] clients wait instead of $count"
    }
}

# A client whose call waits, behind those who wait already.
proc waiting {args} {
    set before [s blocked_clients]
    set client [redis_deferring_client]
    $client {*}$args
    wait_for_waiters [expr {$before + 1}]
    return $client
}

proc number_of {client} {
    $client client id
    return [$client read]
}

proc calls_of {command} {
    regexp "cmdstat_$command:calls=(\\d+)" [r info commandstats] -> calls
    return [expr {[info exists calls] ? $calls : 0}]
}

start_server {tags {blocking redis8}} {
    needs_commands blpop blmove lpush rpush lrange

    test {First come, first served} {
        set clients {}
        for {set i 0} {$i < 5} {incr i} { lappend clients [waiting blpop k 0] }
        assert_equal 1 [s total_blocking_keys]
        for {set i 0} {$i < 3} {incr i} { r rpush k v$i }
        assert_equal 0 [r exists k]
        r rpush k v3 v4 v5
        set i -1
        foreach client $clients { assert_equal [list k v[incr i]] [$client read] }
        assert_equal {v5} [r lrange k 0 -1]
        assert_equal {0 0} [list [s blocked_clients] [s total_blocking_keys]]
        r del k
    }

    test {Several keys, one of them twice} {
        set client [waiting brpop a b a c 0]
        assert_equal 3 [s total_blocking_keys]
        r rpush c 1
        assert_equal {c 1} [$client read]
        set client [waiting brpop a b a c 0]
        r multi
        r rpush c 1
        r rpush b 2
        r exec
        assert_equal {b 2} [$client read] "the order of the call counts"
        assert_equal {1} [r lrange c 0 -1]
        r del c
    }

    test {A wait that ends by itself} {
        set client [redis_deferring_client]
        $client blpop k l 0.05
        assert_equal {} [$client read]
        $client blpop k 0.001
        assert_equal {} [$client read]
        r rpush k v
        assert_equal 1 [r del k]
        assert_equal 0 [s clients_in_timeout_table]
        set client [waiting blpop k 100]
        assert_equal 1 [s clients_in_timeout_table]
        r rpush k v
        assert_equal {k v} [$client read]
        assert_equal 0 [s clients_in_timeout_table]
    }

    test {Whatever puts a list there ends the wait} {
        foreach {name script} {
            RPUSH {r rpush k v}
            RENAME {r rpush x v; r rename x k}
            RENAMENX {r rpush x v; r renamenx x k}
            COPY {r rpush x v; r copy x k; r del x}
            MOVE {r select 1; r rpush k v; r move k 0; r select 0}
            {COPY from another database} {r select 1; r rpush k v; r copy k k db 0; r del k; r select 0}
            SWAPDB {r select 1; r rpush k v; r swapdb 0 1; r select 0}
            {FLUSHALL and RPUSH} {r flushall; r rpush k v}
            LMOVE {r rpush x v; r lmove x k left left}
            {SET, DEL and RPUSH} {r set k 1; r del k; r rpush k v}
        } {
            set client [waiting blpop k 0]
            eval $script
            assert_equal {k v} [$client read] $name
            assert_equal 0 [r exists k]
        }
    }

    test {Nothing is served that is gone when a transaction ends} {
        set client [waiting blpop k 0]
        r multi
        r rpush k v
        r del k
        r exec
        r multi
        r rpush k v
        r rename k l
        r exec
        assert_equal 1 [s blocked_clients]
        r multi
        r rpush k a
        r del k
        r rpush k b c
        r exec
        assert_equal {k b} [$client read]
        assert_equal {c} [r lrange k 0 -1]
        r del k l
    }

    test {A key of another type does not end the wait, but is found when another key does} {
        set client [waiting blpop k l 0]
        r set k v
        assert_equal 1 [s blocked_clients]
        r rpush l v
        assert_error {WRONGTYPE*} {$client read}
        r del k l
    }

    test {A chain of moves} {
        set last [waiting blpop d 0]
        set third [waiting blmove c d left right 0]
        set second [waiting brpoplpush b c 0]
        set first [waiting blmove a b right left 0]
        r rpush a v
        foreach client [list $first $second $third] { assert_equal v [$client read] }
        assert_equal {d v} [$last read]
        assert_equal 0 [r dbsize]
    }

    test {A list that goes round serves everybody} {
        set clients {}
        for {set i 0} {$i < 3} {incr i} { lappend clients [waiting blmove k k left right 0] }
        r rpush k a b
        set got [lmap client $clients { $client read }]
        assert_equal {a b a} $got
        assert_equal {b a} [r lrange k 0 -1]
        r del k
    }

    test {Inside a transaction nobody waits} {
        r multi
        r blpop k 0
        r rpush k a b
        r brpop k 0
        r blpop k 0
        r blmove k l left left 0
        assert_equal {{} 2 {k b} {k a} {}} [r exec]
        assert_equal 0 [s blocked_clients]
    }

    test {What was sent meanwhile is answered afterwards} {
        set client [redis_deferring_client]
        $client blpop k 0
        $client rpush other x
        $client blpop l 0
        $client ping
        wait_for_waiters 1
        assert_equal 0 [r exists other]
        r rpush k v
        assert_equal {k v} [$client read]
        assert_equal 1 [$client read]
        wait_for_waiters 1
        r rpush l w
        assert_equal {l w} [$client read]
        assert_equal PONG [$client read]
        r del other
    }

    test {CLIENT LIST shows who waits} {
        set client [redis_deferring_client]
        set id [number_of $client]
        $client blpop k 0
        $client ping
        wait_for_waiters 1
        assert_match {* flags=b * cmd=blpop *} [r client list id $id]
        r rpush k v
        assert_equal {k v} [$client read]
        assert_equal PONG [$client read]
        assert_match {* flags=N * cmd=ping *} [r client list id $id]
    }

    test {CLIENT UNBLOCK} {
        set client [redis_deferring_client]
        set id [number_of $client]
        assert_equal 0 [r client unblock $id]
        $client blpop k 0
        wait_for_waiters 1
        assert_equal 1 [r client unblock $id]
        assert_equal {} [$client read]
        $client blpop k 0
        wait_for_waiters 1
        assert_equal 1 [r client unblock $id error]
        assert_error {UNBLOCKED client unblocked via CLIENT UNBLOCK} {$client read}
        assert_equal 0 [r client unblock $id timeout]
        r rpush k v
        assert_equal {v} [r lrange k 0 -1] "nobody waits any more"
        $client ping
        assert_equal PONG [$client read]
        r del k
    }

    test {Who leaves or is closed takes nothing along} {
        set gone [waiting blpop k 0]
        set killed [redis_deferring_client]
        set id [number_of $killed]
        $killed blpop k 0
        wait_for_waiters 2
        set last [waiting blpop k 0]
        $gone close
        wait_for_waiters 2
        assert_equal 1 [r client kill id $id]
        r rpush k v
        assert_equal {k v} [$last read]
        assert_equal 0 [s total_blocking_keys]
    }

    test {Who is silent because it waits is not idle} {
        with_config {timeout 1} {
            set client [waiting blpop k 0]
            set idle [redis_client]
            set id [$idle client id]
            wait_for_condition 100 100 {[r client list id $id] eq {}} else { fail "the idle client stays" }
            r rpush k v
            assert_equal {k v} [$client read]
        }
    }

    test {A pause of writes holds the news back} {
        set client [waiting blpop k 0]
        r multi
        r rpush k v
        r client pause 100000 write
        r exec
        assert_equal 1 [s blocked_clients]
        assert_equal {v} [r lrange k 0 -1]
        r client unpause
        assert_equal {k v} [$client read]
        assert_equal 0 [r exists k]
    }

    test {CLIENT REPLY over a wait} {
        set client [redis_deferring_client]
        $client client reply skip
        $client blpop k 0
        $client echo behind
        wait_for_waiters 1
        r rpush k v
        assert_equal behind [$client read]
        $client client reply off
        $client blpop k 0
        wait_for_waiters 1
        r rpush k v
        $client client reply on
        assert_equal OK [$client read]
        assert_equal 0 [r exists k]
    }

    test {Statistics and the slow log know one call, when it is over} {
        r config resetstat
        with_config {slowlog-log-slower-than 0} {
            set client [waiting blpop k 0]
            r slowlog reset
            assert_equal 0 [calls_of blpop]
            r rpush k v
            $client read
            assert_equal 1 [calls_of blpop]
            set names [lmap entry [r slowlog get] { string tolower [lindex $entry 3 0] }]
            assert_equal 1 [llength [lsearch -all $names blpop]]
            $client blpop k 0.01
            assert_equal {} [$client read]
            assert_equal 2 [calls_of blpop]
            assert_match {*cmdstat_blpop:calls=2,*failed_calls=0*} [r info commandstats]
        }
    }

    test {MONITOR shows a waiting call once, when it begins} {
        set monitor [redis_deferring_client]
        $monitor monitor
        $monitor read
        set client [redis_deferring_client]
        $client blpop k 0
        assert_match {*"blpop" "k" "0"} [$monitor read]
        r rpush k v
        assert_match {*"rpush" "k" "v"} [$monitor read]
        $client read
        r echo end
        assert_match {*"echo" "end"} [$monitor read]
    }

    test {A crowd of waiters} {
        set count 500
        set clients {}
        for {set i 0} {$i < $count} {incr i} {
            set client [redis_deferring_client]
            $client blpop crowd 0
            lappend clients $client
        }
        wait_for_waiters $count
        for {set i 0} {$i < $count} {incr i 2} { [lindex $clients $i] close }
        wait_for_waiters [expr {$count / 2}]
        set values {}
        for {set i 0} {$i < $count / 2} {incr i} { lappend values $i }
        r rpush crowd {*}$values
        set got {}
        foreach {gone client} $clients { lappend got [lindex [$client read] 1] }
        assert_equal $values [lsort -integer $got]
        assert_equal 0 [r exists crowd]
    }

    test {A queue under load loses nothing and serves nothing twice} {
        set workers {}
        for {set i 0} {$i < 10} {incr i} {
            set worker [redis_deferring_client]
            for {set j 0} {$j < 100} {incr j} { $worker blpop queue other 0 }
            lappend workers $worker
        }
        for {set i 0} {$i < 1000} {incr i 4} {
            r rpush queue $i [expr {$i + 1}]
            r multi
            r lpush other [expr {$i + 2}]
            r rpush queue [expr {$i + 3}]
            r exec
        }
        set got {}
        foreach worker $workers {
            for {set j 0} {$j < 100} {incr j} { lappend got [lindex [$worker read] 1] }
        }
        set wanted {}
        for {set i 0} {$i < 1000} {incr i} { lappend wanted $i }
        assert_equal $wanted [lsort -integer $got]
        assert_equal {0 0} [list [r exists queue other] [s blocked_clients]]
    }
}

start_server {tags {blocking zset redis8}} {
    needs_commands bzpopmin bzmpop zadd

    test {Sorted sets are waited for, too} {
        set one [waiting bzpopmin z y 0]
        set two [waiting bzmpop 0 2 y z max count 2]
        r zadd z 1 a
        assert_equal {z a 1} [$one read]
        r zadd z 1 a 2 b 3 c
        assert_equal {z {{c 3} {b 2}}} [$two read]
        assert_equal 1 [r zcard z]
        r del z
    }

    # Such a member was handed to the client that waited.
    test {What does not live until the end of its transaction or script is given to nobody} {
        set one [waiting bzpopmin z 0]
        r multi
        r zadd z 1 short
        r pexpire z 50
        r debug sleep 0.1
        r exec
        assert_equal 1 [s blocked_clients]
        r zadd z 2 long
        assert_equal {z long 2} [$one read]
    }

    test {Lists and sorted sets in the same place} {
        if {[llength [lindex [r command info blpop] 0]] == 0} { skip "no lists" }
        set list [waiting blpop k 0]
        set zset [waiting bzpopmax k 0]
        r zadd k 1 a
        assert_equal {k a 1} [$zset read]
        assert_equal 1 [s blocked_clients]
        r rpush k v
        assert_equal {k v} [$list read]
    }
}
