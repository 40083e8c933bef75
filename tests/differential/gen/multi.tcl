# Transactions of one client: queued, refused, discarded, watched keys changed by the client itself. Calls that would wait
# come only where they may not.

namespace eval gen::multi {
    variable keys {a b c d}
    variable open 0
}

proc gen::multi::key {} {
    variable keys
    return [gen::pick $keys]
}

proc gen::multi::command {} {
    variable open
    set percent [gen::int 0 99]
    if {$percent < 12} {
        set open 1
        return {exact multi}
    }
    if {$percent < 24} {
        set open 0
        return {exact exec}
    }
    if {$percent < 27} {
        set open 0
        return {exact discard}
    }
    if {$percent < 28} {
        set open 0
        return {exact reset}
    }
    if {$percent < 34} { return [list exact watch [key] [key]] }
    if {$percent < 37} { return {exact unwatch} }
    if {$percent < 41} {
        return [gen::pick {{exact nosuch x} {exact get} {exact set a} {exact client nosuch} {exact config} {exact watch}}]
    }
    if {$percent < 43 && !$open} { return {exact exec x} }
    if {$open && $percent < 50} {
        return [gen::pick {{exact blpop a b 0} {exact brpop c 0} {exact blmove a b left right 0} {exact brpoplpush a b 0}
            {exact blmpop 0 2 a b left}}]
    }
    return [list exact {*}[data]]
}

# A command with an answer that is the same everywhere.
proc gen::multi::data {} {
    set key [key]
    return [gen::pick [list \
        [list set $key [gen::int 0 99]] [list set $key x] [list get $key] [list incr $key] [list append $key x] \
        [list del $key] [list exists $key] [list type $key] [list rename $key [key]] [list copy $key [key]] \
        [list select [gen::int 0 2]] [list move $key [gen::int 0 2]] [list swapdb 0 1] [list dbsize] [list echo $key] \
        [list rpush $key a b] [list lpop $key] [list lrange $key 0 -1] [list getex $key ex 0] [list flushdb] \
        [list setrange $key 3 x] [list strlen $key] [list persist $key] [list expire $key 100000] [list ping]]]
}

proc gen::multi::audit {} {
    set audit {{exact reset} {exact exec}}
    foreach db {0 1 2} {
        lappend audit [list exact select $db]
        foreach key {a b c d} { lappend audit [list exact type $key] [list exact get $key] [list exact lrange $key 0 -1] }
    }
    return $audit
}
