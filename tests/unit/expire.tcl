# Times to live: on time, kept and dropped as they should be, and cheap to have.

start_server {tags {expire}} {
    test {A key is gone when its time is up, not before} {
        r flushall
        set due [expr {[clock milliseconds] + 200}]
        r set k v PXAT $due
        wait_for_condition 2000 2 {[set got [r get k]] ne "v"} else { fail "it stays" }
        # This clock is the server's.
        assert {[clock milliseconds] >= $due}
        assert_equal {} $got
        assert_equal {-2 -2 0} [list [r ttl k] [r pttl k] [r exists k]]
    }

    test {Expired keys go away although nobody asks for them} {
        r flushall
        r config resetstat
        for {set i 0} {$i < 500} {incr i} { r set key:$i x PX [expr {1 + [random_int 100]}] }
        r set stays x EX 1000
        wait_for_condition 100 20 {[r dbsize] == 1} else { fail "[r dbsize] keys are still there" }
        assert_equal 500 [s expired_keys]
        assert_match {keys=1,expires=1,*} [s db0]
    }

    test {Few expired keys among many volatile ones are found on time} {
        r flushall
        set client [redis_deferring_client]
        for {set i 0} {$i < 20000} {incr i} { $client set key:$i x EX 1000 }
        for {set i 0} {$i < 20000} {incr i} { $client read }
        $client close
        r config resetstat
        for {set i 0} {$i < 20} {incr i} { r pexpire key:[expr {$i * 997}] 50 }
        wait_for_condition 300 10 {[s expired_keys] == 20} else { fail "[s expired_keys] of 20 are gone" }
        assert_equal 19980 [r dbsize]
    } {hematite-only}

    test {Without active expiry only an access removes a key} {
        r flushall
        r debug set-active-expire 0
        r set a x PX 1
        r set b x PX 1
        wait_for_condition 100 5 {[r pttl a] == -2} else { fail "it does not expire" }
        wait_for_condition 100 5 {[r exists b] == 0} else { fail "it does not expire" }
        set deadline [expr {[clock milliseconds] + 20}]
        r set c x PXAT $deadline
        wait_for_condition 100 5 {[clock milliseconds] > $deadline} else { fail "time stands still" }
        assert_equal 1 [r dbsize]
        assert_equal {} [r get c]
        assert_equal 0 [r dbsize]
        r debug set-active-expire 1
    }

    test {TTL rounds, PTTL does not} {
        r set k v PX 1600
        assert_equal 2 [r ttl k]
        assert_range [r pttl k] 1000 1600
        r pexpire k 1400000
        assert_equal 1400 [r ttl k]
        r pexpireat k 4000000000499
        assert_equal {4000000000 4000000000499} [list [r expiretime k] [r pexpiretime k]]
        r pexpireat k 4000000000500
        assert_equal 4000000001 [r expiretime k]
    }

    test {Conditions compare with the deadline as it is; none is the latest} {
        r set k v
        foreach {condition ms done} {XX 100000 0  GT 100000 0  LT 100000 1  NX 5000 0  GT 50000 0  GT 200000 1
                LT 300000 0  LT 50000 1  XX 70000 1} {
            assert_equal $done [r pexpire k $ms $condition] "$condition $ms"
            if {$done} { assert_range [r pttl k] [expr {$ms - 5000}] $ms }
        }
        assert_equal 1 [r persist k]
        assert_equal 1 [r expire k 100 NX]
        assert_equal 0 [r expire k -1 GT]
        assert_equal 1 [r exists k]
        assert_equal 1 [r expire k -1 LT]
        assert_equal 0 [r exists k]
    }

    test {A deadline in the past deletes at once} {
        foreach command {{expire k 0} {expire k -100} {pexpire k -1} {expireat k 1} {pexpireat k 1} {pexpireat k -5}
                {getex k EXAT 1} {getex k PXAT 1}} {
            r set k v
            r {*}$command
            assert_equal 0 [r dbsize] $command
        }
    }

    test {Times that no clock reaches are refused, and nothing changes} {
        r set k v EX 1000
        foreach command {{expire k 9223372036854775807} {expire k 9223372036854775} {expire k -9223372036854775808}
                {pexpire k 9223372036854775807} {expireat k 9223372036854775807} {set k w EX 9223372036854775807}
                {set k w PX 9223372036854775807} {setex k 9223372036854775807 w} {psetex k 9223372036854775807 w}
                {getex k EX 9223372036854775807} {set k w EX 0} {set k w PX -1}} {
            assert_error {ERR invalid expire time in '*' command} {r {*}$command} $command
        }
        assert_equal v [r get k]
        assert_range [r ttl k] 990 1000
        r pexpireat k 9223372036854775807
        assert_equal 9223372036854775807 [r pexpiretime k]
        r flushall
    }

    test {Deadlines follow their keys through names and databases} {
        r flushall
        for {set i 0} {$i < 200} {incr i} { r set key:$i $i PX 300 }
        for {set i 0} {$i < 200} {incr i 4} { r rename key:$i renamed:$i }
        for {set i 1} {$i < 200} {incr i 4} { r move key:$i 7 }
        for {set i 2} {$i < 200} {incr i 4} { r persist key:$i }
        for {set i 3} {$i < 200} {incr i 4} { r set key:$i new }
        r copy renamed:0 copied
        r swapdb 7 8
        wait_for_condition 100 20 {[s db8] eq {} && [llength [r keys *]] == 100 && [r dbsize] == 100} else {
            fail "db0 [s db0], db8 [s db8]"
        }
        assert_equal {} [r keys renamed:*]
        assert_equal 0 [r exists copied]
        assert_match {keys=100,expires=0,*} [s db0]
    }

    test {A key written again before its deadline does not go with the old one} {
        r flushall
        r set old x PX 30
        for {set i 0} {$i < 50} {incr i} {
            r set key:$i x PX 30
            r set key:$i y EX 1000
        }
        wait_for_condition 100 10 {[r dbsize] == 50} else { fail "[r dbsize] keys" }
        for {set i 0} {$i < 50} {incr i} { assert_equal y [r get key:$i] }
    }

    test {Deadlines moved to and fro leave nothing behind} {
        r flushall
        r set key:0 x
        set count 100
        for {set i 0} {$i < 3000} {incr i} {
            set key key:[random_int $count]
            switch [random_int 6] {
                0 { r set $key x EX [expr {100 + [random_int 1000]}] }
                1 { r expire $key [expr {100 + [random_int 1000]}] }
                2 { r persist $key }
                3 { r del $key }
                4 { r rename [r randomkey] $key }
                5 { r set $key x }
            }
            if {[r dbsize] == 0} { r set $key x }
        }
        set volatile 0
        foreach key [r keys *] { incr volatile [expr {[r ttl $key] > 0}] }
        assert_match "keys=[r dbsize],expires=$volatile,*" [s db0]
        foreach key [r keys *] { r pexpire $key 1 }
        wait_for_condition 100 20 {[r dbsize] == 0} else { fail "[r dbsize] keys stay" }
        assert_equal {} [s db0]
    }

    test {expired_keys counts each once, whoever found it} {
        r flushall
        r config resetstat
        r set a x PX 1
        wait_for_condition 100 5 {[r get a] eq {}} else { fail "it does not expire" }
        r get a
        r exists a
        assert_equal 1 [s expired_keys]
    }

    test {While clients are paused for writes nothing expires, and it is not to be seen} {
        r flushall
        r config resetstat
        r set k x PX 1
        r client pause 100000 WRITE
        wait_for_condition 100 5 {[r get k] eq {}} else { fail "it is still to be seen" }
        assert_equal 1 [r dbsize]
        assert_equal k [r randomkey] ;# where all have expired
        assert_equal 0 [s expired_keys]
        r client unpause
        wait_for_condition 100 20 {[s expired_keys] == 1} else { fail "it never expires" }
        assert_equal 0 [r dbsize]
        assert_equal {} [r randomkey]
    }

    test {avg_ttl tells how long volatile keys have left} {
        r flushall
        r config set active-expire-effort 10
        for {set i 0} {$i < 100} {incr i} { r set key:$i x PX 100000 }
        wait_for_condition 100 50 {[regexp {avg_ttl=(\d+)} [s db0] -> ms] && $ms > 50000 && $ms <= 100000} else {
            fail "avg_ttl of [s db0]"
        }
        r config set active-expire-effort 1
    }
}
