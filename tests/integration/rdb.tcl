# Snapshots: saved, loaded at the start, damaged, and carried to and from other servers.

# Something of every type and encoding. With `fields` also fields that expire and a consumer that never was active, which
# Redis 7.0 does not know.
proc populate {{fields 0}} {
    r mset string hello empty {} int 12345 big-int 9223372036854775807 negative -70000 4711 value
    r set long [string repeat a 300]
    r set longer [random_bytes 100000]
    r set volatile x PXAT 4102444800000
    r rpush list a bb 1 -1 300 70000 9999999999 "\xff\x00"
    for {set i 0} {$i < 1000} {incr i} {
        r rpush quicklist $i "element $i"
        r sadd numbers $i
        r sadd hashtable-set "member $i"
        r hset hashtable "field $i" $i
        r zadd skiplist [expr {$i / 4.0}] "member $i"
    }
    r rpush large [string repeat x 20000] small [random_bytes 9000]
    r sadd intset 1 70000 -3
    r sadd set a b 3
    r zadd zset 1 a 2.5 b -0 n inf top -inf bottom
    r hset hash f v n 10 empty {}
    for {set i 1} {$i < 300} {incr i} { r xadd stream 5-$i field $i other [expr {$i % 7}] }
    r xdel stream 5-3 5-299
    r xgroup create stream g1 0
    r xgroup create stream g2 5-50
    r xreadgroup group g1 alice count 7 streams stream >
    r xreadgroup group g1 bob count 3 streams stream >
    r pfadd hll a b c d
    if {$fields} {
        r xgroup createconsumer stream g2 carol
        r hset fields f v n 10 x y
        r hpexpireat fields 4102444800000 fields 1 n
    }
    r select 3
    r set other-db 300
    r select 0
}

# Encodings of all keys of a database.
proc encodings {{level 0}} {
    # What is raw by its history alone is not after a load.
    return [lmap key [lsort [r $level keys {*[^l]}]] { list $key [r $level object encoding $key] }]
}

start_server {tags {rdb}} {
    test {What was saved is there after a restart} {
        populate [is_hematite]
        set digest [r debug digest]
        set before [encodings]
        assert_equal OK [r save]
        assert_equal 0 [s rdb_changes_since_last_save]
        assert_range [r lastsave] [expr {[clock seconds] - 60}] [clock seconds]
        set keys [r dbsize]
        restart_server
        assert_equal $digest [r debug digest]
        assert_equal $before [encodings]
        assert_equal [expr {$keys + 1}] [s rdb_last_load_keys_loaded]
        wait_for_log "*Done loading RDB, keys loaded: [expr {$keys + 1}], keys expired: 0*"
        wait_for_log {*DB loaded from disk: * seconds*}
    } {redis8}

    test {DEBUG RELOAD gives the same data again} {
        set digest [r debug digest]
        set before [encodings]
        r debug reload
        assert_equal $digest [r debug digest]
        assert_equal $before [encodings]
        r set unsaved x
        r debug reload nosave
        assert_equal $digest [r debug digest]
        r set unsaved x
        r debug reload nosave noflush merge
        assert_equal 1 [r exists unsaved]
        assert_error {*only supports the MERGE*} {r debug reload now}
    }

    test {A payload of DUMP makes the same value} {
        r persist volatile
        foreach key [r keys *] {
            r restore "copy $key" 0 [r dump $key]
            assert_equal [r debug digest-value $key] [r debug digest-value "copy $key"] $key
        }
    } {redis8}
}

start_server {tags {rdb} overrides {save {900 1}}} {
    test {The end of the server saves if there are save points, and unless it is told not to} {
        r set a 1
        assert_equal 0 [kill_server TERM]
        assert_match "*Saving the final RDB snapshot before exiting*DB saved on disk*" [server_log]
        server::close_clients [server::at 0]
        server::launch [server::at 0]
        assert_equal 1 [r get a]
        r set a 2
        catch {r shutdown nosave}
        assert_equal 0 [wait_exit]
        server::close_clients [server::at 0]
        server::launch [server::at 0]
        assert_equal 1 [r get a]
    }
}

start_server {tags {rdb}} {
    test {A save that fails leaves the old file and nothing else} {
        r set a 1
        r save
        set name [config_get dbfilename]
        file mkdir [file join [srv dir] folder]
        r config set dbfilename folder
        assert_error ERR* {r save}
        assert_equal {} [glob -nocomplain -directory [srv dir] temp-*]
        r config set dbfilename $name
        r set a 2
        assert_equal OK [r save]
        restart_server
        assert_equal 2 [r get a]
    }

    # The child stands still where it has written three quarters, and all values are written anew: what it has let go of is
    # not copied.
    test {A child that saves gives back what it has written} {
        r flushall
        r config set rdbcompression no rdb-key-save-delay 10000
        for {set i 0} {$i < 40} {incr i} { r set "key $i" [string repeat [format %04d $i] 100000] }
        r bgsave
        wait_for_condition 1000 2 {
            [set temp [glob -nocomplain -directory [srv dir] temp-*.rdb]] ne {} && [file size $temp] > 12000000
        } else { fail "the child does not write" }
        regexp {temp-(\d+)} $temp -> pid
        exec kill -STOP $pid
        for {set i 0} {$i < 40} {incr i} { r setrange "key $i" 0 [string repeat [format %04x $i] 100000] }
        exec kill -CONT $pid
        wait_for_condition 400 25 {[s rdb_bgsave_in_progress] == 0} else { fail "the child does not end" }
        assert_equal ok [s rdb_last_bgsave_status]
        assert_less [s rdb_last_cow_size] 10000000
        set digest [r debug digest]
        r config set rdb-key-save-delay 0 rdbcompression yes
        r save
        r debug reload nosave
        assert_equal $digest [r debug digest]
        r flushall
    }

    test {Keys whose time is over do not come back} {
        r flushall
        r debug set-active-expire 0
        r set gone x px 1
        r set stays x
        set moment [clock milliseconds]
        wait_for_condition 100 1 {[clock milliseconds] > $moment + 2} else { fail "time stands still" }
        assert_equal 2 [r dbsize]
        r save
        restart_server
        assert_equal stays [r keys *]
        assert_equal 1 [s rdb_last_load_keys_expired]
    }
}

# ---- while it loads ----------------------------------------------------------------------------------------------------

start_server {tags {rdb} overrides {key-load-delay 500 loading-process-events-interval-bytes 1024}} {
    test {Clients are served while the server loads, and may end it} {
        r debug populate 20000
        r save
        set id [server::at 0]
        server::close_clients $id
        server::signal $id TERM
        server::wait_exit $id 10000
        server::fork $id [list $server::info($id,config)]
        # Half a millisecond for each key: ten seconds.
        wait_for_condition 500 10 {![catch {client_to 127.0.0.1 [srv port]} client]} else {
            fail "nobody listens"
        }
        assert_error {LOADING*} {$client get key:1}
        set info [$client info persistence]
        assert_equal 1 [info_field $info loading]
        assert_more [info_field $info loading_total_bytes] 10000
        assert_more [info_field $info loading_start_time] 1000000000
        assert_range [info_field $info loading_loaded_perc] 0 100
        assert_error {LOADING*} {$client dbsize}
        assert_match *key-load-delay* [$client config get key-load-delay]
        catch {$client shutdown nosave}
        assert_equal 0 [server::wait_exit $id 10000]
        $client close
        dict set server::info($id,options) overrides {}
        server::write_config $id
        server::launch $id
        assert_equal 20000 [r dbsize]
    }
}

# ---- damage ----------------------------------------------------------------------------------------------------------

# The bytes of a small snapshot.
proc small_snapshot {} {
    start_server {} {
        r mset a 1 b 2
        r rpush list x y z
        r save
        set ::small_snapshot [read_file [file join [srv dir] dump.rdb]]
    }
    return $::small_snapshot
}

proc run_on_snapshot {bytes} {
    return [run_server [list --port [free_port] --save {}] [list dir_files [list dump.rdb $bytes]]]
}

tags {rdb} {
    test {A damaged snapshot is not served} {
        set good [small_snapshot]
        set half [run_on_snapshot [string range $good 0 end-20]]
        assert_equal 1 [dict get $half status]
        assert_match {*Short read or OOM loading DB*Internal error in RDB reading offset *RDB ERROR DETECTED*Unexpected EOF*} \
            [dict get $half output]
        set flipped [string replace $good end-3 end-3 [format %c [expr {[scan [string index $good end-3] %c] ^ 1}]]]
        set bad [run_on_snapshot $flipped]
        assert_equal 1 [dict get $bad status]
        assert_match {*Wrong RDB checksum*} [dict get $bad output]
        set bad [run_on_snapshot "REDIS0099[string range $good 9 end]"]
        assert_equal 1 [dict get $bad status]
        assert_match {*Can't handle RDB format version 99*Fatal error loading the DB, check server logs. Exiting.*} \
            [dict get $bad output]
        set bad [run_on_snapshot "no snapshot at all"]
        assert_equal 1 [dict get $bad status]
        assert_match {*Wrong signature trying to load DB from file*} [dict get $bad output]
        assert_equal 1 [dict get [run_on_snapshot {}] status]
    }

    test {redis-check-rdb tells good from bad} {
        set good [small_snapshot]
        set path [scratch_file good.rdb $good]
        set bad [scratch_file bad.rdb [string range $good 0 end-9]]
        assert_equal 0 [catch {exec $::server_path --check-rdb $path} output]
        assert_match "*Checking RDB file $path*AUX FIELD redis-ver*Selecting DB ID 0*Checksum OK*looks OK*3 keys read*" $output
        assert_equal 1 [catch {exec $::server_path --check-rdb $bad} output]
        assert_match "*RDB ERROR DETECTED*Unexpected EOF*" $output
        assert_equal 1 [catch {exec $::server_path --check-rdb $path.none} output]
        # By its name, too.
        set link [file join [scratch_dir] redis-check-rdb]
        file link -symbolic $link [file normalize $::server_path]
        assert_equal 0 [catch {exec $link $path} output]
        assert_match {*RDB looks OK*} $output
        assert_match {redis-check-rdb 8.*} [exec $link --version]
        assert_equal 1 [catch {exec $link} output]
    } {hematite-only}
}

# ---- to others and back ------------------------------------------------------------------------------------------------

# Other servers, as far as they are there: name, path, whether they know fields that expire as we write them.
proc peers {} {
    set found {}
    foreach {name path fields} [list redis-7 /usr/bin/redis-server 0 \
            redis-8 ~/.cache/redis-peers/redis-server-8 1 valkey-9 ~/.cache/redis-peers/valkey-server-9 0] {
        set path [file normalize $path]
        if {[file executable $path] && ![string match *hematite* [exec $path --version]]} {
            lappend found $name $path $fields
        }
    }
    return $found
}

foreach {name path fields} [peers] {
    tags {rdb hematite-only} {
        test "A snapshot of ours is read by $name, and one of its is read by us" {
            start_server {} {
                populate $fields
                set digest [r debug digest]
                r save
                set ours [read_file [file join [srv dir] dump.rdb]]
                if {!$fields} { assert_equal REDIS0010 [string range $ours 0 8] }
                start_server [list binary $path dir_files [list dump.rdb $ours]] {
                    assert_equal $digest [r debug digest]
                    foreach key [r keys *] {
                        assert_equal [r -1 debug digest-value $key] [r debug digest-value $key] $key
                    }
                    r sadd theirs a b c
                    r rpush theirs-too 1 2 3
                    set digest [r debug digest]
                    r save
                    set theirs [read_file [file join [srv dir] dump.rdb]]
                    start_server [list dir_files [list dump.rdb $theirs]] {
                        assert_equal $digest [r debug digest]
                        assert_equal 3 [r scard theirs]
                        # And value by value.
                        r persist volatile
                        foreach key [r keys *] {
                            r restore again 0 [r -1 dump $key] replace
                            assert_equal [r debug digest-value $key] [r debug digest-value again] $key
                        }
                    }
                }
            }
        }
    }
}
