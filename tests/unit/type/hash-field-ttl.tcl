# Deadlines of fields: on time, kept and dropped as they should be, in all encodings.

# Listpack and table.
proc volatile_encodings {body} {
    foreach {entries encoding} {512 listpackex 0 hashtable} {
        with_config [list hash-max-listpack-entries $entries] {
            uplevel 1 [list set encoding $encoding]
            uplevel 1 $body
        }
    }
}

start_server {tags {hash expire}} {
    needs_commands hexpire hsetex

    test {A field is gone when its time is up, not before} {
        volatile_encodings {
            r del key
            r hset key stays x
            set due [expr {[clock milliseconds] + 200}]
            r hsetex key PXAT $due FIELDS 1 f v
            wait_for_condition 2000 2 {[r hget key f] ne "v"} else { fail "it stays" }
            # This clock is the server's.
            assert {[clock milliseconds] >= $due}
            assert_equal {-2 0} [list [r httl key FIELDS 1 f] [r hexists key f]]
            assert_equal {stays x} [r hgetall key]
            assert_encoding $encoding key
        }
    }

    test {Fields go away although nobody asks for them, and the hash with the last} {
        volatile_encodings {
            r flushall
            r config resetstat
            for {set i 0} {$i < 300} {incr i} {
                r hset key:$i a 1 b 2
                r hpexpire key:$i [expr {1 + [random_int 100]}] FIELDS [expr {$i % 2 ? 1 : 2}] a {*}[expr {$i % 2 ? {} : {b}}]
            }
            wait_for_condition 200 20 {[r dbsize] == 150} else { fail "[r dbsize] keys are still there" }
            wait_for_condition 200 20 {[s expired_subkeys] == 450} else { fail "[s expired_subkeys] of 450" }
            assert_match {keys=150,expires=0,*} [s db0]
            assert_equal 0 [s expired_keys]
            assert_equal {b 2} [r hgetall key:1]
        }
    }

    test {A large hash loses all fields that are due} {
        r del key
        set client [redis_deferring_client]
        for {set i 0} {$i < 20000} {incr i} { $client hset key f$i $i }
        set deadline [expr {[clock milliseconds] + 100}]
        for {set i 0} {$i < 20000} {incr i 100} {
            set fields {}
            for {set j $i} {$j < $i + 100} {incr j} { if {$j % 10} { lappend fields f$j } }
            $client hpexpireat key $deadline FIELDS [llength $fields] {*}$fields
        }
        for {set i 0} {$i < 20200} {incr i} { $client read }
        $client close
        wait_for_condition 200 20 {[r hlen key] == 2000} else { fail "[r hlen key] fields are still there" }
        for {set i 0} {$i < 20000} {incr i 7} { assert_equal [expr {$i % 10 ? {} : $i}] [r hget key f$i] }
        r del key
    }

    test {Random changes agree with a model under a running clock} {
        # The step is long, so that it does not matter how long a command takes to arrive.
        volatile_encodings {
            r del key
            array unset value
            array unset until
            for {set i 0} {$i < 1500} {incr i} {
                set field f[random_int 30]
                switch [random_int 8] {
                    0 - 1 {
                        r hset key $field $i
                        set value($field) $i
                        set until($field) 0
                    }
                    2 {
                        set ms [expr {4000000000000 + [random_int 5]}]
                        r hsetex key PXAT $ms FIELDS 1 $field $i
                        set value($field) $i
                        set until($field) $ms
                    }
                    3 {
                        set ms [expr {4000000000000 + [random_int 5]}]
                        set there [info exists value($field)]
                        assert_equal [expr {$there ? 1 : -2}] [r hpexpireat key $ms FIELDS 1 $field]
                        if {$there} { set until($field) $ms }
                    }
                    4 {
                        set wanted [expr {![info exists value($field)] ? -2 : $until($field) ? 1 : -1}]
                        assert_equal $wanted [r hpersist key FIELDS 1 $field]
                        if {$wanted == 1} { set until($field) 0 }
                    }
                    5 {
                        assert_equal [info exists value($field)] [r hdel key $field]
                        array unset value $field
                        array unset until $field
                    }
                    6 {
                        assert_equal [expr {[info exists value($field)] ? 2 : -2}] [r hpexpireat key 1 FIELDS 1 $field]
                        array unset value $field
                        array unset until $field
                    }
                    7 {
                        set wanted [expr {![info exists value($field)] ? -2 : $until($field) ? $until($field) : -1}]
                        assert_equal $wanted [r hpexpiretime key FIELDS 1 $field]
                    }
                }
            }
            assert_equal [lsort -stride 2 [array get value]] [lsort -stride 2 [r hgetall key]] $encoding
            set moments {}
            foreach field [lsort [array names until]] { lappend moments [expr {$until($field) ? $until($field) : -1}] }
            assert_equal $moments [r hpexpiretime key FIELDS [array size until] {*}[lsort [array names until]]]
        }
    }

    test {HTTL counts a second that has begun} {
        r del key
        r hset key f v
        r hpexpire key 100400 FIELDS 1 f
        assert_equal 101 [r httl key FIELDS 1 f]
        assert_range [r hpttl key FIELDS 1 f] 99000 100400
        r hpexpireat key 4000000000001 FIELDS 1 f
        assert_equal {4000000001 4000000000001} [list [r hexpiretime key FIELDS 1 f] [r hpexpiretime key FIELDS 1 f]]
    }

    test {Deadlines follow the key} {
        volatile_encodings {
            r flushall
            r hset a f v g w
            r hpexpireat a 4000000000000 FIELDS 1 f
            r rename a b
            r copy b c
            r move c 1
            assert_equal {4000000000000 -1} [r hpexpiretime b FIELDS 2 f g]
            r swapdb 0 1
            assert_equal {4000000000000 -1} [r hpexpiretime c FIELDS 2 f g]
            assert_match {*subexpiry=1} [s db0]
            r hpexpire c 20 FIELDS 1 f
            wait_for_condition 100 20 {[r hgetall c] eq {g w}} else { fail [r hgetall c] }
            r select 1
            assert_equal {4000000000000 -1} [r hpexpiretime b FIELDS 2 f g]
            r select 0
            r set c string
            assert_equal string [r get c]
        }
    }

    test {A deadline in the past removes the field on the spot} {
        volatile_encodings {
            r del key
            r hset key a 1 b 2 c 3 d 4
            assert_equal {2 -2} [r hexpire key 0 FIELDS 2 a nofield]
            assert_equal {2} [r hpexpireat key 1 FIELDS 1 b]
            assert_equal {3} [r hgetex key PXAT 1 FIELDS 1 c]
            assert_equal 1 [r hsetex key PXAT 1 FIELDS 1 d 5]
            assert_equal 0 [r exists key]
        }
    }

    test {What fails changes neither values nor deadlines} {
        r del key
        r hset key a 1 text x
        r hpexpireat key 4000000000000 FIELDS 2 a text
        foreach command {{hexpire key x FIELDS 1 a} {hexpire key -1 FIELDS 1 a} {hexpire key 10 FIELDS 2 a}
                {hexpire key 10 FOO 1 a} {hpexpireat key 70368744177664 FIELDS 1 a} {hgetex key EX 10 FIELDS 2 a}
                {hgetex key EX 0} {hsetex key EX 10 FIELDS 2 a 1} {hsetex key FNX FXX FIELDS 1 a 1}
                {hsetex key EX 10 KEEPTTL FIELDS 1 a 1} {hpersist key FIELDS 0 a} {hgetdel key FIELDS 2 a}
                {hincrby key text 1} {hincrbyfloat key text 1} {hset key a}} {
            assert_error {*} {r {*}$command} $command
        }
        assert_equal 0 [r hsetex key FNX EX 10 FIELDS 2 a 5 new 5]
        assert_equal 0 [r hsetex key FXX EX 10 FIELDS 2 a 5 new 5]
        assert_equal {text x a 1} [r hgetall key]
        assert_equal {4000000000000 4000000000000} [r hpexpiretime key FIELDS 2 a text]
    }

    # Runs each command on a hash with a field `stays` and a field `f` whose time is up.
    proc on_due_field {commands} {
        r debug set-active-expire 0
        foreach {command wanted} $commands {
            r del key
            r hset key f 7 stays x
            r hpexpire key 1 FIELDS 1 f
            set deadline [expr {[clock milliseconds] + 3}]
            wait_for_condition 100 2 {[clock milliseconds] > $deadline} else { fail "time stands still" }
            assert_equal $wanted [r {*}$command] $command
        }
        r debug set-active-expire 1
    }

    test {Without active expiry no reader sees a field whose time is up} {
        on_due_field {
            {hget key f} {}  {hgetall key} {stays x}  {hmget key f stays} {{} x}  {hexists key f} 0  {hkeys key} stays
            {hvals key} x  {hstrlen key f} 0  {hrandfield key 5} stays  {hscan key 0} {0 {stays x}}  {httl key FIELDS 1 f} -2
            {hpersist key FIELDS 1 f} -2  {hgetex key FIELDS 1 f} {{}}  {hgetdel key FIELDS 1 f} {{}}
        }
    }

    # Redis 8.2 counts such a field as one that was there, at times.
    test {Without active expiry a field whose time is up is a new one for writers} {
        on_due_field {
            {hset key f 1} 1  {hincrby key f 3} 3  {hincrbyfloat key f 3} 3  {hsetnx key f 1} 1  {hdel key f} 0
            {hsetex key FNX FIELDS 1 f 1} 1  {hsetex key FXX FIELDS 1 f 1} 0  {hexpire key 10 FIELDS 1 f} -2
        }
    } {hematite-only}

    test {Without active expiry access removes all fields whose time is up} {
        r debug set-active-expire 0
        r del key
        r hset key a 1 b 2 c 3
        r hpexpire key 1 FIELDS 2 a b
        wait_for_condition 100 2 {[r hlen key] == 1} else { fail [r hlen key] }
        r hpexpire key 1 FIELDS 1 c
        wait_for_condition 100 2 {![r exists key]} else { fail [r hgetall key] }
        r debug set-active-expire 1
    } {hematite-only}

    test {A transaction that watches a hash fails when a field of it goes away} {
        r del key
        r hset key f v stays x
        r watch key
        r hpexpire key 1 FIELDS 1 f
        r unwatch
        r hpexpire key 50 FIELDS 1 stays
        r watch key
        wait_for_condition 100 10 {![r exists key]} else { fail [r hgetall key] }
        r multi
        r ping
        assert_equal {} [r exec]
    } {hematite-only}

    test {A deadline costs the fields that have one} {
        foreach {volatile most} {0 54 1 75} {
            r del key
            set client [redis_deferring_client]
            for {set i 0} {$i < 10000} {incr i} {
                set options [expr {$volatile ? "PXAT [expr {4000000000000 + $i * 997 % 100000}]" : {}}]
                $client hsetex key {*}$options FIELDS 1 [format field:%012d $i] [format value:%08d $i]
            }
            for {set i 0} {$i < 10000} {incr i} { $client read }
            $client close
            assert_less [expr {[r memory usage key] / 10000.0}] $most
        }
    } {hematite-only}
}
