# Writes random keys to a server until its standard input closes. Usage: write_load.tcl HOST PORT KEY
source [file join [file dirname [info script]] .. support resp.tcl]
lassign $argv host port key
set client [resp::open $host $port 1]
set done 0
fconfigure stdin -blocking 0
fileevent stdin readable {
    read stdin
    if {[eof stdin]} {
        fileevent stdin readable {}
        set ::done 1
    }
}
while {!$done} {
    for {set i 0} {$i < 50} {incr i} {
        $client set $key:[expr {int(rand() * 10000)}] [expr {rand()}]
    }
    for {set i 0} {$i < 50} {incr i} {
        # An error reply is no reason to stop (a server that loads, a replica), a lost connection is.
        if {[catch {$client read} message how] && [dict get $how -errorcode] ne {RESP ERROR}} exit
    }
    update
}
