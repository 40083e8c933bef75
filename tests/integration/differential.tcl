# The scripts and generators of tests/differential against an oracle; see support/differential.tcl.

if {$::oracle_path eq {}} {
    skip "no oracle: install redis-server, set REDIS_ORACLE or say --oracle PATH"
}

# Which of these commands our server does not know.
proc missing_commands {names} {
    set missing {}
    start_server {} {
        foreach name $names {
            if {[lindex [r command info $name] 0] eq {}} { lappend missing [string toupper $name] }
        }
    }
    return $missing
}

foreach script [diff::scripts] {
    set path [file join $::tests_dir differential $script]
    set header [diff::header [read_file $path]]
    foreach resp [dict get $header resp] {
        test "Same replies as the oracle: $script over RESP$resp" {
            if {[llength [set missing [missing_commands [dict get $header needs]]]]} {
                skip "the server has no [join $missing {, }]"
            }
            set compared 0
            set report [diff::run_script $path $resp compared]
            if {$report ne {}} { fail $report }
        } {differential}
    }
}

foreach {generator count needs} {
    strings 4000 {set get incr append expire}
    bitmap 3000 {setbit bitfield bitop}
    hyperloglog 1500 {pfadd pfcount pfmerge}
    protocol 600 {}
} {
    test "Same replies as the oracle: random commands of $generator" {
        if {[llength [set missing [missing_commands $needs]]]} {
            skip "the server has no [join $missing {, }]"
        }
        set seed [expr {[clock milliseconds] % 1000000000}]
        note "generator $generator, seed $seed"
        set report [diff::random $generator $seed $count]
        if {$report ne {}} { fail $report }
    } {differential random}
}

# In the order of what several clients hear, Redis 8 differs from its forerunners.
if {[diff::oracle_is_redis] && [diff::oracle_level] >= 8} {
    test "Same conversations as with the oracle: random commands of several clients" {
        set seed [expr {[clock milliseconds] % 1000000000}]
        note "generator clients, seed $seed"
        set report [diff::random clients $seed 3000]
        if {$report ne {}} { fail $report }
    } {differential random}
}
