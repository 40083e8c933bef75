# End-to-end tests: `tclsh tests/test_helper.tcl --help`.
#
# Test files are tests/{unit,integration,...}/**/*.tcl; they run side by side, each against servers of its own in
# tests/tmp. What a test can say is in support/: runner.tcl (test, tags), server.tcl (start_server, r, s, srv, clients),
# assert.tcl (assert_*, wait_for_condition, skip), resp.tcl (what a client can do), differential.tcl (comparing with
# another server).

package require Tcl 8.6
encoding system utf-8
set tests_dir [file dirname [file normalize [info script]]]
foreach file {resp assert server runner differential} {
    source [file join $tests_dir support $file.tcl]
}

set usage {usage: tclsh tests/test_helper.tcl [options]
  --server PATH     the server to test (default: target/release/redis-server of this checkout)
  --oracle PATH     the server to compare with (default: $REDIS_ORACLE, else an installed redis-server), or none
  --clients N       test files run side by side (default 2)
  --single FILE     only this file, e.g. unit/protocol (may be repeated)
  --skipfile FILE   not this file (may be repeated)
  --only PATTERN    only tests whose name matches the glob pattern
  --tags "a -b"     only tests tagged a, none tagged b
  --loops N         the whole N times
  --stop            start no further file after the first failure
  --timeout S       a file that is silent for S seconds has failed (default 120)
  --verbose         a line for every test
  --keep            keep the scratch folders of a successful run
  --baseport N      first port to use
  --list            print the names of the files and end}

array set opt {server {} oracle {} clients 2 single {} skipfile {} only {} tags {} loops 1 stop 0 timeout 120
    verbose 0 keep 0 baseport 0 list 0 worker {} about {} rundir {}}

proc parse_options {argv} {
    global opt usage
    while {[llength $argv]} {
        set argv [lassign $argv word]
        set name [string trimleft $word -]
        switch -exact -- $name {
            stop - verbose - keep - list { set opt($name) 1 }
            help { puts $usage; exit 0 }
            single - skipfile {
                set argv [lassign $argv value]
                lappend opt($name) [regsub {\.tcl$} [regsub {^(\./)?tests/} $value {}] {}]
            }
            default {
                if {![info exists opt($name)] || ![string match --* $word] || ![llength $argv]} {
                    puts stderr "unknown or incomplete option: $word\n$usage"
                    exit 2
                }
                set argv [lassign $argv opt($name)]
            }
        }
    }
}

# Asks the server who it is: INFO of a server without any file.
proc learn_about_server {} {
    set ::current_file setup
    set ::worker_out [open /dev/null w]
    set ::scratch [file join $::run_dir setup]
    set id [server::new_id]
    set server::info($id,options) {}
    server::prepare $id
    server::write_config $id
    if {[catch {server::launch $id} err]} {
        puts stderr "cannot use $::server_path: $err"
        exit 2
    }
    # A server that has no INFO yet must do with what --version says.
    if {[catch {[server::client $id] info server} info]} { set info {} }
    server::finish $id 1
    if {$info eq {}} { return [diff::about_binary $::server_path] }
    set kind [info_field $info server_name]
    if {$kind eq {}} { set kind redis }
    set version [info_field $info redis_version]
    if {$kind eq "valkey"} { set version [info_field $info valkey_version] }
    return [list $kind $version]
}

proc test_files {} {
    set files {}
    foreach dir {integration unit unit/type sentinel cluster} {
        foreach path [lsort [glob -nocomplain -directory [file join $::tests_dir $dir] -tails *.tcl]] {
            lappend files $dir/[file rootname $path]
        }
    }
    return $files
}

parse_options $argv
set server_path $opt(server)
if {$server_path eq {}} {
    set server_path [file join [file dirname $tests_dir] target release redis-server]
}
set server_path [file normalize $server_path]
set oracle_path [diff::find_oracle $opt(oracle)]
set current_tags {}
set current_test {}
if {$opt(baseport) == 0} { set opt(baseport) [expr {11000 + ([pid] % 50) * 400}] }
set port_count 200
set port_next 0

if {$opt(worker) ne {}} {
    set run_dir $opt(rundir)
    set port_base [expr {$opt(baseport) + $opt(worker) * $port_count}]
    lassign $opt(about) server_kind server_version
    set server_about "$server_kind $server_version"
    set server_major [lindex [split $server_version .] 0]
    expr {srand([pid])}
    runner::worker
}

if {$opt(list)} {
    puts [join [test_files] \n]
    exit 0
}
if {![file executable $server_path]} {
    puts stderr "no server at $server_path: build it, or say --server PATH"
    exit 2
}
set run_dir [file join $tests_dir tmp run-[pid]]
set port_base $opt(baseport)
set files [test_files]
if {[llength $opt(single)]} {
    set files $opt(single)
    foreach file $files {
        if {![file exists [file join $tests_dir $file.tcl]]} {
            puts stderr "no such test file: $file"
            exit 2
        }
    }
}
foreach file $opt(skipfile) { set files [lsearch -all -inline -not -exact $files $file] }
set about [learn_about_server]
puts "Testing $server_path: [lindex $about 0] [lindex $about 1]"
puts "Oracle: [expr {$oracle_path eq {} ? {none} : $oracle_path}]"
set worker_oracle [expr {$oracle_path eq {} ? {none} : $oracle_path}]
set worker_args [list --server $server_path --oracle $worker_oracle --baseport $opt(baseport) \
    --only $opt(only) --tags $opt(tags) --about $about --rundir $run_dir]
if {$opt(stop)} { lappend worker_args --stop }
runner::master $files
