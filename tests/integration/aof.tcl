# The append-only file on real processes: what is written, what a start makes of it, crashes at any moment, and files
# that travel between servers. The rounds of crashes can be many: AOF_ROUNDS=500 tclsh tests/test_helper.tcl --single
# integration/aof

set aof {appendonly yes loglevel notice}
proc aof_path {name} { return [file join [srv dir] appendonlydir $name] }
proc aof_manifest {} { return [read_file [aof_path appendonly.aof.manifest]] }

# Ends the server; it can be launched again.
proc end_server {{signal TERM}} {
    server::close_clients [server::at 0]
    kill_server $signal
}

proc wait_for_rewrite {} {
    wait_for_condition 500 20 {
        [string match {*aof_rewrite_in_progress:0*aof_rewrite_scheduled:0*} [r info persistence]]
    } else {
        fail "the rewrite does not end"
    }
}

proc fill_all_types {} {
    r mset s v n 12 long [string repeat x 2000]
    r rpush l a b 3 c
    r sadd i 1 2 3
    r sadd m a b 4
    r zadd z 1 a 2.5 b -inf c
    r hset h f v n 7
    r pfadd p a b c
    r xadd x 1-1 f v
    r xadd x 2-1 f w g h
    r xdel x 1-1
    r xgroup create x g 0
    r xreadgroup GROUP g c COUNT 1 STREAMS x >
    r xgroup createconsumer x g idle
    r set e v px 100000
    r expire h 1000
    r select 3
    r set o 1
    r select 0
}

# The data as a text that any release answers alike: digests of scores differ between them.
proc data_of {client} {
    set out {}
    foreach key [lsort [$client keys *]] {
        switch [$client type $key] {
            string { set value [$client get $key] }
            list { set value [$client lrange $key 0 -1] }
            set { set value [lsort [$client smembers $key]] }
            zset { set value [$client zrange $key 0 -1 withscores] }
            hash { set value [lsort -stride 2 [$client hgetall $key]] }
            stream { set value [list [$client xrange $key - +] [$client xpending $key g]] }
        }
        lappend out $key $value [expr {[$client pttl $key] > 0}]
    }
    return $out
}

# ---- life ------------------------------------------------------------------------------------------------------------

# Consumers that got nothing were not told to the file, and gone after a start.
start_server [list tags {aof} overrides $aof] {
    test {Consumers that XREADGROUP makes without an entry are there after a start} {
        r xadd s 1-1 a b
        r xgroup create s g 0
        r xreadgroup GROUP g c1 STREAMS s >
        r xreadgroup GROUP g c2 STREAMS s >
        r xreadgroup GROUP g c3 STREAMS s 0
        assert_equal {} [r xreadgroup GROUP g c4 BLOCK 10 STREAMS s >]
        proc consumers {} { return [lmap consumer [r xinfo consumers s g] { dict get $consumer name }] }
        assert_equal {c1 c2 c3 c4} [consumers]
        restart_server 0 KILL
        assert_equal {c1 c2 c3 c4} [consumers]
    } {hematite-only}
}

start_server [list tags {aof} overrides $aof] {
    test {A first start makes a base, an increment and a manifest} {
        assert_match {*Creating AOF base file appendonly.aof.1.base.rdb on server start*Creating AOF incr file\
            appendonly.aof.1.incr.aof on server start*} [server_log]
        assert_match {file appendonly.aof.1.base.rdb seq 1 type b*file appendonly.aof.1.incr.aof seq 1 type i*} \
            [aof_manifest]
    }

    test {The manifest notes how much was told before an increment, and with it when the end was in order} {
        assert_match "*incr.aof seq 1 type i startoffset 0\n" [aof_manifest]
        r set a 1
        r multi
        r set a 2
        r set b 2
        r exec
        assert_equal 5 [s master_repl_offset]
        end_server
        assert_match "*incr.aof seq 1 type i startoffset 0 endoffset 5\n" [aof_manifest]
        server::launch [server::at 0]
        assert_equal 5 [s master_repl_offset]
        assert_match "*incr.aof seq 1 type i startoffset 0\n" [aof_manifest]
        r flushall
    }

    test {What was written is there after a stop and after a crash} {
        fill_all_types
        set digest [r debug digest]
        foreach signal {TERM KILL} {
            restart_server 0 $signal
            assert_equal [r debug digest] $digest
        }
        assert_match {*DB loaded from base file appendonly.aof.1.base.rdb*DB loaded from incr file*DB loaded from append\
            only file*Opening AOF incr file appendonly.aof.1.incr.aof on server start*} [server_log]
    }

    foreach preamble {yes no} {
        test "A rewrite keeps everything, aof-use-rdb-preamble $preamble" {
            r config set aof-use-rdb-preamble $preamble
            set digest [r debug digest]
            assert_match {Background append only file rewriting started} [r bgrewriteaof]
            wait_for_rewrite
            assert_equal [s aof_last_bgrewrite_status] ok
            assert_equal [r debug digest] $digest
            restart_server
            assert_equal [r debug digest] $digest
            wait_for_condition 100 20 {[llength [glob [aof_path *]]] == 3} else { fail "history stays" }
        }
    }

    test {BGREWRITEAOF waits for a snapshot, and inside a transaction for its end} {
        r config set rdb-key-save-delay 1000000
        r bgsave
        assert_match {*scheduled} [r bgrewriteaof]
        assert_error {*in progress*} {r bgsave}
        assert_error {*in progress*} {r save}
        r config set rdb-key-save-delay 0
        assert_equal [r bgsave cancel] {Background saving cancelled}
        wait_for_rewrite
        r multi
        r bgrewriteaof
        r set inside 1
        assert_match {*scheduled* OK} [r exec]
        wait_for_rewrite
        assert_equal [s aof_rewrite_scheduled] 0
    } {hematite-only}

    test {Where there is no append-only file, a transaction that asks for a rewrite, or for the file, has it when it has ended} {
        r config set appendonly no
        r set n 0
        set rewrites [s aof_rewrites]
        foreach {ask answer} {bgrewriteaof *scheduled {config set appendonly yes} OK} {
            r multi
            r incr n
            r {*}$ask
            r incr n
            assert_match $answer [lindex [r exec] 1]
            wait_for_rewrite
            assert_equal [s aof_rewrites] [incr rewrites]
            assert_equal [s aof_last_bgrewrite_status] ok
        }
        assert_equal [s aof_enabled] 1
        r incr n
        restart_server
        assert_equal [r get n] 5
    } {hematite-only}

    test {It is switched off and on while clients write} {
        set load [start_write_load 127.0.0.1 [srv port]]
        r config set appendonly no
        assert_equal [s aof_enabled] 0
        r config set appendonly yes
        wait_for_rewrite
        stop_write_load $load
        wait_for_condition 100 20 {[s instantaneous_ops_per_sec] < 100} else { fail "the load goes on" }
        set digest [r debug digest]
        restart_server 0 KILL
        assert_equal [r debug digest] $digest
    }

    test {SHUTDOWN ends a rewrite and forces the file out} {
        r config set rdb-key-save-delay 1000000
        r bgrewriteaof
        catch {r shutdown}
        wait_exit
        assert_match {*There is a child rewriting the AOF. Killing it!*Calling fsync() on the AOF file.*bye bye*} [server_log]
        assert_equal [glob -nocomplain [file join [srv dir] temp-*]] {}
    }
}

# ---- damaged ends ----------------------------------------------------------------------------------------------------

start_server [list tags {aof} overrides $aof] {
    set incr [aof_path appendonly.aof.1.incr.aof]

    test {A torn command at the end is cut off, and a torn transaction as a whole} {
        r set a 1
        r debug sleep 0
        set sound [read_file $incr]
        foreach tail [list "*3\r\n\$3\r\nSET\r\n\$1\r\nx" "*1\r\n\$5\r\nMULTI\r\n*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\n\$1\r\n1\r\n" \
                "*1\r\n\$5\r\nMULTI\r\n*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\n\$1\r\n1\r\n*3\r\n\$3\r\nSET\r\n\$1\r\ny"] {
            end_server KILL
            write_file $incr $sound$tail
            set from [log_size]
            server::launch [server::at 0]
            assert_equal [r keys *] a
            assert_equal [file size $incr] [string length $sound]
            wait_for_log "*Truncating the AOF appendonly.aof.1.incr.aof at offset [string length $sound] !!!" $from
            wait_for_log {*loaded anyway because aof-load-truncated is enabled} $from
        }
        r set b 1
        restart_server 0 KILL
        assert_equal [lsort [r keys *]] {a b}
    } {hematite-only}

    foreach {what tail wanted} {
        garbage "garbage\r\n" {*Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup*}
        {an unknown command} "*1\r\n\$4\r\nNOPE\r\n" {*Unknown command 'NOPE' reading the append only file*}
        {a short end that is not allowed} "*1\r\n\$4\r\nPI" {*Unexpected end of file reading the append only file*}
    } {
        test "A file with $what ends the start" {
            set sound [read_file $incr]
            end_server KILL
            write_file $incr $sound$tail
            set result [run_server [list [srv config] --aof-load-truncated no]]
            assert_equal 1 [dict get $result status]
            assert_match $wanted [dict get $result output]
            write_file $incr $sound
            server::launch [server::at 0]
        }
    }
}

# ---- as of a moment ----------------------------------------------------------------------------------------------------

start_server [list tags {aof hematite-only} overrides [concat $aof {aof-timestamp-enabled yes}]] {
    test {--restore-to brings the data back as of a second, and keeps what came later aside} {
        r set n old
        set then [lindex [r time] 0]
        wait_for_condition 100 50 {[lindex [r time] 0] >= $then + 2} else { fail "time stands still" }
        r set n new
        end_server
        set id [server::at 0]
        dict set server::info($id,options) args [list --restore-to $then]
        server::launch $id
        assert_equal [r get n] old
        wait_for_log {*The data are restored as of*}
        assert {[file exists [aof_path appendonly.aof.before-$then/appendonly.aof.manifest]]}
        dict set server::info($id,options) args {}
        restart_server
        assert_equal [r get n] old
    }
}

# ---- crashes -----------------------------------------------------------------------------------------------------------

# A client sends transactions that keep a and b equal; at a random moment the server is killed. What it answered must be
# there after a start, for `always`; for `everysec` what it answered until two seconds before.
proc crash_round {policy} {
    set client [redis_deferring_client]
    set sent [expr {20 + [random_int 400]}]
    for {set i 0} {$i < $sent} {incr i} {
        $client multi
        $client incr a
        $client incr b
        $client exec
        if {$i % 50 == 49} { $client flush }
    }
    $client flush
    if {[random_int 4] == 0} { catch {r bgrewriteaof} }
    set answered 0
    set answers {}
    set wanted [random_int $sent]
    while {$answered < $wanted} {
        for {set i 0} {$i < 3} {incr i} { $client read }
        set last [lindex [$client read] 0]
        incr answered
        lappend answers $last [clock milliseconds]
    }
    set killed [clock milliseconds]
    restart_server 0 KILL
    lassign [r mget a b] a b
    if {$a eq {}} { set a 0 }
    if {$b eq {}} { set b 0 }
    assert_equal $a $b "no transaction is halved"
    foreach {value at} $answers {
        # A write may wait for two seconds for a sync that takes its time.
        if {$policy eq "everysec" && $killed - $at < 2000} break
        assert {$a >= $value} "$value was answered [expr {$killed - $at}] ms before the end, $a is there"
    }
    return $a
}

foreach policy {always everysec} {
    start_server [list tags {aof slow} overrides [concat $aof [list appendfsync $policy]]] {
        test "kill -9 at random moments, appendfsync $policy" {
            set rounds [expr {[info exists ::env(AOF_ROUNDS)] ? $::env(AOF_ROUNDS) : 12}]
            for {set round 0} {$round < $rounds} {incr round} { crash_round $policy }
        }
    }
}

# ---- other servers -----------------------------------------------------------------------------------------------------

if {$::oracle_path ne {}} {
    foreach preamble {yes no} {
        start_server [list tags {aof} binary $::oracle_path overrides [concat $aof "aof-use-rdb-preamble $preamble" \
                {enable-debug-command yes}]] {
            test "Files travel from the oracle to us and back, aof-use-rdb-preamble $preamble" {
                fill_all_types
                r bgrewriteaof
                wait_for_rewrite
                r rpush l later
                r incr n
                set data [data_of [server::client [server::at 0]]]
                end_server
                set theirs [file join [srv dir] appendonlydir]
                start_server [list overrides [concat $aof "aof-use-rdb-preamble $preamble"] no_leak_check 1] {
                    end_server
                    file delete -force [file join [srv dir] appendonlydir]
                    file copy $theirs [file join [srv dir] appendonlydir]
                    server::launch [server::at 0]
                    assert_equal [data_of [server::client [server::at 0]]] $data
                    r bgrewriteaof
                    wait_for_rewrite
                    r rpush l ours
                    r incr n
                    r sadd new 1
                    set data [data_of [server::client [server::at 0]]]
                    end_server
                    file delete -force $theirs
                    file copy [file join [srv dir] appendonlydir] $theirs
                    server::launch [server::at 0]
                }
                server::launch [server::at 0]
                assert_equal [data_of [server::client [server::at 0]]] $data
            }
        }
    }
}
