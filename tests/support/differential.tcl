namespace eval diff {}
proc diff::find_oracle {path} {
    if {$path eq {}} { if {[info exists ::env(REDIS_ORACLE)]} {set path $::env(REDIS_ORACLE)} }
    if {$path eq {}} { set path [lindex [auto_execok redis-server] 0] }
    return $path
}
