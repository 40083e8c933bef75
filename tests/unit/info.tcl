# INFO.

proc sections_of {text} { return [regexp -all -inline -line {^# [A-Za-z_]+} $text] }

start_server {tags {info}} {
    test {INFO has its sections in order} {
        set names [lmap section [sections_of [r info]] { string range $section 2 end }]
        assert_equal [list Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster \
            Keyspace] [lmap name $names { if {$name in {Threads Keysizes}} continue; set name }]
    } {redis8}

    test {INFO with names of sections} {
        assert_equal {{# Server}} [sections_of [r info server]]
        assert_equal {{# Server}} [sections_of [r info SERVER]]
        assert_same_members {{# Server} {# Clients}} [sections_of [r info clients server clients]]
        assert_equal {} [r info nosuch]
        assert_contains [sections_of [r info default commandstats]] {# Commandstats}
        assert_equal [sections_of [r info]] [sections_of [r info default]]
        foreach name {all everything} {
            foreach section {Server Commandstats Latencystats Keyspace} {
                assert_contains [sections_of [r info $name]] "# $section"
            }
        }
    }

    test {INFO lines end in CRLF, sections are parted by an empty line} {
        set text [r info server clients]
        assert_match "# Server\r\n*\r\n\r\n# Clients\r\n*\r\n" $text
        foreach line [split [string map [list \r\n \x01] $text] \x01] {
            assert {$line eq {} || [string match {# *} $line] || [regexp {^[a-zA-Z0-9_|.]+:} $line]} $line
        }
    }

    test {INFO is a verbatim text in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client info server
        assert_match {= {txt:# Server*}} [$client tree]
    }

    test {INFO server} {
        set info [r info server]
        assert_regexp {^\d+\.\d+\.\d+$} [info_field $info redis_version]
        assert_equal standalone [info_field $info redis_mode]
        assert_equal [srv pid] [info_field $info process_id]
        assert_equal [srv port] [info_field $info tcp_port]
        assert_equal [srv config] [info_field $info config_file]
        assert_equal [file normalize $::server_path] [file normalize [info_field $info executable]]
        assert_regexp {^[0-9a-f]{40}$} [info_field $info run_id]
        assert_equal 64 [info_field $info arch_bits]
        assert_equal [expr {[clock seconds] / 10}] [expr {[info_field $info server_time_usec] / 10000000}]
        assert_equal 10 [info_field $info hz]
        assert_range [info_field $info uptime_in_seconds] 0 100
        assert_match "name=tcp,bind=127.0.0.1,port=[srv port]" [info_field $info listener0]
    }

    test {Hematite says who it is} {
        assert_equal hematite [s server_name]
        assert_equal 8.2.3 [s redis_version]
        assert_regexp {^\d+\.\d+\.\d+} [s hematite_version]
    } {hematite-only}

    test {INFO has the fields of Redis 8} {
        set missing {}
        set info [r info everything]
        foreach field {
            redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits monotonic_clock
            multiplexing_api process_id process_supervised run_id tcp_port server_time_usec
            uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable config_file io_threads_active
            connected_clients cluster_connections maxclients client_recent_max_input_buffer
            client_recent_max_output_buffer blocked_clients tracking_clients pubsub_clients watching_clients
            clients_in_timeout_table total_watched_keys total_blocking_keys total_blocking_keys_on_nokey
            used_memory used_memory_human used_memory_rss used_memory_peak used_memory_overhead
            used_memory_startup used_memory_dataset allocator_allocated total_system_memory used_memory_lua
            number_of_cached_scripts number_of_functions maxmemory maxmemory_human maxmemory_policy
            mem_fragmentation_ratio mem_not_counted_for_evict mem_replication_backlog mem_clients_slaves
            mem_clients_normal mem_cluster_links mem_aof_buffer mem_allocator active_defrag_running
            lazyfree_pending_objects lazyfreed_objects
            loading async_loading current_cow_size rdb_changes_since_last_save rdb_bgsave_in_progress
            rdb_last_save_time rdb_last_bgsave_status rdb_saves aof_enabled aof_rewrite_in_progress
            aof_last_bgrewrite_status aof_last_write_status
            total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes
            total_net_output_bytes total_net_repl_input_bytes instantaneous_input_kbps rejected_connections
            sync_full sync_partial_ok sync_partial_err expired_keys expired_stale_perc evicted_keys
            evicted_clients total_eviction_exceeded_time keyspace_hits keyspace_misses pubsub_channels
            pubsub_patterns pubsubshard_channels latest_fork_usec total_forks migrate_cached_sockets
            active_defrag_hits tracking_total_keys unexpected_error_replies total_error_replies
            dump_payload_sanitizations total_reads_processed total_writes_processed acl_access_denied_auth
            client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections
            reply_buffer_shrinks reply_buffer_expands eventloop_cycles eventloop_duration_sum
            instantaneous_eventloop_cycles_per_sec
            role connected_slaves master_failover_state master_replid master_replid2 master_repl_offset
            second_repl_offset repl_backlog_active repl_backlog_size repl_backlog_histlen
            used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children cluster_enabled
        } {
            if {![regexp -line "^$field:" $info]} { lappend missing $field }
        }
        assert_equal {} $missing
    } {redis8}

    test {INFO keysizes counts values by size} {
        r flushall
        set shown { string trim [string map [list "# Keysizes" {} \r\n { } db0_distrib_ {}] [r info keysizes]] }
        assert_equal {} [eval $shown]
        foreach {key size} {a 1 b 2 c 3 d 1000 e 1024 f 2047 g 2048} { r set $key [string repeat x $size] }
        r set empty {}
        r set number -12
        assert_equal strings_sizes:0=1,1=1,2=3,512=1,1K=2,2K=1 [eval $shown]
        r append a [string repeat x 4095]
        r setrange b 1048575 x
        r incrby number 100000
        assert_equal strings_sizes:0=1,2=1,4=1,512=1,1K=2,2K=1,4K=1,1M=1 [eval $shown]
        r del a b c d e f g empty number
        r rpush l 1 2 3
        r hset h f v
        r zadd z 1 a 2 b
        r sadd s a b c d
        r xadd stream * f v
        assert_equal {lists_items:2=1 sets_items:4=1 zsets_items:2=1 hashes_items:1=1} [eval $shown]
        r lpop l 2
        r copy h h2
        r rename z z2
        r spop s
        assert_equal {lists_items:1=1 sets_items:2=1 zsets_items:2=1 hashes_items:1=2} [eval $shown]
        r restore l 0 [r dump s] replace
        r sort s alpha store sorted
        r pexpire h 1
        wait_for_condition 100 10 {[r dbsize] == 6} else { fail "h is still there" }
        assert_equal {lists_items:2=1 sets_items:2=2 zsets_items:2=1 hashes_items:1=1} [eval $shown]
        r swapdb 0 9
        assert_match "# Keysizes\r\ndb9_distrib_lists_items:2=1\r\n*" [r info keysizes]
        r flushall async
        assert_equal {} [eval $shown]
    } {redis8}

    test {Clients are counted} {
        assert_equal 1 [s connected_clients]
        set before [s total_connections_received]
        set client [redis_client]
        $client ping
        assert_equal 2 [s connected_clients]
        assert_equal [expr {$before + 1}] [s total_connections_received]
        $client close
        wait_for_condition 50 10 {[s connected_clients] == 1} else { fail "the client still counts" }
    }

    test {Bytes are counted} {
        set in [s total_net_input_bytes]
        set out [s total_net_output_bytes]
        r echo [string repeat x 100000]
        assert_range [expr {[s total_net_input_bytes] - $in}] 100000 101000
        assert_range [expr {[s total_net_output_bytes] - $out}] 100000 140000
    }

    test {Operations per second are measured} {
        set client [redis_deferring_client]
        for {set round 0} {$round < 60 && [s instantaneous_ops_per_sec] == 0} {incr round} {
            $client write [string repeat "PING\r\n" 200]
            $client flush
            for {set i 0} {$i < 200} {incr i} { $client readline }
            pause 20
        }
        assert_more [s instantaneous_ops_per_sec] 0
    }

    test {The memory in use is told} {
        set info [r info memory]
        assert_more [info_field $info used_memory] 100000
        assert_more [info_field $info used_memory_rss] 1000000
        assert_regexp {^\d+\.\d\d[BKMG]$} [info_field $info used_memory_human]
        assert {[info_field $info used_memory_peak] >= [info_field $info used_memory]}
        r config set maxmemory 100mb
        assert_equal 104857600 [s maxmemory]
        assert_equal 100.00M [s maxmemory_human]
        r config set maxmemory 0
    }

    test {used_memory follows what is kept} {
        needs_commands set del
        set before [s used_memory]
        r set big [string repeat x 5000000]
        assert_more [s used_memory] [expr {$before + 5000000}]
        wait_for_condition 100 20 {[s used_memory] < $before + 9000000} else { fail "more than the value is kept" }
        r del big
        wait_for_condition 50 10 {[s used_memory] < $before + 2000000} else { fail "not given back" }
    }

    test {The memory of scripts and functions is told} {
        needs_commands eval function
        r eval {return 1} 0
        set before [s used_memory_vm_functions]
        r function load "#!lua name=lib\nlocal big = '[string repeat x 500000]'\n\
            redis.register_function('f', function() return #big end)"
        set info [r info memory]
        assert_more [info_field $info used_memory_vm_eval] 1000
        assert_range [info_field $info used_memory_vm_functions] [expr {$before + 500000}] 10000000
        assert_equal [info_field $info used_memory_vm_total] \
            [expr {[info_field $info used_memory_vm_eval] + [info_field $info used_memory_vm_functions]}]
        assert_more [info_field $info used_memory_functions] 0
        assert_equal 1 [info_field $info number_of_functions]
        r function flush
    } {redis8}

    test {INFO replication of a master} {
        assert_equal master [s role]
        assert_equal 0 [s connected_slaves]
        assert_regexp {^[0-9a-f]{40}$} [s master_replid]
        assert_equal [string repeat 0 40] [s master_replid2]
    }

    test {Keyspace lines} {
        needs_commands set expire flushall
        r flushall
        r set a 1
        r set b 1
        r expire b 1000
        r select 3
        r set c 1
        r select 0
        assert_match {keys=2,expires=1,avg_ttl=*} [s db0]
        assert_match {keys=1,expires=0,avg_ttl=0*} [s db3]
        assert_equal {} [s db1]
        r flushall
    }

    test {CPU time grows} {
        set before [expr {[s used_cpu_user] + [s used_cpu_sys]}]
        r debug sleep 0
        set client [redis_deferring_client]
        wait_for_condition 50 1 {[r echo [string repeat x 1000000]] ne {} &&
            [s used_cpu_user] + [s used_cpu_sys] > $before} else { fail "no CPU time" }
    }

    test {Refusals of the query buffer are counted} {
        set before [s client_query_buffer_limit_disconnections]
        r config set client-query-buffer-limit 1048576
        set client [raw_client]
        catch {
            $client write "*2\r\n\$4\r\nECHO\r\n\$9000000\r\n[string repeat x 3000000]"
            $client flush
        }
        assert_closed $client
        r config set client-query-buffer-limit 1gb
        assert_equal [expr {$before + 1}] [s client_query_buffer_limit_disconnections]
    } {redis8}
}
