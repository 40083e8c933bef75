# Scripts on the running server: real ones as queues, locks and limiters bring them, slow ones, and what others see of them.

# A token bucket, as limiters run it: the time is the caller's, so that the test is no matter of time.
set limiter {
    local tokens, last = tonumber(redis.call('HGET', KEYS[1], 'tokens')), tonumber(redis.call('HGET', KEYS[1], 'ts'))
    local capacity, rate, now, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    if tokens == nil then tokens, last = capacity, now end
    tokens = math.min(capacity, tokens + math.max(0, now - last) * rate)
    local allowed = tokens >= wanted
    if allowed then tokens = tokens - wanted end
    redis.call('HSET', KEYS[1], 'tokens', tokens, 'ts', now)
    redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 2) * 1000)
    return { allowed and 1 or 0, tostring(tokens) }
}

# A lock is released by who holds it only.
set unlock {
    if redis.call("get", KEYS[1]) == ARGV[1] then
        return redis.call("del", KEYS[1])
    else
        return 0
    end
}

# A job goes from the waiting list to the active one, is marked, and told of in a stream; packed options tell how.
set move_to_active {
    local rcall = redis.call
    local opts = cmsgpack.unpack(ARGV[2])
    local job = rcall('RPOPLPUSH', KEYS[1], KEYS[2])
    if not job then
        local next = rcall('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
        if #next > 0 then return { 0, 0, tonumber(next[2]) } end
        return { 0, 0, 0 }
    end
    if string.sub(job, 1, 2) == "0:" then
        rcall('LREM', KEYS[2], 1, job)
        return { 0, 0, 0 }
    end
    local key = ARGV[1] .. job
    rcall('SET', key .. ':lock', opts.token, 'PX', opts.lockDuration)
    rcall('HSET', key, 'processedOn', opts.now)
    rcall('HINCRBY', key, 'attemptsMade', 1)
    rcall('XADD', KEYS[3], 'MAXLEN', '~', opts.maxEvents, '*', 'event', 'active', 'jobId', job, 'prev', 'waiting')
    return { rcall('HGETALL', key), job, 0 }
}

start_server {tags {scripting}} {
    test {A rate limiter lets through what the bucket holds, and fills it again} {
        set answers {}
        foreach {now wanted} {100 3 100 3 101 1 102 5 110 10} {
            lappend answers [r eval $limiter 1 bucket 5 1 $now $wanted]
        }
        assert_equal {{1 2} {0 2} {1 2} {0 3} {0 5}} $answers
        assert_range [r pttl bucket] 9000 10000
    }

    test {A lock is released by its owner only} {
        r set lock me NX PX 30000
        assert_equal 0 [r eval $unlock 1 lock somebody]
        assert_equal me [r get lock]
        assert_equal 1 [r eval $unlock 1 lock me]
        assert_equal 0 [r exists lock]
    }

    test {A queue moves a job to the active ones, with its lock and its event} {
        # {token: "t", lockDuration: 30000, now: 1700000000000, maxEvents: 100}
        set options [r eval {
            return cmsgpack.pack({token = 't', lockDuration = 30000, now = 1700000000000, maxEvents = 100})
        } 0]
        set sha [r script load $move_to_active]
        r hset q:1 name mail data {{"to":"x"}}
        r lpush q:wait 1
        set got [r evalsha $sha 4 q:wait q:active q:events q:delayed q: $options]
        assert_equal {1 0} [lrange $got 1 2]
        assert_equal 1 [dict get [lindex $got 0] attemptsMade]
        assert_equal 1700000000000 [dict get [lindex $got 0] processedOn]
        assert_equal 1 [r lrange q:active 0 -1]
        assert_equal t [r get q:1:lock]
        assert_equal {event active jobId 1 prev waiting} [lindex [r xrange q:events - +] 0 1]
        r zadd q:delayed 4711 2
        assert_equal {0 0 4711} [r evalsha $sha 4 q:wait q:active q:events q:delayed q: $options]
    }

    test {Scripts in a transaction, and a queue of them in one pipeline} {
        r del n
        r multi
        r eval {return redis.call('incr', KEYS[1])} 1 n
        r eval {return redis.call('nosuch')} 0
        r get n
        assert_equal 1 [lindex [r exec] 0]
        set client [redis_deferring_client]
        for {set i 0} {$i < 1000} {incr i} { $client eval {return redis.call('incr', KEYS[1])} 1 n }
        for {set i 0} {$i < 1000} {incr i} { assert_equal [expr {$i + 2}] [$client read] }
    }

    test {INFO tells of scripts} {
        r script flush
        for {set i 0} {$i < 10} {incr i} { r eval "return $i" 0 }
        assert_equal 10 [s number_of_cached_scripts]
        assert {[s used_memory_vm_eval] > 0}
        r script flush sync
        assert_equal 0 [s number_of_cached_scripts]
    }

    test {Scripts can be forgotten in the background} {
        proc many {} { for {set i 0} {$i < 100} {incr i} { r eval "return $i" 0 } }
        many
        set freed [s lazyfreed_objects]
        r script flush async
        assert_equal 0 [s number_of_cached_scripts]
        wait_for_condition 500 10 {[s lazyfreed_objects] >= $freed + 100} else { fail "they are not freed" }
        assert_equal 5 [r eval {return 5} 0]
        # Without a word, the option decides.
        foreach lazy {no yes} {
            with_config [list lazyfree-lazy-user-flush $lazy] {
                many
                set freed [s lazyfreed_objects]
                r script flush
                wait_for_condition 500 10 {[s lazyfree_pending_objects] == 0} else { fail "they are not freed" }
                assert_equal [expr {$lazy eq "yes"}] [expr {[s lazyfreed_objects] > $freed}]
            }
        }
    }

    test {A long script lets others be refused, and can be killed} {
        set client [redis_deferring_client]
        with_config {busy-reply-threshold 10} {
            foreach body {
                {while true do end}
                {local f = function() while 1 do redis.call('ping') end end while 1 do pcall(f) end}
            } {
                $client eval $body 0
                wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
                assert_match {BUSY *SCRIPT KILL*} $answer
                assert_error {BUSY *} {r function kill}
                assert_equal OK [r script kill]
                assert_error {*killed by user*} {$client read}
                wait_for_condition 500 10 {![catch {r ping}]} else { fail "it is not over" }
            }
            assert_error {NOTBUSY *} {r script kill}
        }
    }

    test {A slow script that has written can only be waited for} {
        set client [redis_deferring_client]
        r set go 0
        with_config {busy-reply-threshold 10} {
            # It ends when somebody has changed their name, which is allowed meanwhile.
            r debug set-disable-deny-scripts 1
            $client eval {
                redis.call('set', KEYS[1], 'written')
                repeat until string.find(redis.call('client', 'list'), 'name=enough')
                return 'done'
            } 1 k
            wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
            assert_error {UNKILLABLE *} {r script kill}
            r hello 2 setname enough
            assert_equal done [$client read]
            r debug set-disable-deny-scripts 0
            r client setname {}
        }
        assert_equal written [r get k]
    }

    test {Who waits for a key is not served in the middle of a slow script} {
        set waiter [redis_deferring_client]
        set client [redis_deferring_client]
        $waiter blpop x 0
        wait_for_condition 500 10 {[s blocked_clients] == 1} else { fail "it does not wait" }
        with_config {busy-reply-threshold 10} {
            r debug set-disable-deny-scripts 1
            $client eval {
                redis.call('lpush', KEYS[1], 'y')
                repeat until string.find(redis.call('client', 'list'), 'name=enough')
                redis.call('lpush', KEYS[1], 'z')
            } 1 x
            wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
            r hello 2 setname enough
            assert_equal {x z} [$waiter read]
            $client read
            r debug set-disable-deny-scripts 0
            r client setname {}
        }
    }

    test {A script that has written is killed, and its writes taken back} {
        set client [redis_deferring_client]
        r flushall
        r set old 1
        r rpush list a b
        r hset hash f v
        r expire hash 1000
        with_config {busy-reply-threshold 10 script-undo yes} {
            $client eval {
                redis.call('set', KEYS[1], 'new')
                redis.call('append', KEYS[1], 'er')
                redis.call('del', KEYS[2])
                redis.call('rpush', KEYS[2], 'c')
                redis.call('hset', KEYS[3], 'f', 'w', 'g', 'x')
                redis.call('persist', KEYS[3])
                redis.call('set', KEYS[4], 'made')
                while true do end
            } 4 old list hash made
            wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
            assert_equal OK [r script kill]
            assert_error {*killed by user*} {$client read}
            assert_equal 1 [r get old]
            assert_equal {a b} [r lrange list 0 -1]
            assert_equal {f v} [r hgetall hash]
            assert_range [r ttl hash] 900 1000
            assert_equal 0 [r exists made]
            assert_equal 3 [r dbsize]
            # What cannot be undone cannot be killed: this FLUSHALL has overwritten the snapshot.
            r debug set-disable-deny-scripts 1
            r config set save {3600 1}
            $client eval {
                redis.call('select', 3)
                redis.call('flushall')
                repeat until string.find(redis.call('client', 'list'), 'name=enough')
            } 0
            wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
            assert_error {UNKILLABLE *} {r script kill}
            r hello 2 setname enough
            $client read
            r config set save {}
            r debug set-disable-deny-scripts 0
            r client setname {}
        }
        assert_equal 0 [r dbsize]
    } {hematite-only}

    test {A script that eats memory ends with an error} {
        # A build without optimisation works for long on fifty million steps.
        r timeout 120000
        with_config {script-memory-limit 16mb} {
            r script flush
            assert_error {*not enough memory*} {r eval {local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end} 0}
            assert_error {*not enough memory*} {r eval {return ('x'):rep(1e9)} 0}
            assert_error {*pattern too complex*} {
                r eval {return (('a'):rep(60)):match(('a?'):rep(60) .. ('a'):rep(60) .. 'b')} 0
            }
            assert_equal 1 [r eval {return 1} 0]
        }
    } {hematite-only}
}

start_server {tags {scripting}} {
    test {SHUTDOWN NOSAVE ends a slow script that has written, and the server} {
        set client [redis_deferring_client]
        r config set busy-reply-threshold 10
        $client eval {redis.call('set', 'k', 'v') while true do end} 0
        wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
        catch {r shutdown nosave}
        wait_exit
    }
}

# The half of a script's writes were in the snapshot, and there after the next start.
foreach {kind kill} {script {script kill} function {function kill}} {
    start_server {tags {scripting} overrides {save {900 1}}} {
        test "Only SHUTDOWN NOSAVE ends a server while a $kind is busy" {
            set client [redis_deferring_client]
            r config set busy-reply-threshold 10
            set body {redis.call('set', 'k', 'v') while true do end}
            if {$kind eq {function}} {
                r function load "#!lua name=l\nredis.register_function('f', function() $body end)"
                $client fcall f 0
            } else {
                $client eval $body 0
            }
            wait_for_condition 500 10 {[catch {r ping}]} else { fail "it is never slow" }
            foreach how {{} save now force {save now force}} {
                assert_error "BUSY *You can only call [string toupper $kill] or SHUTDOWN NOSAVE." {
                    r shutdown {*}$how
                }
            }
            assert_error {ERR syntax error} {r shutdown save nosave}
            assert_error {ERR No shutdown in progress.} {r shutdown abort}
            catch {r shutdown nosave force}
            wait_exit
            assert {![file exists [file join [srv dir] dump.rdb]]}
        }
    }
}

# What was appended. Checksums come when there is time for them.
proc aof_text {} {
    set text [read_file [lindex [lsort [glob [file join [srv dir] appendonlydir *.incr.aof]]] end]]
    return [regsub -all {#CRC:[^\n]*\n} $text {}]
}

start_server {tags {scripting aof} overrides {appendonly yes save {}}} {
    test {redis.set_repl says what goes into the append-only file} {
        r eval {
            redis.call('set', 'default', 1)
            redis.set_repl(redis.REPL_NONE)
            redis.call('set', 'none', 1)
            redis.set_repl(redis.REPL_AOF)
            redis.call('set', 'aof', 1)
            redis.set_repl(redis.REPL_REPLICA)
            redis.call('set', 'replica', 1)
            redis.set_repl(redis.REPL_SLAVE)
            redis.call('set', 'slave', 1)
            redis.set_repl(redis.REPL_ALL)
            redis.call('set', 'all', 1)
        } 0
        r eval {redis.set_repl(redis.REPL_AOF) redis.call('rpush', 'aof-only', 'a', 'b') redis.call('lpop', 'aof-only')} 0
        r eval {redis.set_repl(redis.REPL_NONE) redis.call('set', 'none-only', 1)} 0
        r eval {redis.set_repl(redis.REPL_REPLICA) redis.call('select', 4) redis.call('set', 'replica-only', 1)} 0
        # What one script has chosen is nothing to the next.
        r eval {return redis.call('set', 'after', 1)} 0
        assert_equal 9 [r dbsize]
        restart_server 0 KILL
        assert_equal {after all aof aof-only default} [lsort [r keys *]]
        assert_equal b [r lrange aof-only 0 -1]
        assert_no_match *none* [aof_text]
        assert_no_match *replica* [aof_text]
    }
}

start_server {tags {scripting aof hematite-only} overrides {appendonly yes save {} script-undo yes busy-reply-threshold 10}} {
    # What can be known of the data, in every database.
    proc whole {} {
        set out [list [r debug digest] [regsub -all {avg_ttl=\d+} [r info keyspace] {}]]
        foreach db {0 1 9 15} {
            r select $db
            foreach key [lsort [r keys *]] {
                lappend out $db $key [r object encoding $key] [r pexpiretime $key]
                if {[r type $key] eq "hash"} { lappend out [r hpexpiretime $key fields 2 f g] }
            }
        }
        r select 0
        return $out
    }

    proc kill_after {body} {
        set client [redis_deferring_client]
        $client eval "$body while true do end" 0
        wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
        assert_equal OK [r script kill]
        assert_error {*killed by user*} {$client read}
        $client close
    }

    test {Of a script that is killed nothing is left in any database, nor in the append-only file} {
        foreach db {0 1 9} {
            r select $db
            r mset s value n 12 long [string repeat x 3000]
            r rpush l a b 3
            r sadd m a b 4
            r zadd z 1 a 2 b
            r hset h f v g w
            r hpexpire h 100000 fields 1 f
            r xadd x 1-1 f v
            r xgroup create x g 0
            r set t short px 100000
            r expire m 1000
        }
        r select 0
        set before [whole]
        set aof [aof_text]
        foreach body {
            {redis.call('move', 's', 15) redis.call('del', 't') redis.call('move', 'm', 15)}
            {redis.call('copy', 'h', 'h2') redis.call('copy', 's', 's', 'DB', 1, 'REPLACE') redis.call('copy', 'm', 'm', 'DB', 15)}
            {redis.call('rename', 't', 's') redis.call('rename', 'l', 'new')}
            {redis.call('sort', 'm', 'alpha', 'store', 't') redis.call('sunionstore', 'h', 'm') redis.call('zrangestore', 's', 'z', 0, -1)}
            {redis.call('swapdb', 0, 1) redis.call('set', 's', 'x') redis.call('swapdb', 1, 9) redis.call('del', 'h')}
            {redis.call('set', 's', 'x') redis.call('flushdb') redis.call('set', 's', 'y') redis.call('swapdb', 0, 15)}
            {redis.call('flushall') redis.call('select', 9) redis.call('hset', 'h', 'f', 1) redis.call('flushall', 'async')}
            {redis.call('hdel', 'h', 'f', 'g') redis.call('xreadgroup', 'group', 'g', 'c', 'streams', 'x', '>')}
        } {
            kill_after $body
            assert_equal $before [whole]
            assert_equal $aof [aof_text]
        }
        restart_server 0 KILL
        assert_equal [lindex $before 0] [r debug digest]
    }

    test {A function that has written is killed like a script} {
        r function load {#!lua name=f
            redis.register_function('f', function() redis.call('move', 's', 15) while true do end end)
        }
        set before [whole]
        set client [redis_deferring_client]
        $client fcall f 0
        wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
        assert_error {BUSY *} {r script kill}
        assert_equal OK [r function kill]
        assert_error {*killed by user*} {$client read}
        assert_equal $before [whole]
    }
}
