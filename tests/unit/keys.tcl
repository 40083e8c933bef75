# Commands on keys: figures, flushing in the background, names, databases under load, objects.

start_server {tags {keys}} {
    test {Hits and misses are counted once for each key that is read} {
        r flushall
        r set k v
        foreach {command hits misses} {
            {get k} 1 0  {get no} 0 1  {exists k no k} 2 1  {mget k no} 1 1  {ttl k} 1 0  {type no} 0 1  {strlen k} 1 0
            {set k w} 0 0  {append k x} 0 0  {del no} 0 0  {touch k} 1 0  {getex no} 0 1  {rename k k} 0 0
            {expire k 100} 0 0  {keys *} 0 0
        } {
            set before [list [s keyspace_hits] [s keyspace_misses]]
            r {*}$command
            assert_equal [list [expr {[lindex $before 0] + $hits}] [expr {[lindex $before 1] + $misses}]] \
                [list [s keyspace_hits] [s keyspace_misses]] $command
        }
    }

    test {Redis 8 counts OBJECT as well} {
        set before [list [s keyspace_hits] [s keyspace_misses]]
        r object encoding k
        r object encoding no
        assert_equal [list [expr {[lindex $before 0] + 1}] [expr {[lindex $before 1] + 1}]] \
            [list [s keyspace_hits] [s keyspace_misses]]
    } {redis8}

    test {INFO keyspace counts keys and deadlines of each database} {
        r flushall
        assert_equal {} [s db0]
        r mset a 1 b 2 c 3
        r expire b 1000
        r select 5
        r setex d 1000 x
        assert_match {keys=1,expires=1,avg_ttl=*} [s db5]
        r select 0
        assert_match {keys=3,expires=1,avg_ttl=*} [s db0]
        r persist b
        r del a
        assert_match {keys=2,expires=0,avg_ttl=0*} [s db0]
        r move b 5
        r swapdb 0 5
        assert_match {keys=2,expires=1*} [s db0]
        assert_match {keys=1,expires=0*} [s db5]
        r flushall
        assert_equal {{} {}} [list [s db0] [s db5]]
    }

    test {A rename moves everything and leaves nothing} {
        r flushall
        for {set i 0} {$i < 300} {incr i} { r set key:$i $i EX [expr {1000 + $i}] }
        for {set i 0} {$i < 300} {incr i} { r rename key:$i other:$i }
        assert_equal 300 [r dbsize]
        assert_equal {} [r keys key:*]
        for {set i 0} {$i < 300} {incr i 7} {
            assert_equal $i [r get other:$i]
            assert_range [r ttl other:$i] [expr {900 + $i}] [expr {1000 + $i}]
        }
        assert_match {keys=300,expires=300*} [s db0]
    }

    test {A copy lives on its own} {
        r flushall
        r set a [string repeat x 100000]
        r copy a b
        r copy a a DB 3
        r append a tail
        r setrange b 0 head
        assert_equal 100004 [r strlen a]
        assert_equal head [r getrange b 0 3]
        r select 3
        assert_equal [string repeat x 100000] [r get a]
        r select 0
    }

    test {SWAPDB exchanges databases for every client} {
        r flushall
        set other [redis_client]
        $other select 9
        $other set which nine
        r set which zero
        r set volatile v EX 1000
        r swapdb 0 9
        assert_equal nine [r get which]
        assert_equal zero [$other get which]
        assert_range [$other ttl volatile] 900 1000
        r swapdb 9 0
        assert_equal zero [r get which]
        $other close
    }

    test {Random keys come from all over the database} {
        r flushall
        assert_equal {} [r randomkey]
        for {set i 0} {$i < 50} {incr i} { r set key:$i x }
        set seen {}
        for {set i 0} {$i < 1500} {incr i} { dict incr seen [r randomkey] }
        # To miss one of fifty in 1500 draws: once in 10^11 runs.
        assert_equal 50 [dict size $seen]
    }

    test {RANDOMKEY passes over what has expired} {
        r flushall
        r debug set-active-expire 0
        for {set i 0} {$i < 20} {incr i} { r set gone:$i x PX 1 }
        r set stays x
        wait_for_condition 100 5 {[r pttl gone:19] == -2} else { fail "it does not expire" }
        for {set i 0} {$i < 30} {incr i} { assert_equal stays [r randomkey] }
        r debug set-active-expire 1
    }

    # ---- freeing in the background ---------------------------------------------------------------------------------

    test {FLUSHALL ASYNC empties at once, and the memory comes back} {
        r flushall
        set before [s used_memory]
        set value [string repeat x 2000]
        for {set i 0} {$i < 2000} {incr i} { r set key:$i $value }
        assert_more [s used_memory] [expr {$before + 4000000}]
        r flushall async
        assert_equal 0 [r dbsize]
        r set fresh 1
        wait_for_condition 100 20 {[s used_memory] < $before + 1000000 && [s lazyfree_pending_objects] == 0} else {
            fail "[s used_memory] bytes in use, $before before, [s lazyfree_pending_objects] pending"
        }
        assert_equal 1 [r get fresh]
    }

    test {What the background frees of small keys can be used by others, or goes back to the system} {
        r flushall
        set before [s allocator_active]
        set value [string repeat x 200]
        for {set round 0} {$round < 3} {incr round} {
            for {set i 0} {$i < 400} {incr i} {
                set pairs {}
                for {set j 0} {$j < 100} {incr j} { lappend pairs key:$i:$j $value }
                r mset {*}$pairs
            }
            assert_more [s allocator_active] [expr {$before + 8000000}]
            r flushall async
            wait_for_condition 200 50 {[s allocator_active] < $before + 3000000} else {
                fail "[s allocator_active] bytes active, $before before"
            }
        }
        assert_equal OK [r memory purge]
        assert_equal 0 [r dbsize]
    } {hematite-only}

    test {What is freed in the background is counted} {
        r flushall
        wait_for_condition 100 20 {[s lazyfree_pending_objects] == 0} else { fail "still pending" }
        r config resetstat
        assert_equal 0 [s lazyfreed_objects]
        for {set i 0} {$i < 100} {incr i} { r set key:$i x }
        r flushdb async
        wait_for_condition 100 20 {[s lazyfreed_objects] == 100} else {
            fail "[s lazyfreed_objects] objects counted"
        }
        assert_equal 0 [s lazyfree_pending_objects]
    }

    test {A large flush is answered when all is freed, and others are served meanwhile} {
        r flushall
        r debug populate 300000
        r config resetstat
        set flusher [redis_deferring_client]
        $flusher flushall
        $flusher incr k
        assert_equal OK [$flusher read]
        assert_equal 0 [s lazyfree_pending_objects]
        assert_equal 300000 [s lazyfreed_objects]
        assert_equal 1 [$flusher read]
        $flusher close
    } {redis8}

    test {The lazyfree options change how, not what} {
        foreach setting {yes no} {
            with_config [list lazyfree-lazy-user-del $setting lazyfree-lazy-user-flush $setting \
                    lazyfree-lazy-server-del $setting lazyfree-lazy-expire $setting] {
                r mset a [string repeat x 100000] b 1 c [string repeat y 100000]
                assert_equal 1 [r del a]
                r rename b c
                assert_equal 1 [r get c]
                r set c v PX 1
                wait_for_condition 100 5 {[r exists c] == 0} else { fail "it does not expire" }
                r set d 1
                r flushall
                assert_equal 0 [r dbsize]
            }
        }
    }

    # ---- objects ---------------------------------------------------------------------------------------------------

    test {OBJECT FREQ grows with accesses and TOUCH counts as one} {
        with_config {maxmemory-policy allkeys-lfu} {
            r set k v
            set before [r object freq k]
            for {set i 0} {$i < 200} {incr i} { r touch k }
            assert_more [r object freq k] $before
            assert_error {ERR An LFU maxmemory policy is selected*} {r object idletime k}
        }
        assert_error {ERR An LFU maxmemory policy is not selected*} {r object freq k}
    }

    test {OBJECT IDLETIME grows until the next access} {
        r set k v
        assert_range [r object idletime k] 0 1
        wait_for_condition 60 100 {[r object idletime k] >= 2} else { fail "time stands still" }
        r exists k
        r ttl k
        r type k
        assert_more [r object idletime k] 1
        r get k
        assert_range [r object idletime k] 0 1
    }

    test {CLIENT NO-TOUCH reads without an access, TOUCH is one all the same} {
        r set k v
        wait_for_condition 60 100 {[r object idletime k] >= 2} else { fail "time stands still" }
        r client no-touch on
        r get k
        r strlen k
        assert_more [r object idletime k] 1
        r touch k
        assert_range [r object idletime k] 0 1
        r client no-touch off
    } {redis8}

    test {MEMORY USAGE grows with key and value} {
        r flushall
        r set k v
        set small [r memory usage k]
        assert_range $small 8 200
        r set [string repeat k 1000] v
        assert_range [r memory usage [string repeat k 1000]] [expr {$small + 900}] [expr {$small + 1500}]
        r set k [string repeat v 100000]
        assert_range [r memory usage k] 100000 140000
        assert_equal {} [r memory usage nosuch]
    }

    test {MEMORY STATS agrees with INFO} {
        r flushall
        r mset a 1 b 2
        set stats [r memory stats]
        assert_equal 2 [dict get $stats keys.count]
        assert_range [dict get $stats total.allocated] [expr {[s used_memory] * 0.8}] [expr {[s used_memory] * 1.2}]
        assert {[dict get $stats peak.allocated] >= [dict get $stats total.allocated]}
        assert {[dict exists $stats db.0]}
        assert_equal {overhead.hashtable.main overhead.hashtable.expires} [lrange [dict keys [dict get $stats db.0]] 0 1]
        assert_equal OK [r memory purge]
    }

    # ---- events ----------------------------------------------------------------------------------------------------

    test {notify-keyspace-events takes classes in any order and shows them in its own} {
        foreach {letters shown} {KEA AKE Kg gK xEg gxE {} {} AmKE AKEm lshzxetd$gK AK} {
            r config set notify-keyspace-events $letters
            assert_equal [lsort [split $shown {}]] [lsort [split [config_get notify-keyspace-events] {}]] $letters
        }
        assert_error {*Invalid event class character*} {r config set notify-keyspace-events KEq}
        assert_equal AK [config_get notify-keyspace-events]
        r config set notify-keyspace-events {}
    }
}
