# The limit for memory: what goes, what is refused, and that the limit is kept.

proc fill {count bytes {more {}}} {
    set client [redis_deferring_client]
    for {set i 0} {$i < $count} {incr i} { $client set key:$i [string repeat x $bytes] {*}$more }
    set refused 0
    for {set i 0} {$i < $count} {incr i} { if {[catch {$client read} answer]} { incr refused } }
    $client close
    return $refused
}

# What a client that asks occupies itself comes on top.
proc is_kept {limit} { expr {[s used_memory] <= $limit + 65536} }

start_server {tags {maxmemory}} {
    foreach policy {allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl} {
        test "Memory stays below the limit under $policy" {
            r flushall
            r config resetstat
            set limit [expr {[s used_memory] + 1024 * 1024}]
            r config set maxmemory $limit maxmemory-policy $policy
            assert_equal 0 [fill 8000 500 {EX 1000}]
            wait_for_condition 100 20 {[is_kept $limit]} else { fail "[s used_memory] of $limit in use" }
            assert_more [s evicted_keys] 3000
            assert_more [r dbsize] 1000
            r config set maxmemory 0
        }
    }

    test {Where nothing may go, what needs memory is refused, and the rest is not} {
        foreach policy {noeviction volatile-lru} {
            r flushall
            r config resetstat
            r set stays here
            r config set maxmemory-policy $policy maxmemory [expr {[s used_memory] + 1024 * 1024}]
            assert_more [fill 5000 500] 1000
            r config set maxmemory 1
            assert_error "OOM command not allowed when used memory > 'maxmemory'." {r lpush l x}
            assert_equal here [r get stays]
            assert_equal 0 [s evicted_keys]
            assert_equal 1 [r del stays]
            r config set maxmemory 0
            assert_equal 1 [r lpush l x]
        }
    }

    test {Above the limit a transaction that needs no memory can be carried out} {
        r flushall
        r config set maxmemory-policy noeviction
        r set bb 1
        r rpush l a b c
        r config set maxmemory 1
        r multi
        foreach command {{get bb} {del bb} {lpop l} ping} { assert_equal QUEUED [r {*}$command] }
        assert_equal {1 1 a PONG} [r exec]
        r multi
        assert_error "OOM command not allowed when used memory > 'maxmemory'." {r set cc 1}
        assert_error {EXECABORT*} {r exec}
        r config set maxmemory 0
    } {redis8}

    test {A lower limit is reached without anybody calling} {
        r flushall
        fill 8000 500
        r config set maxmemory-policy allkeys-lru maxmemory [expr {[s used_memory] / 2}]
        wait_for_condition 200 20 {[is_kept [s maxmemory]]} else { fail "[s used_memory] in use" }
        assert_more [s evicted_keys] 2000
        r config set maxmemory 0
    } {hematite-only}

    test {Of what was read and what was not, the latter goes} {
        r flushall
        fill 2000 500
        r config set maxmemory-policy allkeys-lru maxmemory-samples 10
        set clock [s lru_clock]
        wait_for_condition 300 20 {[s lru_clock] > $clock + 1} else { fail {the clock stands} }
        for {set i 0} {$i < 500} {incr i} { r get key:$i }
        r config set maxmemory [expr {[s used_memory] - 500 * 600}]
        wait_for_condition 200 20 {[is_kept [s maxmemory]]} else { fail "[s used_memory] in use" }
        set left 0
        for {set i 0} {$i < 500} {incr i} { incr left [r exists key:$i] }
        assert_more $left 480
        r config set maxmemory 0
    }
}
