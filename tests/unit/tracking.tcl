# Client-side caching on the real server; who is told what and when is compared in differential/tracking-resp3.cmds.

start_server {tags {tracking}} {
    # A client of RESP3 whose replies and pushes are read one by one.
    proc caching_client {args} {
        set client [redis_deferring_client]
        foreach call [list {hello 3} [list client tracking on {*}$args]] {
            $client {*}$call
            $client read
        }
        return $client
    }

    test {A reader is told of a change once} {
        set client [caching_client]
        r set k 1
        $client get k
        assert_equal 1 [$client read]
        assert_equal {1 1 0} [list [s tracking_total_keys] [s tracking_total_items] [s tracking_total_prefixes]]
        r set k 2
        r set k 3
        assert_equal {invalidate k} [$client read]
        $client ping
        assert_equal PONG [$client read]
        assert_equal 1 [s tracking_clients]
        assert_match {*flags=t *redir=0 resp=3*} [r client list]
        $client close
        wait_for_condition 100 20 { [s tracking_clients] == 0 } else { fail "still counted" }
    }

    test {Invalidations go to the client of REDIRECT, which may speak RESP2, until it goes} {
        set ear [redis_deferring_client]
        $ear client id
        set id [$ear read]
        $ear subscribe __redis__:invalidate
        $ear read
        set client [caching_client redirect $id]
        $client client getredir
        assert_equal $id [$client read]
        $client mget a b
        $client read
        r mset a 1 b 2
        assert_equal {message __redis__:invalidate a} [$ear read]
        assert_equal {message __redis__:invalidate b} [$ear read]
        r flushall
        assert_equal {message __redis__:invalidate {}} [$ear read]
        $client get a
        $client read
        $ear close
        wait_for_condition 100 20 { ![string match "*id=$id *" [r client list]] } else { fail "still there" }
        r set a 1
        assert_equal [list tracking-redir-broken $id] [$client read]
        assert_match {*flags=tR *} [r client list]
        $client close
    }

    test {Prefixes: all keys of a transaction in one message} {
        set client [caching_client bcast prefix user: prefix session:]
        r multi
        r set user:2 x
        r set user:1 x
        r set other x
        r exec
        assert_equal {invalidate {user:1 user:2}} [$client read]
        assert_equal 2 [s tracking_total_prefixes]
        assert_match {*flags=tB *} [r client list]
        $client close
        wait_for_condition 100 20 { [s tracking_total_prefixes] == 0 } else { fail "prefixes of nobody" }
    }

    test {Expiry is told} {
        set client [caching_client]
        r set short 1 px 30
        $client get short
        assert_equal 1 [$client read]
        assert_equal {invalidate short} [$client read]
        $client close
    }

    test {tracking-table-max-keys bounds the table, and what is forgotten is told} {
        r config set tracking-table-max-keys 100
        set client [caching_client]
        for {set i 0} {$i < 200} {incr i} { $client get key:$i }
        # The answers, and one push for each key that was too many.
        set told {}
        for {set i 0} {$i < 300} {incr i} {
            set frame [$client read]
            if {[lindex $frame 0] eq "invalidate"} { lappend told [lindex $frame 1] }
        }
        assert_equal 100 [llength [lsort -unique $told]]
        assert_equal 100 [s tracking_total_keys]
        r config set tracking-table-max-keys 1000000
        $client close
        wait_for_condition 100 20 { [s tracking_total_keys] <= 100 } else { fail "the table has grown" }
    }
}
