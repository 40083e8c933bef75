# Compares our server with an oracle outside of the harness.
#
#   tclsh tests/differential.tcl [--server PATH] [--oracle PATH] [--resp 2|3] [SCRIPT.cmds ...]
#   tclsh tests/differential.tcl --random NAME [--seed N] [--count N] [--rounds N]
#   and for both: --baseport N, the first of 40 ports to use
#
# What a script and a generator are: support/differential.tcl.

set tests_dir [file dirname [file normalize [info script]]]
foreach file {resp assert server runner differential} {
    source [file join $tests_dir support $file.tcl]
}

array set opt {server {} oracle {} resp {} random {} seed {} count 5000 rounds 1 baseport 0}
set files {}
while {[llength $argv]} {
    set argv [lassign $argv word]
    if {[string match --* $word] && [info exists opt([string range $word 2 end])] && [llength $argv]} {
        set argv [lassign $argv opt([string range $word 2 end])]
    } elseif {[string match -* $word]} {
        puts stderr "usage: differential.tcl \[--server PATH\] \[--oracle PATH\] \[--resp 2|3\] \[SCRIPT ...\] |\
            --random NAME \[--seed N\] \[--count N\] \[--rounds N\] \[--baseport N\]"
        exit 2
    } else {
        lappend files $word
    }
}
set server_path $opt(server)
if {$server_path eq {}} { set server_path [file join [file dirname $tests_dir] target release redis-server] }
set server_path [file normalize $server_path]
set oracle_path [diff::find_oracle $opt(oracle)]
if {$oracle_path eq {}} {
    puts stderr "no oracle: install redis-server, set REDIS_ORACLE or say --oracle PATH"
    exit 2
}
set run_dir [file join $tests_dir tmp diff-[pid]]
set scratch $run_dir
set port_base [expr {$opt(baseport) ? $opt(baseport) : 9000 + ([pid] % 50) * 40}]
set port_count 40
set port_next 0
set worker_out [open /dev/null w]
set current_file differential

set bad 0
if {$opt(random) ne {}} {
    for {set round 0} {$round < $opt(rounds)} {incr round} {
        set seed [expr {$opt(seed) eq {} ? ([clock milliseconds] * 7 + [pid]) % 1000000000 : $opt(seed) + $round}]
        set resp [expr {$opt(resp) eq {} ? 2 + $round % 2 : $opt(resp)}]
        puts "generator $opt(random), seed $seed, $opt(count) commands, RESP$resp"
        set report [diff::random $opt(random) $seed $opt(count) $resp]
        if {$report ne {}} {
            puts $report
            incr bad
        }
    }
} else {
    if {![llength $files]} {
        set files [lmap file [diff::scripts] { file join $tests_dir differential $file }]
    }
    foreach file $files {
        set protocols [dict get [diff::header [read_file $file]] resp]
        if {$opt(resp) ne {}} { set protocols $opt(resp) }
        foreach resp $protocols {
            set count 0
            set report [diff::run_script $file $resp count]
            puts "[file tail $file] RESP$resp: $count replies compared[expr {$report eq {} ? {} : {, they differ:}}]"
            if {$report ne {}} {
                puts $report
                incr bad
            }
        }
    }
}
if {!$bad} { file delete -force $run_dir }
exit [expr {$bad > 0}]
