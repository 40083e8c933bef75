# Makes the snapshots of tests/golden/rdb anew, by asking a live server.
#
#   tclsh tests/helpers/golden_rdb.tcl <port> <name> ?kind?
#
# The server on that port is emptied, given the lines of tests/golden/rdb/commands.txt (those marked with @kind only if that
# is its kind: 8 or valkey), and told to SAVE; the file is copied to tests/golden/rdb/<name>.rdb and its digest noted in
# tests/golden/rdb/digests.tsv. The server needs DEBUG, and its folder must be one that can be read from here.

set root [file dirname [file dirname [file normalize [info script]]]]
source [file join $root support resp.tcl]

lassign $argv port name kind
set folder [file join $root golden rdb]
set server [resp::open 127.0.0.1 $port]
proc ask {args} { return [$::server {*}$args] }

ask FLUSHALL
catch {ask FUNCTION FLUSH}
foreach line [split [read [open [file join $folder commands.txt]]] \n] {
    if {$line eq "" || [string index $line 0] eq "#"} continue
    if {$line eq "!digest"} {
        set digest [ask DEBUG DIGEST]
        continue
    }
    if {[regexp {^@(\S+) (.*)$} $line -> only rest]} {
        if {$only ne $kind} continue
        set line $rest
    }
    ask {*}$line
}
ask SAVE
set dir [lindex [ask CONFIG GET dir] 1]
file copy -force [file join $dir dump.rdb] [file join $folder $name.rdb]
set path [file join $folder digests.tsv]
set lines [expr {[file exists $path] ? [split [string trim [read [open $path]]] \n] : {}}]
set lines [lsearch -all -inline -not -glob $lines "$name\t*"]
lappend lines "$name\t$digest"
set out [open $path w]
puts $out [join [lsort $lines] \n]
close $out
