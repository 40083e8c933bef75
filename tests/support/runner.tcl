# Running test files: `test`, `tags`, and the two halves of the harness.
#
# The master (runner::master) hands files to N worker processes over pipes and prints; a worker (runner::worker) runs
# one file at a time. A message is one line on the worker's standard output: a Tcl list in base64. Kinds:
#
#     ok NAME MS | err NAME DETAIL | skip NAME REASON | start NAME | note TEXT | pid N | gone N | done FILE MS
#
# `pid` and `gone` let the master kill the servers of a worker that hangs.

namespace eval runner {
    variable passed 0
    variable failed 0
    variable skipped 0
    variable failures {}
    variable skips {}
    variable queue {}
    variable workers
    array set workers {}
    variable finished {}
    variable total 0
    variable done 0
}

# ---- what test files call ------------------------------------------------------------------------------------------

# Runs one test. `tags` is a list. The clients it made are closed with it; a client made outside lives on.
proc test {name body {tags {}}} {
    if {$::opt(only) ne {} && ![string match $::opt(only) $name]} return
    if {[set why [runner::unwanted [concat $::current_tags $tags]]] ne {}} {
        runner::report_skip $name $why
        return
    }
    runner::tell start $name
    set ::current_test $name
    set clients [server::all_clients]
    set begin [clock milliseconds]
    set code [catch {uplevel 1 $body} result how]
    set ms [expr {[clock milliseconds] - $begin}]
    set ::current_test {}
    server::close_all_but $clients
    if {$code != 1} {
        runner::tell ok $name $ms
        return
    }
    set errorcode [dict get $how -errorcode]
    if {$errorcode eq {TEST SKIP}} {
        runner::report_skip $name $result
        return
    }
    set detail $result
    if {$errorcode ne {TEST FAIL}} {
        set detail "error: $result"
    }
    append detail \n [runner::place [dict get $how -errorinfo]]
    runner::report_failure $name $detail [lindex $::server::stack end]
    # A reply of the failed test may still be under way: the next one starts with fresh connections.
    foreach id $::server::stack {
        if {$::server::info($id,client) ne {}} { catch {$::server::info($id,client) close} }
        set ::server::info($id,client) {}
    }
}

proc tags {list body} {
    set ::current_tags [concat $::current_tags $list]
    set code [catch {uplevel 1 $body} result how]
    set ::current_tags [lrange $::current_tags 0 end-[llength $list]]
    return -options $how $result
}

# A line for the reader of the output.
proc note {text} { runner::tell note $text }

proc is_hematite {} { return [expr {$::server_kind eq "hematite"}] }

# ---- tags ----------------------------------------------------------------------------------------------------------

# Why a test with these tags is not to be run; {} when it is.
proc runner::unwanted {tags} {
    foreach tag $tags {
        if {"-$tag" in $::opt(tags)} { return "tag $tag is off" }
    }
    set allowed [lsearch -all -inline -not $::opt(tags) -*]
    if {[llength $allowed]} {
        set hit 0
        foreach tag $tags { if {$tag in $allowed} { set hit 1 } }
        if {!$hit} { return "no tag of: $allowed" }
    }
    if {"hematite-only" in $tags && ![is_hematite]} { return "only for Hematite, not $::server_about" }
    if {"redis8" in $tags && ![is_hematite] && !($::server_kind eq "redis" && $::server_major >= 8)} {
        return "as in Redis 8, not $::server_about"
    }
    return {}
}

# The same for a whole server block: a tag wanted by --tags may still come deeper in its body.
proc runner::unwanted_block {tags body} {
    set allowed [lsearch -all -inline -not $::opt(tags) -*]
    foreach tag $allowed {
        if {[string first $tag $body] >= 0} { lappend tags $tag }
    }
    return [unwanted $tags]
}

# ---- worker --------------------------------------------------------------------------------------------------------

proc runner::tell {args} {
    puts $::worker_out [binary encode base64 [encoding convertto utf-8 $args]]
    flush $::worker_out
}

proc runner::report_skip {name reason} { tell skip $name $reason }

proc runner::report_failure {name detail {id {}}} {
    if {$id ne {} && [info exists ::server::info($id,stdout)]} {
        append detail "\n--- log of the server in $::server::info($id,dir):\n" \
            [tail [read_file $::server::info($id,stdout)] 25]
        set err [tail [read_file $::server::info($id,stderr)] 15]
        if {$err ne {}} { append detail "\n--- its standard error:\n$err" }
    }
    tell err $name $detail
    if {$::opt(stop)} { tell stop }
}

# The lines of Tcl's trace that help: what was being run, without the harness's own frames.
proc runner::place {trace} {
    set lines [split $trace \n]
    set kept {}
    foreach line $lines {
        if {[string match {*("uplevel" body line*} $line]} { lappend kept $line }
        if {[string match {*(procedure "test"*} $line] || [string match {uplevel 1 $body} $line]} break
        if {[string match {*(procedure "assert*} $line]} { set kept {}; continue }
        if {![string match {*while executing*} $line] && ![string match {*invoked from*} $line]} {
            lappend kept $line
        }
    }
    return [join [lrange $kept 0 13] \n]
}

proc runner::worker {} {
    set ::worker_out stdout
    fconfigure stdin -blocking 1
    while {[gets stdin line] >= 0} {
        lassign [encoding convertfrom utf-8 [binary decode base64 $line]] word file loop
        if {$word ne "run"} break
        run_file $file $loop
    }
    exit 0
}

proc runner::run_file {file loop} {
    set ::current_file $file
    set ::current_tags {}
    set ::current_test {}
    set ::scratch [file join $::run_dir "[string map {/ -} $file]-$loop"]
    file mkdir $::scratch
    set begin [clock milliseconds]
    set before [info globals]
    set code [catch {uplevel #0 [list source [file join $::tests_dir $file.tcl]]} result how]
    if {$code == 1} {
        if {[dict get $how -errorcode] eq {TEST SKIP}} {
            report_skip "file $file" $result
        } else {
            report_failure "file $file" "error outside of a test: $result\n[dict get $how -errorinfo]" \
                [lindex $::server::stack end]
        }
    }
    foreach id [lreverse $::server::stack] { catch {server::finish $id 1} }
    set ::server::stack {}
    # The variables of one file are no business of the next: the same name may be an array there.
    foreach name [info globals] {
        if {$name ni $before} { unset -nocomplain ::$name }
    }
    tell done $file [expr {[clock milliseconds] - $begin}]
}

# ---- master --------------------------------------------------------------------------------------------------------

proc runner::master {files} {
    variable queue
    variable total
    variable workers
    foreach loop [lsort -integer [range 1 $::opt(loops)]] {
        foreach file $files { lappend queue [list $file $loop] }
    }
    set total [llength $queue]
    set count [expr {min($::opt(clients), max(1, $total))}]
    for {set i 0} {$i < $count} {incr i} { start_worker $i }
    after 1000 runner::watch
    while {[llength [array names workers *,chan]]} { vwait ::runner::tick }
    summary
}

proc runner::range {from to} {
    set out {}
    for {set i $from} {$i <= $to} {incr i} { lappend out $i }
    return $out
}

proc runner::start_worker {i} {
    variable workers
    set command [list [info nameofexecutable] [file join $::tests_dir test_helper.tcl] --worker $i \
        {*}$::worker_args]
    set chan [open [list | {*}$command 2>@stderr] r+]
    fconfigure $chan -blocking 0 -buffering line
    set workers($i,chan) $chan
    set workers($i,file) {}
    set workers($i,test) {}
    set workers($i,pids) {}
    set workers($i,seen) [clock seconds]
    set workers($i,counts) {0 0 0}
    fileevent $chan readable [list runner::heard $i]
    next_file $i
}

proc runner::next_file {i} {
    variable queue
    variable workers
    if {![llength $queue]} {
        end_worker $i
        return
    }
    set workers($i,counts) {0 0 0}
    set workers($i,seen) [clock seconds]
    set queue [lassign $queue job]
    set workers($i,file) [lindex $job 0]
    puts $workers($i,chan) [binary encode base64 [encoding convertto utf-8 [list run {*}$job]]]
}

proc runner::end_worker {i} {
    variable workers
    set chan $workers($i,chan)
    array unset workers $i,*
    fconfigure $chan -blocking 1
    catch {close $chan}
    set ::runner::tick {}
}

proc runner::heard {i} {
    variable workers
    set chan $workers($i,chan)
    while {[info exists workers($i,chan)] && [gets $chan line] >= 0} {
        set workers($i,seen) [clock seconds]
        if {[catch {message $i {*}[encoding convertfrom utf-8 [binary decode base64 $line]]} err]} {
            say "(a worker said what is no message: $line: $err)"
        }
    }
    if {[info exists workers($i,chan)] && [eof $chan]} {
        lost $i "the worker process ended"
    }
}

proc runner::message {i kind args} {
    variable workers
    variable passed
    variable failed
    variable skipped
    variable failures
    variable skips
    variable done
    variable total
    variable queue
    set file $workers($i,file)
    lassign $workers($i,counts) ok err skip
    switch -exact -- $kind {
        start { set workers($i,test) [lindex $args 0] }
        ok {
            incr passed
            incr ok
            if {$::opt(verbose)} { say "\[ok\] $file: [lindex $args 0] ([lindex $args 1] ms)" }
        }
        err {
            incr failed
            incr err
            lassign $args name detail
            lappend failures "$file: $name"
            say "\[failed\] $file: $name\n  [string map [list \n "\n  "] $detail]"
        }
        skip {
            incr skipped
            incr skip
            lassign $args name reason
            lappend skips "$file: $name: $reason"
            if {$::opt(verbose)} { say "\[skipped\] $file: $name: $reason" }
        }
        note { say "($file: [lindex $args 0])" }
        pid { lappend workers($i,pids) [lindex $args 0] }
        gone {
            set workers($i,pids) [lsearch -all -inline -not -exact $workers($i,pids) [lindex $args 0]]
        }
        stop { set queue {} }
        done {
            incr done
            set text "\[$done/$total\] $file: $ok passed"
            if {$err} { append text ", $err failed" }
            if {$skip} { append text ", $skip skipped" }
            say [append text " ([format %.1f [expr {[lindex $args 1] / 1000.0}]] s)"]
            next_file $i
            return
        }
    }
    set workers($i,counts) [list $ok $err $skip]
}

# A worker that died or hung: its test failed, its servers are killed, another worker takes its place.
proc runner::lost {i why} {
    variable workers
    variable failed
    variable failures
    variable done
    set file $workers($i,file)
    set pids $workers($i,pids)
    set chan $workers($i,chan)
    set worker_pid [pid $chan]
    set test $workers($i,test)
    send_signal KILL {*}$pids {*}$worker_pid
    array unset workers $i,*
    catch {close $chan}
    incr failed
    incr done
    lappend failures "$file: $test"
    say "\[failed\] $file: $test\n  $why"
    if {[llength $::runner::queue]} { start_worker $i }
    set ::runner::tick {}
}

proc runner::watch {} {
    variable workers
    foreach name [array names workers *,seen] {
        set i [lindex [split $name ,] 0]
        if {[clock seconds] - $workers($name) > $::opt(timeout)} {
            lost $i "no news for $::opt(timeout) s"
        }
    }
    after 1000 runner::watch
}

proc runner::say {text} {
    # The terminal gets UTF-8 whatever the locale says.
    puts stdout $text
    flush stdout
}

proc runner::summary {} {
    variable passed
    variable failed
    variable skipped
    variable failures
    variable skips
    if {[llength $skips]} {
        say "\nSkipped:"
        foreach line $skips { say "  $line" }
    }
    if {[llength $failures]} {
        say "\nFailed:"
        foreach line $failures { say "  $line" }
        say "\nScratch folders are kept in $::run_dir"
    } elseif {!$::opt(keep)} {
        catch {file delete -force $::run_dir}
    }
    set line "$passed passed, $failed failed"
    if {$skipped > 0} { append line ", $skipped skipped" }
    say $line
    exit [expr {$failed > 0 ? 1 : 0}]
}
