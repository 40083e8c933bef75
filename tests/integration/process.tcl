# The server as a process: log, pid file, daemon, signals, shutdown, modes of the command line, crashes.

proc cmdline_of {pid} {
    return [string trim [string map [list \x00 { }] [read_file /proc/$pid/cmdline]]]
}

proc oom_score_adj_of {pid} { return [string trim [read_file /proc/$pid/oom_score_adj]] }

# ---- the log ---------------------------------------------------------------------------------------------------------

start_server {tags {process} overrides {loglevel notice}} {
    test {The lines tools wait for, in order} {
        set log [server_log]
        set at -1
        foreach pattern {{ oO0OoO0OoO0Oo * is starting oO0OoO0OoO0Oo} { * version=*, bits=64, *, pid=*, just started}
                { Configuration loaded} { Running mode=standalone, port=*.} { Server initialized}
                { Ready to accept connections tcp}} {
            set found [lsearch -glob -start [expr {$at + 1}] [split $log \n] *$pattern]
            assert {$found > $at} "no line like '$pattern' after line $at of:\n$log"
            set at $found
        }
    } {redis8}

    test {The format of a line} {
        r debug log "hello log"
        set months Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec
        assert_regexp "^[srv pid]:M \\d\\d ($months) \\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3} # DEBUG LOG: hello log$" \
            [wait_for_log {*hello log*}]
        foreach line [split [string trim [server_log]] \n] {
            assert_regexp {^\d+:[MC] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [-.*#] } $line
        }
    }

    test {loglevel decides what is written} {
        set from [log_size]
        set client [redis_client]
        $client ping
        $client close
        r config set loglevel verbose
        set client [redis_client]
        $client ping
        $client close
        wait_for_log {* - Accepted 127.0.0.1:*} $from
        wait_for_log {* - Client closed connection id=*} $from
        assert_equal 1 [regexp -all -- { - Accepted } [string range [server_log] $from end]]
        r config set loglevel warning
        set from [log_size]
        [redis_client] ping
        r debug log shown
        assert_no_match *Accepted* [string range [server_log] $from end]
        assert_match *shown* [string range [server_log] $from end]
    }
}

start_server {tags {process} overrides {logfile server.log loglevel verbose}} {
    test {logfile} {
        r debug log "into the file"
        assert_match *Ready\ to\ accept* [read_file [file join [srv dir] server.log]]
        assert_match *into\ the\ file* [read_file [file join [srv dir] server.log]]
        assert_equal {} [server_log]
    }

    test {logfile is opened anew when it was moved away} {
        file rename [file join [srv dir] server.log] [file join [srv dir] old.log]
        r debug log "after the move"
        assert_match *after\ the\ move* [read_file [file join [srv dir] server.log]]
    }
}

test {A log file that cannot be opened stops the start} {
    set run [run_server [list --port 0 --logfile /nosuch/dir/server.log]]
    assert_equal 1 [dict get $run status]
    assert_match {*Can't open the log file: No such file or directory*} [dict get $run output]
} {process}

test {A folder that is not there stops the start} {
    set run [run_server [list --port 0 --dir /nosuch/dir]]
    assert_equal 1 [dict get $run status]
    assert_match {*FATAL CONFIG FILE ERROR*>>> 'dir "/nosuch/dir"'*No such file or directory*} [dict get $run output]
} {process}

# ---- signals and shutdown --------------------------------------------------------------------------------------------

foreach signal {TERM INT} {
    start_server {tags {process}} {
        test "SIG$signal shuts down" {
            set client [redis_deferring_client]
            $client ping
            $client read
            assert_equal 0 [kill_server $signal]
            assert_closed $client
            assert_match "*Received SIG$signal scheduling shutdown...*User requested shutdown...*bye bye...*" [server_log]
        }
    }
}

start_server {tags {process}} {
    test {SIGHUP and SIGPIPE do nothing} {
        server::signal [server::at 0] HUP
        server::signal [server::at 0] PIPE
        assert_equal PONG [r ping]
        assert_equal PONG [r ping]
    }
}

start_server {tags {process} overrides {shutdown-on-sigterm {nosave now} save {900 1}}} {
    test {shutdown-on-sigterm} {
        assert_same_members {nosave now} [config_get shutdown-on-sigterm]
        if {[lindex [r command info set] 0] ne {}} { r set a 1 }
        assert_equal 0 [kill_server TERM]
        assert_equal 0 [file exists [file join [srv dir] dump.rdb]]
    }
}

foreach words {{} nosave {nosave now} {NOSAVE NOW FORCE} force} {
    start_server {tags {process}} {
        test "SHUTDOWN $words" {
            set client [redis_deferring_client]
            $client shutdown {*}$words
            assert_error {*connection closed*} {$client read}
            assert_equal 0 [wait_exit]
            assert_match {*User requested shutdown...*} [server_log]
        }
    }
}

start_server {tags {process}} {
    test {SHUTDOWN refuses nonsense} {
        assert_error {ERR syntax error} {r shutdown foo}
        assert_error {ERR syntax error} {r shutdown save nosave}
        assert_error {ERR syntax error} {r shutdown nosave now safe}
        assert_error {ERR syntax error} {r shutdown abort now}
        assert_error {ERR No shutdown in progress.} {r shutdown abort}
        assert_equal PONG [r ping]
    }

    test {SHUTDOWN with many clients and pending output} {
        set clients {}
        for {set i 0} {$i < 50} {incr i} { lappend clients [redis_deferring_client] }
        foreach client $clients { $client echo [string repeat x 1000000] }
        catch {r shutdown nosave}
        assert_equal 0 [wait_exit]
    }
}

# ---- pid file, daemon, title -----------------------------------------------------------------------------------------

start_server {tags {process} overrides {pidfile server.pid}} {
    test {pidfile is written and removed} {
        set path [file join [srv dir] server.pid]
        assert_equal "[srv pid]\n" [read_file $path]
        assert_equal 0 [kill_server TERM]
        assert_equal 0 [file exists $path]
        assert_match {*Removing the pid file.*} [server_log]
    }
}

start_server {tags {process} overrides {pidfile /nosuch/dir/server.pid}} {
    test {A pid file that cannot be written is no reason to stop} {
        assert_equal PONG [r ping]
        assert_match {*Failed to write PID file: No such file or directory*} [server_log]
    }
}

test {daemonize} {
    set dir [scratch_dir]
    set port [free_port]
    set run [run_server [list --port $port --bind 127.0.0.1 --daemonize yes --dir $dir --save {} \
        --pidfile [file join $dir d.pid] --logfile [file join $dir d.log]]]
    assert_equal 0 [dict get $run status]
    wait_for_condition 200 20 {![catch {resp::open 127.0.0.1 $port} client]} else { fail "no daemon" }
    assert_equal PONG [$client ping]
    set pid [string trim [read_file [file join $dir d.pid]]]
    assert_equal $pid [info_field [$client info server] process_id]
    # A session of its own, and nothing on the standard streams.
    assert_equal $pid [lindex [string range [read_file /proc/$pid/stat] \
        [string last ) [read_file /proc/$pid/stat]] end] 4]
    assert_equal /dev/null [file readlink /proc/$pid/fd/0]
    catch {$client shutdown nosave}
    $client close
    wait_for_condition 200 20 {![alive $pid]} else { send_signal KILL $pid; fail "the daemon lives on" }
    assert_equal 0 [file exists [file join $dir d.pid]]
    assert_match {*Ready to accept connections*} [read_file [file join $dir d.log]]
} {process}

start_server {tags {process}} {
    test {The title of the process} {
        assert_match "*redis-server* 127.0.0.1:[srv port]" [cmdline_of [srv pid]]
        r config set proc-title-template "TEST {title} {listen-addr} {port} {unixsocket} {server-mode}"
        assert_match "TEST * 127.0.0.1:[srv port] [srv port]*" [cmdline_of [srv pid]]
        assert_error {ERR CONFIG SET failed*template format is invalid or contains unknown variables*} \
            {r config set proc-title-template "{nosuch}"}
        r config set proc-title-template "{title} {listen-addr} {server-mode}"
    }

    test {oom-score-adj} {
        if {![file writable /proc/[srv pid]/oom_score_adj]} { skip "oom_score_adj is not ours to write" }
        set before [oom_score_adj_of [srv pid]]
        r config set oom-score-adj-values "210 220 230" oom-score-adj absolute
        assert_equal 210 [oom_score_adj_of [srv pid]]
        r config set oom-score-adj-values "215 220 230"
        assert_equal 215 [oom_score_adj_of [srv pid]]
        r config set oom-score-adj relative
        assert_equal [expr {$before + 215}] [oom_score_adj_of [srv pid]]
        r config set oom-score-adj no
        assert_equal $before [oom_score_adj_of [srv pid]]
        foreach bad {{1} {1 2} {1 2 x} {0 0 2001} {-2001 0 0}} {
            assert_error {ERR CONFIG SET failed*} {r config set oom-score-adj-values $bad} $bad
        }
    }
}

# Processors that a process or a thread may run on.
proc cpus_of {folder} {
    regexp {Cpus_allowed_list:\s*(\S+)} [read_file $folder/status] -> list
    return $list
}

# The threads of a process whose names match, each with its processors.
proc cpus_of_threads {pid pattern} {
    set found {}
    foreach folder [glob /proc/$pid/task/*] {
        if {[string match $pattern [string trim [read_file $folder/comm]]]} { lappend found [cpus_of $folder] }
    }
    return [lsort -unique $found]
}

# The child that the log named last comes to run there: it asks for that itself.
proc wait_for_child_on {cpus what} {
    set pid [lindex [regexp -all -inline "$what started by pid (\\d+)" [server_log]] end]
    wait_for_condition 200 5 {[cpus_of /proc/$pid] eq $cpus} else { fail "$what runs on [cpus_of /proc/$pid]" }
}

if {[regexp {^(\d+)[-,](\d+)$} [cpus_of /proc/self] -> one other]} {
    set lists [list server-cpulist $one bio-cpulist $other bgsave-cpulist $other,1023 \
        aof-rewrite-cpulist $other-$other rdb-key-save-delay 1000000]
    start_server [list overrides $lists] {
        test {The processors of the server, its threads and its children} {
            assert_equal $one [cpus_of /proc/[srv pid]]
            # They move there after they have begun.
            wait_for_condition 500 10 {[cpus_of_threads [srv pid] bio_*] eq $other} else {
                fail "the threads run on [cpus_of_threads [srv pid] bio_*]"
            }
            r mset a 1 b 2
            r bgsave
            wait_for_child_on $other "Background saving"
            wait_for_condition 200 25 {[s rdb_bgsave_in_progress] == 0} else { fail "the snapshot does not end" }
            r bgrewriteaof
            wait_for_child_on $other "Background append only file rewriting"
            wait_for_condition 200 25 {[s aof_rewrite_in_progress] == 0} else { fail "the rewrite does not end" }
            assert_error {*immutable*} {r config set server-cpulist 0}
        }
    }
    foreach bad {abc 5, "0 1" 1-0 1000} {
        start_server [list overrides [list server-cpulist "\"$bad\"" bio-cpulist $one]] {
            test "A list of processors that is none changes nothing: $bad" {
                assert_equal [cpus_of /proc/self] [cpus_of /proc/[srv pid]]
                assert_equal $bad [config_get server-cpulist]
            }
        }
    }
} else {
    test {The processors of the server, its threads and its children} { skip "the tests have one processor only" }
}

test {supervised systemd tells when it is ready and when it stops} {
    set path [file join [scratch_dir] notify.sock]
    if {[string length $path] > 100} { skip "the path of the checkout is too long for a socket" }
    set notify [open [list | perl [file join $::tests_dir helpers notify_socket.pl] $path 2>@stderr] r]
    gets $notify
    fconfigure $notify -blocking 0
    set code [catch {
        start_server [list overrides {supervised systemd} env [list NOTIFY_SOCKET $path]] {
            if {![is_hematite] && [s process_supervised] eq "no"} { skip "a build without systemd" }
            assert_equal systemd [s process_supervised]
            set said {}
            wait_for_condition 100 20 {[string match *READY=1* [append said [read $notify]]]} else {
                fail "systemd heard: $said"
            }
            kill_server TERM
            wait_for_condition 100 20 {[string match *STOPPING=1* [append said [read $notify]]]} else {
                fail "systemd heard: $said"
            }
        }
    } result how]
    send_signal TERM [pid $notify]
    catch {close $notify}
    return -options $how $result
} {process}

# ---- modes of the command line ---------------------------------------------------------------------------------------

test {--version and -v} {
    foreach word {--version -v} {
        set run [run_server [list $word]]
        assert_equal 0 [dict get $run status]
        assert_regexp {^\S+ server v=\d+\.\d+\.\d+ sha=\S+ malloc=\S+ bits=64 build=\w+( hematite=\S+)?\n$} [dict get $run output]
    }
} {process}

test {--help and -h} {
    foreach word {--help -h} {
        set run [run_server [list $word]]
        assert_equal 1 [dict get $run status]
        assert_match {*Usage: *redis-server*--test-memory*--check-system*} [dict get $run output]
    }
} {process}

test {--test-memory} {
    set run [run_server {--test-memory}]
    assert_equal 1 [dict get $run status]
    assert_match {*the amount of memory to test in megabytes.*} [dict get $run output]
    set run [run_server {--test-memory 1} {ms 60000}]
    assert_equal 0 [dict get $run status]
    assert_match {*Your memory passed this test.*} [dict get $run output]
} {process slow}

test {--check-system} {
    set run [run_server {--check-system}]
    assert_contains {0 1} [dict get $run status]
    assert_regexp {\[overcommit\]\.\.\.(OK|WARNING|skipped)} [dict get $run output]
} {process}

# ---- crashes ---------------------------------------------------------------------------------------------------------

foreach {signal number} {SEGV 11 ABRT 6} {
    start_server {tags {process crash} may_crash 1} {
        test "A crash report on SIG$signal" {
            r client setname witness
            # Redis dumps no report for ABRT before its own handler is set; ours does.
            set status [kill_server $signal]
            assert_equal SIG$signal $status
            set log [server_log][read_file [srv stderr]]
            foreach mark {{BUG REPORT START} {STACK TRACE} {INFO OUTPUT} {# Server} {CLIENT LIST OUTPUT} {name=witness}
                    {BUG REPORT END}} {
                assert_match "*$mark*" $log "no '$mark'"
            }
            assert_match "*crashed by signal: $number*" $log
        }
    }
}

start_server {tags {process crash} may_crash 1} {
    test {The crash report names the running command} {
        set client [redis_deferring_client]
        $client client setname culprit
        $client read
        $client debug segfault
        assert_error {*connection closed*} {$client read}
        assert_equal SIGSEGV [wait_exit]
        set log [server_log][read_file [srv stderr]]
        assert_match {*CURRENT CLIENT INFO*name=culprit*debug*segfault*} $log
    }
}

start_server {tags {process crash redis8} may_crash 1} {
    test {DEBUG ASSERT ends the server with a crash report} {
        set client [redis_deferring_client]
        $client debug assert
        assert_error {*connection closed*} {$client read}
        assert_equal SIGABRT [wait_exit]
        assert_match {*ASSERTION FAILED*debug*assert*} [server_log][read_file [srv stderr]]
    }
}

start_server {tags {process crash} may_crash 1 overrides {crash-log-enabled no}} {
    test {crash-log-enabled no} {
        assert_equal SIGSEGV [kill_server SEGV]
        assert_no_match {*BUG REPORT START*} [server_log]
    }
}

start_server {tags {process crash} may_crash 1} {
    test {DEBUG PANIC reports and ends the server} {
        catch {r debug panic}
        assert_contains {1 SIGABRT SIGSEGV} [wait_exit]
        assert_match {*BUG REPORT START*} [server_log][read_file [srv stderr]]
    }
}

start_server {tags {process}} {
    test {Files are not inherited by children: every descriptor is close-on-exec} {
        set pid [srv pid]
        if {[catch {glob /proc/$pid/fdinfo/*} fds]} { skip "no /proc here" }
        set client [redis_client]
        $client ping
        set inherited {}
        foreach fd [glob -nocomplain /proc/[pid]/fdinfo/*] {
            if {![catch {read_file $fd} info] && [regexp {flags:\s*(\d+)} $info -> flags]
                    && !([scan $flags %o] & 02000000)} { lappend inherited [file tail $fd] }
        }
        set open {}
        foreach fd $fds {
            # What this test was started with, the server inherits: not its fault.
            if {[file tail $fd] in {0 1 2} || [file tail $fd] in $inherited} continue
            # Nor is what it has closed since then.
            if {[catch {read_file $fd} info] || ![regexp {flags:\s*(\d+)} $info -> flags]} continue
            # 02000000 is O_CLOEXEC.
            if {!([scan $flags %o] & 02000000)} { lappend open [file tail $fd] }
        }
        assert_equal {} $open
    } {hematite-only}
}

start_server {tags {process crash redis8} may_crash 1 overrides {hide-user-data-from-log yes}} {
    test {A crash report shows no arguments where they are to be hidden} {
        r set mykey myvalue
        set client [redis_deferring_client]
        $client client setname culprit
        $client read
        $client debug segfault myargument
        assert_error {*} {$client read}
        assert_equal SIGSEGV [wait_exit]
        set log [server_log][read_file [srv stderr]]
        assert_match {*argv\[0\]: '"debug"'*argv\[1\]: '\*redacted\*'*} $log
        assert_no_match *myargument* $log
        # Redis hides arguments only.
        if {[string match *Hematite* $log]} { assert_no_match *culprit* $log }
    }
}

# ---- stack traces of a server that lives -----------------------------------------------------------------------------

start_server {tags {process redis8}} {
    test {SIGALRM by hand writes a stack trace, and the server goes on} {
        set from [log_size]
        exec kill -ALRM [srv pid]
        wait_for_log {*Received SIGALRM*} $from
        wait_for_log {*--- STACK TRACE DONE ---*} $from 30000
        wait_for_log {*:signal-handler (*) --------} $from
        assert_equal PONG [r ping]
        assert_no_match {*WATCHDOG*} [server_log]
    }

    test {The watchdog shows where a loop is that does not come back} {
        r config set watchdog-period 10
        assert_equal {watchdog-period 200} [r config get watchdog-period]
        set from [log_size]
        r debug sleep 1
        wait_for_log {*--- WATCHDOG TIMER EXPIRED ---*} $from
        wait_for_log {*--- STACK TRACE DONE ---*} $from 30000
        wait_for_log {*:signal-handler (*) --------} $from
        assert_match {*debug*} [string range [server_log] $from end]
        assert_equal PONG [r ping]
        r config set watchdog-period 0
        assert_equal {watchdog-period 0} [r config get watchdog-period]
    }

    # The second one was forgotten: looking up names takes a while.
    test {SIGALRM that comes while a trace is being written is answered afterwards} {
        r config set watchdog-period 200
        set from [log_size]
        r debug sleep 0.4
        exec kill -ALRM [srv pid]
        r config set watchdog-period 0
        wait_for_log {*--- WATCHDOG TIMER EXPIRED ---*} $from
        wait_for_log {*Received SIGALRM*} $from 30000
        assert_equal PONG [r ping]
    }
}
