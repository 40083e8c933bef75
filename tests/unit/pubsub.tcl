# Publish/subscribe on the real server; replies byte by byte are compared in differential/pubsub.cmds.

start_server {tags {pubsub}} {
    proc listener {args} {
        set client [redis_deferring_client]
        $client {*}$args
        $client read
        return $client
    }

    test {A message reaches who listens to its channel and who has a pattern for it} {
        set one [listener subscribe news]
        set two [listener psubscribe n*]
        assert_equal 2 [r publish news "hello\r\n\x00"]
        assert_equal [list message news "hello\r\n\x00"] [$one read]
        assert_equal [list pmessage n* news "hello\r\n\x00"] [$two read]
        assert_equal 1 [r publish nothing x]
        assert_equal {pmessage n* nothing x} [$two read]
        $one close
        $two close
        wait_for_condition 100 20 { [r publish news x] == 0 } else { fail "the listeners are still counted" }
    }

    test {A shard's channels are a space of their own} {
        set client [listener ssubscribe news]
        assert_equal 0 [r publish news x]
        assert_equal 1 [r spublish news y]
        assert_equal {smessage news y} [$client read]
        assert_equal {news 1 other 0} [r pubsub shardnumsub news other]
        assert_equal {} [r pubsub channels]
        $client close
    }

    test {Large messages arrive whole, at many at once} {
        set clients {}
        for {set i 0} {$i < 40} {incr i} { lappend clients [listener subscribe big] }
        foreach size {10 5000 1000000} {
            assert_equal 40 [r publish big [string repeat x $size]]
        }
        foreach client $clients {
            foreach size {10 5000 1000000} { assert_equal $size [string length [lindex [$client read] 2]] }
            $client close
        }
    }

    test {Publishers that do not wait: every one of many listeners has everything, in order} {
        set clients {}
        for {set i 0} {$i < 300} {incr i} {
            # A third listens to one channel, a third to both, a third to both by patterns.
            set client [listener {*}[lindex {{subscribe left} {subscribe left right} {psubscribe l* r*}} [expr {$i % 3}]]]
            if {$i % 3} { $client read }
            lappend clients $client
        }
        foreach side {left right} {
            set $side [redis_deferring_client]
            for {set n 0} {$n < 100} {incr n} { [set $side] publish $side $n:[string repeat $side [expr {$n % 40}]] }
        }
        # Who asks in the middle of it is answered in the middle of it.
        [lindex $clients 299] ping
        foreach side {left right} receivers {300 200} {
            for {set n 0} {$n < 100} {incr n} { assert_equal $receivers [[set $side] read] }
            [set $side] close
        }
        for {set i 0} {$i < 300} {incr i} {
            array set next {left 0 right 0}
            set pongs 0
            while {$next(left) < 100 || $next(right) < ($i % 3 ? 100 : 0) || $pongs < ($i == 299)} {
                set got [[lindex $clients $i] read]
                if {[lindex $got 0] eq "pong"} { incr pongs; continue }
                lassign [lrange $got end-1 end] side payload
                set n $next($side)
                assert_equal $n:[string repeat $side [expr {$n % 40}]] $payload
                incr next($side)
            }
            [lindex $clients $i] close
        }
    }

    test {Many channels of one client, and none of them is left behind} {
        set client [redis_deferring_client]
        set names {}
        for {set i 0} {$i < 2000} {incr i} { lappend names channel:$i }
        $client subscribe {*}$names
        foreach name $names { set last [$client read] }
        assert_equal {subscribe channel:1999 2000} $last
        assert_equal 2000 [s pubsub_channels]
        assert_equal 1 [s pubsub_clients]
        $client close
        wait_for_condition 100 20 { [s pubsub_channels] == 0 } else { fail "channels of a client that has gone" }
        assert_equal 0 [s pubsub_clients]
    }

    test {CLIENT LIST shows subscriptions, and CLIENT KILL TYPE pubsub means their clients} {
        set client [redis_deferring_client]
        $client subscribe a b
        $client read
        $client read
        $client psubscribe c*
        $client read
        assert_match {*flags=P *sub=2 psub=1 ssub=0 *cmd=psubscribe*} [r client list type pubsub]
        assert_equal 1 [r client kill type pubsub]
        assert_equal {} [r pubsub channels]
        assert_error {*} {$client read}
        $client close
    }

    test {A listener that reads nothing is closed by the limit of its class, and only that one} {
        r config set client-output-buffer-limit "pubsub 1mb 0 0"
        set slow [listener subscribe flood]
        set quick [listener subscribe flood]
        set payload [string repeat x 100000]
        for {set i 0} {$i < 1000} {incr i} {
            set receivers [r publish flood $payload]
            $quick read
            if {$receivers < 2} break
        }
        assert_equal 1 $receivers
        assert_equal 1 [s client_output_buffer_limit_disconnections]
        $slow close
        $quick close
        r config set client-output-buffer-limit "pubsub 32mb 8mb 60"
    }

    # It once stayed at 65688 for good, however much was kept.
    test {omem shows what the limit counts} {
        r config set client-output-buffer-limit "pubsub 100000 0 0"
        set slow [listener subscribe flood]
        set payload [string repeat x 10000]
        set most 0
        for {set i 0} {$i < 5000 && [r publish flood $payload] > 0} {incr i} {
            if {[regexp {omem=(\d+)} [r client list type pubsub] - omem]} { set most [expr {max($most, $omem)}] }
        }
        assert_range $most 70000 100000
        assert_equal {} [r client list type pubsub]
        $slow close
        r config set client-output-buffer-limit "pubsub 32mb 8mb 60"
    }
}
