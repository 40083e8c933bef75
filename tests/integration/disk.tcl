# A disk that really fills up: a file system of a few megabytes in memory. That takes leave to mount one.

set disk [scratch_dir]
if {[catch {exec mount -t tmpfs -o size=4m,mode=700 hematite-test $disk} why]} {
    test {Service on a full disk} { skip "no file system can be mounted here: [lindex [split $why \n] 0]" }
    return
}

# Takes all room but so many bytes.
proc fill_disk {{but 0}} {
    set chan [open [file join $::disk ballast] w]
    fconfigure $chan -translation binary -buffering none
    set page [string repeat x 4096]
    while {![catch {puts -nonewline $chan $page}]} {}
    catch {close $chan}
    set chan [open [file join $::disk ballast] r+]
    chan truncate $chan [expr {max(0, [file size [file join $::disk ballast]] - $but)}]
    close $chan
}

proc free_disk {} { file delete [file join $::disk ballast] }
proc empty_disk {} { file delete -force {*}[glob -nocomplain -directory $::disk *] }

proc wait_for_no_child {} {
    wait_for_condition 400 25 {
        [s rdb_bgsave_in_progress] == 0 && [s aof_rewrite_in_progress] == 0 && [s aof_rewrite_scheduled] == 0
    } else { fail "a child does not end" }
}

# Starts the server of the test again, which has ended.
proc start_again {} {
    server::close_clients [server::at 0]
    server::launch [server::at 0]
}

# Writes keys of a thousand bytes until the server refuses or ends; returns how many it has acknowledged in all.
proc write_until_refused {from whyvar} {
    upvar $whyvar why
    set value [random_bytes 1000]
    for {set i $from} {$i < 100000} {incr i} {
        if {[catch {r set "key $i" $value$i} why]} { return $i }
    }
    fail "the disk is never full"
}

# Every key that was acknowledged is there, with its value.
proc check_acknowledged {count} {
    for {set i 0} {$i < $count} {incr i} {
        assert_equal [expr {1000 + [string length $i]}] [r strlen "key $i"] "key $i of $count"
        assert_match "*$i" [r getrange "key $i" 1000 -1]
    }
}

set where [list dir $disk]

try {
    start_server [list tags {rdb slow} overrides [concat $where {save {3600 1} rdbcompression no}]] {
        test {Snapshots on a full disk: the old one stays, writes stop, and all goes on when there is room} {
            for {set i 0} {$i < 100} {incr i} { r set "key $i" [random_bytes 5000] }
            assert_equal OK [r save]
            set old [r debug digest]
            fill_disk
            r set more [random_bytes 5000]
            assert_error ERR* {r save}
            assert_match "*Write error while saving DB to the disk*: No space left on device*" [server_log]
            assert_equal ok [s rdb_last_bgsave_status] "SAVE tells whoever asked"
            assert_equal {Background saving started} [r bgsave]
            wait_for_no_child
            assert_equal err [s rdb_last_bgsave_status]
            assert_error {MISCONF Redis is configured to save RDB snapshots*} {r set a 1}
            assert_error {MISCONF *} {r ping}
            assert_equal 101 [r dbsize]
            assert_equal {ballast dump.rdb} [lsort [glob -tails -directory $::disk *]]
            # The old file is whole.
            restart_server 0 KILL
            assert_equal $old [r debug digest]
            r set more [random_bytes 5000]
            r bgsave
            wait_for_no_child
            assert_error {MISCONF *} {r set a 1}
            free_disk
            r bgsave
            wait_for_no_child
            assert_equal ok [s rdb_last_bgsave_status]
            assert_equal OK [r set a 1]
            set new [r debug digest]
            assert_equal OK [r save]
            restart_server 0 KILL
            assert_equal $new [r debug digest]
        }
    }

    empty_disk
    start_server [list tags {aof slow} overrides [concat $where {appendonly yes appendfsync everysec}]] {
        test {An append-only file on a full disk, everysec: writes stop, and nothing is lost when there is room again} {
            set count 0
            foreach room {0 100000 6000 300} {
                fill_disk $room
                set count [write_until_refused $count why]
                assert_match {MISCONF Errors writing to the AOF file: No space left on device} $why
                assert_equal err [s aof_last_write_status]
                check_acknowledged $count
                assert_error {ERR Can't execute an AOF background rewriting*} {r bgrewriteaof}
                assert_equal err [s aof_last_bgrewrite_status]
                free_disk
                wait_for_condition 200 25 {[s aof_last_write_status] eq "ok"} else { fail "writes do not go on" }
                assert_equal OK [r set "key $count" [random_bytes 1000]$count]
                incr count
            }
            # A rewrite whose base does not fit in.
            for {set i 0} {$i < 1000} {incr i} { r set "key $i" [random_bytes 1000]$i }
            if {$count < 1000} { set count 1000 }
            set digest [r debug digest]
            fill_disk 200000
            assert_equal {Background append only file rewriting started} [r bgrewriteaof]
            wait_for_no_child
            assert_equal err [s aof_last_bgrewrite_status]
            assert_match "*Write error writing append only file on disk: No space left on device*" [server_log]
            assert_equal {} [glob -nocomplain -directory $::disk temp-*]
            restart_server 0 KILL
            assert_equal $digest [r debug digest]
            free_disk
            r bgrewriteaof
            wait_for_no_child
            assert_equal ok [s aof_last_bgrewrite_status]
            check_acknowledged $count
            restart_server 0 KILL
            assert_equal $digest [r debug digest]
            # After an end in order it starts on a full disk to be read, where Redis does not.
            if {[is_hematite]} {
                kill_server TERM
                fill_disk
                start_again
                assert_equal $digest [r debug digest]
                assert_match "*Fail to note in the manifest*No space left on device*" [server_log]
                free_disk
            }
        }
    }

    empty_disk
    start_server [list tags {aof slow} overrides [concat $where {appendonly yes appendfsync always}]] {
        test {An append-only file on a full disk, always: the server ends rather than acknowledge, and has all that it did} {
            set count 0
            foreach room {0 50000 4096 1500 10} {
                fill_disk $room
                set count [write_until_refused $count why]
                assert_no_match {*MISCONF*} $why "nothing is answered at all"
                assert_equal 1 [wait_exit]
                assert_match "*Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting*" [server_log]
                # It starts on the full disk, too, to show what it has.
                start_again
                assert_range [r dbsize] $count [expr {$count + 1}]
                check_acknowledged $count
                free_disk
                set count [r dbsize]
                assert_equal OK [r set "key $count" [random_bytes 1000]$count]
                incr count
                check_acknowledged $count
            }
            fill_disk
            assert_error {ERR Can't execute an AOF background rewriting*} {r bgrewriteaof}
            check_acknowledged $count
            free_disk
            r bgrewriteaof
            wait_for_no_child
            assert_equal ok [s aof_last_bgrewrite_status]
            restart_server 0 KILL
            check_acknowledged $count
        }
    }
} finally {
    exec umount -l $disk
}
