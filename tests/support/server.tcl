# Servers under test: start, look inside, stop, and check that they ended well.
#
#     start_server {tags {slow} overrides {maxclients 10} args {--loglevel debug}} {
#         test {...} { r ping }
#         start_server {} { r ping; r -1 ping }       ;# levels: 0 is the innermost server, -1 the one around it
#     }
#
# Options of start_server: tags LIST, overrides {name value ...} (the value <none> drops a default of ours),
# config_lines {LINE ...}, args {ARG ...} (after the
# file on the command line), bare 1 (no file of ours at all), stdin TEXT, dir_files {NAME CONTENT ...}, may_crash 1,
# env {NAME VALUE ...}, ready log (do not PING: for servers that refuse us), no_leak_check 1, binary PATH (another
# program than the server under test).
#
# Each server has a scratch folder of its own: redis.conf, stdout, stderr, dump.rdb. It is a child of this process by a
# pipe to its standard input, so its exit status can be had (`wait_exit`).
#
# After each body, when the server still lives: the tests' clients are closed, then the server must count one client
# (the one asking) again, obey SIGTERM with status 0, and have no crash report in its log. When it is dead although
# nobody asked for its exit status, that is a failure too.

namespace eval server {
    variable stack {}
    variable last 0
    variable info
    array set info {}
    variable crash_marks {
        "REDIS BUG REPORT START" "BUG REPORT START" "panicked at" "ASSERTION FAILED" "crashed by signal"
        "AddressSanitizer" "ThreadSanitizer" "LeakSanitizer"
    }
}

# ---- what tests call -----------------------------------------------------------------------------------------------

proc start_server {options body} {
    set tags [dict_get $options tags {}]
    set ::current_tags [concat $::current_tags $tags]
    set count [llength $tags]
    set code [catch {
        if {[set why [runner::unwanted_block $::current_tags $body]] ne {}} {
            runner::report_skip "servers of $::current_file" $why
        } else {
            server::around $options [list uplevel 2 $body]
        }
    } result how]
    set ::current_tags [lrange $::current_tags 0 end-$count]
    return -options $how $result
}

# Properties: port host pid dir config stdout stderr client unixsocket. `srv port`, `srv 0 port`, `srv -1 port`.
proc srv {args} {
    lassign [server::level_of $args] id rest
    return $::server::info($id,[lindex $rest 0])
}

# Sends a command with the test's own blocking client of the server.
proc r {args} {
    lassign [server::level_of $args] id rest
    return [[server::client $id] {*}$rest]
}

# A new client; closed at the end of the server's body if the test did not.
proc redis_client {{level 0}} { return [server::new_client [server::at $level] 0] }
proc redis_deferring_client {{level 0}} { return [server::new_client [server::at $level] 1] }
proc raw_client {{level 0}} { return [server::new_client [server::at $level] 1] }

# A client for any address, watched over like the others.
proc client_to {host port {deferred 0}} {
    return [server::adopt [server::at 0] [resp::open $host $port $deferred]]
}

proc unix_client {path {deferred 0}} {
    return [server::adopt [server::at 0] [resp::open_unix $path $deferred]]
}

# One field of INFO (all sections): `s connected_clients`, `s -1 role`.
proc s {args} {
    lassign [server::level_of $args] id rest
    return [info_field [[server::client $id] info everything] [lindex $rest 0]]
}

proc info_field {text field} {
    foreach line [split $text \n] {
        set line [string trimright $line \r]
        set colon [string first : $line]
        if {[string range $line 0 $colon-1] eq $field} {
            return [string range $line [expr {$colon + 1}] end]
        }
    }
    return {}
}

proc config_get {name {level 0}} {
    return [lindex [r $level config get $name] 1]
}

proc config_set {name value {level 0}} {
    r $level config set $name $value
}

# Runs a body with other settings, and puts the old ones back.
proc with_config {pairs body} {
    set before {}
    foreach {name value} $pairs { lappend before $name [config_get $name] }
    r config set {*}$pairs
    set code [catch {uplevel 1 $body} result how]
    r config set {*}$before
    return -options $how $result
}

# The log as a whole, and waiting for a line (a pattern of `string match`) after an offset.
proc server_log {{level 0}} { return [read_file [srv $level stdout]] }
proc log_size {{level 0}} { return [file size [srv $level stdout]] }

proc wait_for_log {pattern {from 0} {ms 5000} {level 0}} {
    set until [expr {[clock milliseconds] + $ms}]
    while 1 {
        foreach line [split [string range [server_log $level] $from end] \n] {
            if {[string match $pattern $line]} { return $line }
        }
        if {[clock milliseconds] > $until} { fail "no line like '$pattern' in the log within $ms ms" }
        pause 10
    }
}

proc restart_server {{level 0} {signal TERM}} {
    set id [server::at $level]
    server::close_clients $id
    server::signal $id $signal
    server::wait_exit $id 10000
    server::launch $id
}

# Ends the server and returns its exit status as wait_exit does.
proc kill_server {{signal KILL} {level 0}} {
    set id [server::at $level]
    server::signal $id $signal
    return [server::wait_exit $id 10000]
}

proc wait_exit {{ms 10000} {level 0}} { return [server::wait_exit [server::at $level] $ms] }
proc server_alive {{level 0}} { return [server::alive $::server::info([server::at $level],pid)] }

# Starts the server program with these arguments in a scratch folder, waits for its end, and returns a dict: status,
# output (standard output and error). For --version, for start-up errors. `options` as in start_server.
proc run_server {arguments {options {}}} {
    set id [server::new_id]
    set server::info($id,options) [dict merge {bare 1} $options]
    server::prepare $id
    server::fork $id $arguments
    set status [server::wait_exit $id [dict_get $options ms 10000]]
    set output [read_file $server::info($id,stdout)][read_file $server::info($id,stderr)]
    return [dict create status $status output $output dir $server::info($id,dir)]
}

# Writes a file into a new scratch folder and returns its path.
proc scratch_file {name content} {
    set path [file join [scratch_dir] $name]
    write_file $path $content
    return $path
}

proc scratch_dir {} {
    set dir [file join $::scratch d[incr ::server::last]]
    file mkdir $dir
    return $dir
}

# Keeps clients writing until stop_write_load; returns a handle.
proc start_write_load {host port {key load}} {
    set helper [file join $::tests_dir helpers write_load.tcl]
    set chan [open [list | [info nameofexecutable] $helper $host $port $key 2>@stderr] w]
    return $chan
}

proc stop_write_load {handle} {
    catch {close $handle}
}

# ---- levels and clients --------------------------------------------------------------------------------------------

proc server::at {level} {
    variable stack
    set id [lindex $stack [expr {[llength $stack] - 1 + $level}]]
    if {$id eq {}} { error "no server at level $level" }
    return $id
}

# Splits an optional leading level off the words.
proc server::level_of {words} {
    if {[string match {-[0-9]} [lindex $words 0]] || [lindex $words 0] eq "0"} {
        return [list [at [lindex $words 0]] [lrange $words 1 end]]
    }
    return [list [at 0] $words]
}

proc server::client {id} {
    variable info
    if {$info($id,client) eq {}} { set info($id,client) [connect $id 0] }
    return $info($id,client)
}

proc server::connect {id deferred} {
    variable info
    if {$info($id,port) == 0} {
        set client [resp::open_unix $info($id,unixsocket) $deferred]
    } else {
        set client [resp::open $info($id,host) $info($id,port) $deferred]
    }
    return $client
}

proc server::new_client {id deferred} {
    return [adopt $id [connect $id $deferred]]
}

proc server::adopt {id client} {
    variable info
    lappend info($id,clients) $client
    return $client
}

proc server::all_clients {} {
    variable stack
    variable info
    set all {}
    foreach id $stack { lappend all {*}$info($id,clients) }
    return $all
}

proc server::close_all_but {kept} {
    variable stack
    variable info
    foreach id $stack {
        set left {}
        foreach client $info($id,clients) {
            if {$client in $kept} { lappend left $client } else { catch {$client close} }
        }
        set info($id,clients) $left
    }
}

proc server::close_clients {id} {
    variable info
    foreach client $info($id,clients) { catch {$client close} }
    if {$info($id,client) ne {}} { catch {$info($id,client) close} }
    set info($id,clients) {}
    set info($id,client) {}
}

# ---- life ----------------------------------------------------------------------------------------------------------

proc server::around {options script} {
    variable stack
    variable info
    set id [begin $options]
    lappend stack $id
    set code [catch $script result how]
    set trouble [finish $id $code]
    set stack [lrange $stack 0 end-1]
    if {$code == 1} { return -options $how $result }
    if {$trouble ne {}} { runner::report_failure "server of $::current_file ends well" $trouble $id }
    return {}
}

# Starts a server without making it the one that `r` talks to.
proc server::begin {options} {
    variable info
    set id [new_id]
    set info($id,options) $options
    prepare $id
    write_config $id
    launch $id
    return $id
}

proc server::new_id {} {
    variable last
    return [incr last]
}

proc server::prepare {id} {
    variable info
    set dir [file join $::scratch s$id]
    file mkdir $dir
    foreach {key value} [list dir $dir config [file join $dir redis.conf] stdout [file join $dir stdout] \
            stderr [file join $dir stderr] host 127.0.0.1 port [free_port] client {} clients {} pid 0 \
            channel {} exit {} unixsocket {}] {
        set info($id,$key) $value
    }
    foreach {name content} [dict_get $info($id,options) dir_files {}] {
        write_file [file join $dir $name] $content
    }
    write_file $info($id,stdout) {}
    write_file $info($id,stderr) {}
}

# Ports come from a range that belongs to this worker; the kernel's ephemeral ports lie above all of them.
proc free_port {} {
    for {set i 0} {$i < 2000} {incr i} {
        set port [expr {$::port_base + [incr ::port_next] % $::port_count}]
        if {![catch {socket -server {apply {args {}}} -myaddr 127.0.0.1 $port} chan]} {
            close $chan
            return $port
        }
    }
    error "no free port from $::port_base on"
}

# Defaults of every server under test, then what its test asked for.
proc server::write_config {id} {
    variable info
    set options $info($id,options)
    set settings [dict create port $info($id,port) bind 127.0.0.1 dir $info($id,dir) save {""} \
        loglevel verbose enable-debug-command yes enable-protected-configs yes]
    set settings [dict merge $settings [dict_get $options overrides {}]]
    set info($id,port) [dict get $settings port]
    if {[dict exists $settings unixsocket]} {
        set path [dict get $settings unixsocket]
        if {[file pathtype $path] eq "relative"} {
            # The path of a unix socket has 107 bytes at most: a short one when the checkout lies deep.
            set short [file join /tmp "hematite-test-[pid]-$id.sock"]
            set path [file join $info($id,dir) $path]
            if {[string length $path] > 100} { set path $short }
            dict set settings unixsocket $path
        }
        set info($id,unixsocket) $path
    }
    set text {}
    dict for {name value} $settings {
        if {$value eq "<none>"} continue
        if {$value eq {}} { set value {""} }
        append text $name { } $value \n
    }
    foreach line [dict_get $options config_lines {}] { append text $line \n }
    write_file $info($id,config) $text
}

# Starts the process and waits until it serves; another port when somebody took ours in between.
proc server::launch {id} {
    variable info
    set options $info($id,options)
    for {set try 0} {$try < 5} {incr try} {
        set start [file size $info($id,stdout)]
        set arguments [dict_get $options args {}]
        if {![dict_get $options bare 0]} { set arguments [linsert $arguments 0 $info($id,config)] }
        fork $id $arguments
        set state [wait_ready $id $start]
        if {$state eq "ready"} return
        set log [read_file $info($id,stdout)][read_file $info($id,stderr)]
        if {[dict_get $options bare 0] || ![string match -nocase {*address already in use*} $log]} {
            catch {signal $id KILL; wait_exit $id 5000}
            error "server did not start: $state\n[tail $log 40]"
        }
        set info($id,port) [free_port]
        dict set info($id,options) overrides [dict merge [dict_get $options overrides {}] \
            [list port $info($id,port)]]
        write_config $id
    }
    error "server did not start: every port taken"
}

proc server::fork {id arguments} {
    variable info
    set options $info($id,options)
    set command [list [dict_get $options binary $::server_path] {*}$arguments]
    set env [dict_get $options env {}]
    if {$env ne {}} {
        set pairs {}
        foreach {name value} $env { lappend pairs $name=$value }
        set command [concat [list env {*}$pairs] $command]
    }
    # `exec` keeps the pid of the shell, which Tcl then sees; the folder is the server's working directory.
    set script {cd "$1" && shift && exec "$@"}
    if {[dict exists $options stdin]} {
        write_file [file join $info($id,dir) stdin] [dict get $options stdin]
        append script { < stdin}
    }
    set chan [open [list | /bin/sh -c $script sh $info($id,dir) {*}$command >> $info($id,stdout) \
        2>> $info($id,stderr)] w]
    set info($id,channel) $chan
    set info($id,pid) [pid $chan]
    set info($id,exit) {}
    runner::tell pid $info($id,pid)
}

# "ready", or what went wrong instead.
proc server::wait_ready {id from} {
    variable info
    set until [expr {[clock milliseconds] + 20000}]
    set by_log [expr {[dict_get $info($id,options) ready ping] eq "log"}]
    while {[clock milliseconds] < $until} {
        if {![alive $info($id,pid)]} { return "it ended: [wait_exit $id 1000]" }
        set log [string range [read_file $info($id,stdout)] $from end]
        if {[string first "Ready to accept connections" $log] >= 0} {
            if {$by_log || [answers $id]} { return ready }
        } elseif {!$by_log && [dict_get $info($id,options) ready ping] eq "ping" && [answers $id]} {
            return ready
        }
        pause 5
    }
    return "it is not ready after 20 s"
}

# True when somebody speaks the protocol at the server's address, be it only to refuse.
proc server::answers {id} {
    variable info
    if {[catch {connect $id 0} client]} { return 0 }
    $client timeout 2000
    set code [catch {$client ping} reply how]
    catch {$client close}
    if {$code == 0} { return [expr {$reply eq "PONG"}] }
    if {[string match LOADING* $reply]} { return 0 }
    return [expr {[dict get $how -errorcode] eq {RESP ERROR}}]
}

proc server::signal {id name} {
    variable info
    send_signal $name $info($id,pid)
}

# A process that has ended but was not collected (state Z) is not alive.
proc server::alive {pid} {
    if {[catch {read_file /proc/$pid/stat} stat]} { return 0 }
    set state [string index $stat [expr {[string last ) $stat] + 2}]]
    return [expr {$state ni {Z X}}]
}

# By the shell's own kill: a small system has no program of that name.
proc send_signal {name args} {
    foreach pid $args { catch {exec /bin/sh -c "kill -$name $pid" 2>@1} }
}

proc alive {pid} { return [server::alive $pid] }

# Waits for the end of the process. Returns the exit code, or the name of the signal that ended it.
proc server::wait_exit {id ms} {
    variable info
    if {$info($id,exit) ne {}} { return $info($id,exit) }
    set until [expr {[clock milliseconds] + $ms}]
    while {[alive $info($id,pid)]} {
        if {[clock milliseconds] > $until} {
            fail "the server (pid $info($id,pid)) did not end within $ms ms"
        }
        pause 5
    }
    set status 0
    if {[catch {close $info($id,channel)} message how]} {
        set code [dict get $how -errorcode]
        switch -- [lindex $code 0] {
            CHILDSTATUS { set status [lindex $code 2] }
            CHILDKILLED { set status [lindex $code 2] }
            default { set status 0 }
        }
    }
    set info($id,exit) $status
    runner::tell gone $info($id,pid)
    return $status
}

# ---- the end -------------------------------------------------------------------------------------------------------

# Stops the server and returns what is wrong with it ({} when nothing). `code` is how the body ended: after an error
# only the end itself is checked.
proc server::finish {id code} {
    variable info
    set trouble {}
    set options $info($id,options)
    close_clients $id
    if {$info($id,exit) eq {}} {
        send_signal CONT $info($id,pid)
        if {![alive $info($id,pid)]} {
            lappend trouble "the server died during the tests: status [wait_exit $id 1000]"
        } else {
            if {$code == 0 && ![dict_get $options no_leak_check 0]} { lappend trouble {*}[leaks $id] }
            signal $id TERM
            if {[catch {wait_exit $id 10000} status]} {
                lappend trouble "the server did not obey SIGTERM within 10 s"
                signal $id KILL
                catch {wait_exit $id 5000}
            } elseif {$status ne "0"} {
                lappend trouble "the server ended on SIGTERM with status $status"
            }
        }
    }
    if {![dict_get $options may_crash 0]} { lappend trouble {*}[crash_lines $id] }
    if {$info($id,unixsocket) ne {}} { catch {file delete $info($id,unixsocket)} }
    return [join $trouble "; "]
}

proc server::crash_lines {id} {
    variable info
    variable crash_marks
    set log [read_file $info($id,stdout)][read_file $info($id,stderr)]
    foreach mark $crash_marks {
        if {[string first $mark $log] >= 0} { return [list "the log has a crash report ('$mark')"] }
    }
    return {}
}

# The server must come back to a single client, the one that asks. When it does not let us ask, that is no leak.
proc server::leaks {id} {
    variable info
    if {[catch {connect $id 0} client]} { return {} }
    $client timeout 5000
    catch {
        if {[dict exists $info($id,options) overrides requirepass]} {
            $client auth [dict get $info($id,options) overrides requirepass]
        }
    }
    set until [expr {[clock milliseconds] + 5000}]
    set trouble {}
    while 1 {
        if {[catch {info_field [$client info clients] connected_clients} count] || $count eq {}} break
        if {$count <= 1} break
        if {[clock milliseconds] > $until} {
            catch {$client client list} list
            set shown [join [lrange [split [string trim $list] \n] 0 9] \n]
            set trouble [list "$count clients are still connected although all were closed:\n$shown"]
            break
        }
        pause 10
    }
    catch {$client close}
    return $trouble
}

# ---- files and such ------------------------------------------------------------------------------------------------

proc read_file {path} {
    set chan [open $path r]
    fconfigure $chan -translation binary
    set data [read $chan]
    close $chan
    return $data
}

proc write_file {path data} {
    set chan [open $path w]
    fconfigure $chan -translation binary
    puts -nonewline $chan $data
    close $chan
}

# The last lines of a text, long ones cut.
proc tail {text count} {
    return [join [lmap line [lrange [split [string trimright $text] \n] end-[expr {$count - 1}] end] {
        expr {[string length $line] > 250 ? "[string range $line 0 249]..." : $line}
    }] \n]
}

proc dict_get {dict key default} {
    return [expr {[dict exists $dict $key] ? [dict get $dict $key] : $default}]
}

# Skips when the server does not know one of these commands (yet).
proc needs_commands {args} {
    foreach name $args {
        if {[lindex [r command info $name] 0] eq {}} { skip "the server has no [string toupper $name]" }
    }
}

# Sends bytes on a connection of its own and returns everything that is answered: up to the end of the connection,
# marked by <closed>, or up to a quiet time.
proc exchange {bytes {quiet 300}} {
    set client [raw_client]
    $client write $bytes
    $client flush
    set got [$client readall $quiet]
    if {[$client eof 0]} { append got <closed> }
    $client close
    return $got
}

# The server has read what was written on every connection before: it serves the sockets that are ready in one turn.
proc settle {} {
    r ping
    r ping
}
