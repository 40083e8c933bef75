# Key events on the real server; what is published by which command is compared in differential/keyspace-events.cmds.

start_server {tags {notify pubsub}} {
    proc events_of {pattern} {
        set client [redis_deferring_client]
        $client psubscribe $pattern
        $client read
        return $client
    }

    test {notify-keyspace-events applies at once, in both ways and none} {
        set client [events_of __key*]
        r set k v
        r config set notify-keyspace-events KA
        r set k v
        assert_equal {pmessage __key* __keyspace@0__:k set} [$client read]
        r config set notify-keyspace-events EA
        r select 2
        r set k v
        assert_equal {pmessage __key* __keyevent@2__:set k} [$client read]
        r select 0
        r config set notify-keyspace-events KE$
        r set k v
        r del k
        r config set notify-keyspace-events ""
        r set k v
        r publish __key:end x
        assert_equal {pmessage __key* __keyspace@0__:k set} [$client read]
        assert_equal {pmessage __key* __keyevent@0__:set k} [$client read]
        assert_equal {pmessage __key* __key:end x} [$client read]
        $client close
    }

    test {Expiry is published when the time has come, though nobody looks} {
        r config set notify-keyspace-events Ex
        set client [events_of __keyevent@0__:expired]
        for {set i 0} {$i < 100} {incr i} { r set key:$i v px [expr {1 + $i % 7}] }
        set seen {}
        for {set i 0} {$i < 100} {incr i} { lappend seen [lindex [$client read] 3] }
        assert_equal 100 [llength [lsort -unique $seen]]
        $client close
    }

    test {Key misses and new keys are classes of their own} {
        r config set notify-keyspace-events Emn
        set client [events_of __keyevent*]
        r del fresh
        r get fresh
        r set fresh 1
        r set fresh 2
        r publish __keyevent:end x
        assert_equal {pmessage __keyevent* __keyevent@0__:keymiss fresh} [$client read]
        assert_equal {pmessage __keyevent* __keyevent@0__:new fresh} [$client read]
        assert_equal {pmessage __keyevent* __keyevent:end x} [$client read]
        r config set notify-keyspace-events ""
        $client close
    }
}
