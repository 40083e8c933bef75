# Streams: a few keys and groups, every command with every option, nodes of every size, errors included.
#
# Ids are explicit, so that time cannot differ; they come in order mostly. What nobody claims has been idle for 0 to some
# thousand milliseconds, so that a wait for 0 or for days says the same on both sides. The oracle is to be a Redis 8: older
# ones lack options, and see some things otherwise.

namespace eval gen::stream {
    variable keys {a b c d}
    variable groups {g h i}
    variable consumers {x y z {}}
    # The last id that each key was given, as far as we know.
    variable last
    array set last {}
    variable begun 0
}

proc gen::stream::key {} {
    variable keys
    if {[gen::chance 2]} { return [gen::pick {nokey str}] }
    return [gen::pick $keys]
}

proc gen::stream::group {} {
    variable groups
    if {[gen::chance 2]} { return nogroup }
    return [gen::pick $groups]
}

proc gen::stream::consumer {} {
    variable consumers
    return [gen::pick $consumers]
}

# An id behind the last one of a key.
proc gen::stream::new_id {key} {
    variable last
    if {![info exists last($key)]} { set last($key) {0 0} }
    lassign $last($key) ms seq
    switch [gen::int 0 9] {
        0 { incr ms [gen::int 1 3]; set seq [gen::int 0 3] }
        1 { incr ms [gen::pick {1 200 70000 5000000000}]; set seq [gen::int 0 300] }
        2 { incr seq [gen::pick {2 5 1000}] }
        default { incr seq }
    }
    set last($key) [list $ms $seq]
    return $ms-$seq
}

# An id that may have been given to an entry of a key.
proc gen::stream::old_id {key} {
    variable last
    lassign [expr {[info exists last($key)] ? $last($key) : {1 1}}] ms seq
    switch [gen::int 0 12] {
        0 { return [gen::pick {0-0 0 1 1-1 x {} - + $ > * 1-* 5-x 18446744073709551615-18446744073709551615
            18446744073709551615 18446744073709551616 -1 01-1 +1-1 { 1-1} 1--1 (1-1}] }
        1 { return [expr {max(0, $ms - [gen::int 0 3])}]-[gen::int 0 5] }
        2 { return [expr {max(0, $ms - [gen::int 0 100])}] }
        3 { return $ms-[expr {$seq + [gen::int 0 3]}] }
        default { return $ms-[expr {max(0, $seq - [gen::int 0 30])}] }
    }
}

proc gen::stream::ids {key} {
    set out {}
    for {set i [gen::int 1 4]} {$i > 0} {incr i -1} { lappend out [old_id $key] }
    return $out
}

proc gen::stream::edge {key} {
    switch [gen::int 0 5] {
        0 { return - }
        1 { return + }
        2 { return ([old_id $key] }
    }
    return [old_id $key]
}

proc gen::stream::number {} {
    return [gen::pick {0 1 2 3 5 10 -1 x {} 100 9223372036854775807 9223372036854775808}]
}

proc gen::stream::idle {} { return [gen::pick {0 0 0 0 1000000000 1000000000 -5 x}] }

proc gen::stream::fields {} {
    set out {}
    switch [gen::int 0 5] {
        0 { for {set i [gen::int 1 4]} {$i > 0} {incr i -1} { lappend out [gen::pick {a b 1 -7 {}}] [value] } }
        1 { lappend out a [value] }
        default { lappend out a [value] 17 [value] }
    }
    if {[gen::chance 1]} { lappend out odd }
    return $out
}

proc gen::stream::value {} {
    switch [gen::int 0 8] {
        0 { return [gen::pick {9223372036854775807 -9223372036854775808 127 128 4095 4096 -1 32768 8388608 2147483648}] }
        1 { return [string repeat v [gen::pick {0 63 64 200 4095 4096 5000}]] }
        2 { return [gen::pick {{} 007 19.8 "\x00\xff"}] }
    }
    return [gen::int 0 1000]
}

# The words about trimming.
proc gen::stream::trim {key} {
    set out {}
    set operator [gen::pick {{} = ~ ~ ~}]
    if {[gen::chance 70]} {
        lappend out MAXLEN {*}$operator [gen::pick {0 1 2 5 10 10 20 20 30 40 100 -1 x}]
    } else {
        lappend out MINID {*}$operator [old_id $key]
    }
    if {$operator eq "~" && [gen::chance 50] || [gen::chance 3]} { lappend out LIMIT [gen::pick {0 1 2 3 5 10 20 -1 x}] }
    if {[gen::chance 25]} { set out [concat {*}[gen::pick [list [list [policy] $out] [list $out [policy]]]]] }
    return $out
}

# Not ACKED: Redis 8.2 remembers how far the slowest group has read, and does not always notice that it has read on, or was
# destroyed; then it calls entries needed that nobody needs. What ACKED is for stands in stream.cmds and unit/type.
proc gen::stream::policy {} { return [gen::pick {KEEPREF DELREF}] }

proc gen::stream::begin {} {
    variable begun 1
    if {[gen::chance 50]} { return [list HELLO [gen::pick {2 3}]] }
    return [gen::pick {
        {CONFIG SET stream-node-max-entries 4} {CONFIG SET stream-node-max-entries 10}
        {CONFIG SET stream-node-max-entries 100} {CONFIG SET stream-node-max-entries 0 stream-node-max-bytes 300}
        {CONFIG SET stream-node-max-bytes 100}}]
}

proc gen::stream::command {} {
    variable begun
    if {!$begun || [gen::chance 0.2]} { return [list drop {*}[begin]] }
    set key [key]
    set how exact
    switch [gen::weighted {30 add 4 addtrim 4 badadd 6 range 3 read 5 del 3 trim 2 setid 2 len 12 readgroup 4 history
            6 ack 3 group 2 consumer 3 pending 3 summary 4 claim 4 autoclaim 4 delex 3 ackdel 4 info 5 full 2 consumers
            3 groups 1 rare 2 digest 2 nonsense 1 group_id}] {
        add { set argv [list XADD $key [new_id $key] {*}[fields]] }
        addtrim { set argv [list XADD $key {*}[trim $key] [new_id $key] {*}[fields]] }
        badadd {
            set argv [list XADD $key {*}[gen::pick {{} NOMKSTREAM nomkstream KEEPREF {LIMIT 1}}] \
                [gen::pick [list [old_id $key] [lindex [split [new_id $key] -] 0]-*]] {*}[fields]]
            if {"*" in $argv} { set argv {XADD a} }
        }
        range {
            set argv [list [gen::pick {XRANGE XREVRANGE}] $key [edge $key] [edge $key]]
            while {[gen::chance 30]} { lappend argv {*}[gen::pick [list [list COUNT [number]] COUNT foo]] }
        }
        read {
            set other [key]
            set argv [list XREAD {*}[gen::pick [list {} {} [list COUNT [number]]]] STREAMS $key $other \
                [old_id $key] [old_id $other]]
        }
        del { set argv [list XDEL $key {*}[ids $key]] }
        trim { set argv [list XTRIM $key {*}[trim $key]] }
        setid {
            set argv [list XSETID $key [gen::pick [list [old_id $key] [new_id $key]]]]
            while {[gen::chance 40]} {
                lappend argv {*}[gen::pick [list [list ENTRIESADDED [gen::pick [list [gen::int 0 5000] [number]]]] \
                    [list MAXDELETEDID [old_id $key]] foo]]
            }
        }
        len { set argv [list XLEN $key] }
        readgroup {
            set argv [list XREADGROUP GROUP [group] [consumer]]
            if {[gen::chance 70]} { lappend argv COUNT [gen::pick {1 2 3 5 0 -1}] }
            if {[gen::chance 15]} { lappend argv NOACK }
            lappend argv STREAMS $key
            if {[gen::chance 20]} { lappend argv [key] > }
            lappend argv >
        }
        history {
            set argv [list XREADGROUP GROUP [group] [consumer] COUNT [number] STREAMS $key [old_id $key]]
        }
        ack { set argv [list XACK $key [group] {*}[ids $key]] }
        group {
            switch [gen::int 0 9] {
                0 { set argv [list XGROUP DESTROY $key [group]] }
                1 { set argv [list XGROUP CREATE $key [group] [old_id $key] foo] }
                default {
                    set argv [list XGROUP CREATE $key [group] [gen::pick [list 0 $ [old_id $key]]]]
                    if {[gen::chance 60]} { lappend argv MKSTREAM }
                    if {[gen::chance 30]} { lappend argv ENTRIESREAD [gen::pick [list [gen::int 0 100] [number]]] }
                }
            }
        }
        group_id {
            set argv [list XGROUP SETID $key [group] [gen::pick [list 0 $ [old_id $key] [old_id $key]]]]
            if {[gen::chance 30]} { lappend argv ENTRIESREAD [gen::pick [list [gen::int 0 100] [number]]] }
        }
        consumer { set argv [list XGROUP [gen::pick {CREATECONSUMER DELCONSUMER}] $key [group] [consumer]] }
        pending {
            set how clock
            set argv [list XPENDING $key [group] {*}[gen::pick [list {} {} [list IDLE [idle]]]] [edge $key] [edge $key] \
                [number] {*}[gen::pick [list {} [consumer]]]]
        }
        summary { set argv [list XPENDING $key [group]] }
        claim {
            set argv [list XCLAIM $key [group] [consumer] [idle] {*}[ids $key]]
            while {[gen::chance 50]} {
                lappend argv {*}[gen::pick [list FORCE JUSTID FORCE JUSTID [list IDLE [number]] \
                    [list TIME [gen::pick {0 1000 99999999999999 -1 x}]] [list RETRYCOUNT [number]] \
                    [list LASTID [old_id $key]] foo]]
            }
        }
        autoclaim {
            set argv [list XAUTOCLAIM $key [group] [consumer] [idle] [gen::pick [list - 0 [edge $key]]]]
            while {[gen::chance 50]} { lappend argv {*}[gen::pick [list [list COUNT [number]] JUSTID foo]] }
        }
        delex {
            set ids [ids $key]
            set argv [list XDELEX $key {*}[gen::pick [list {} [policy] [policy]]] IDS \
                [gen::pick [list [llength $ids] [llength $ids] [llength $ids] [number]]] {*}$ids]
        }
        ackdel {
            set ids [ids $key]
            set argv [list XACKDEL $key [group] {*}[gen::pick [list {} [policy] [policy]]] IDS [llength $ids] {*}$ids]
        }
        info { set argv [list XINFO STREAM $key] }
        full {
            set how moments
            set argv [list XINFO STREAM $key FULL {*}[gen::pick [list {} {COUNT 0} [list COUNT [number]]]]]
        }
        groups {
            set argv [list XINFO GROUPS $key]
        }
        consumers {
            set how clock
            set argv [list XINFO CONSUMERS $key [group]]
        }
        digest { set argv [list DEBUG DIGEST-VALUE $key] }
        rare {
            switch [gen::int 0 4] {
                0 { set argv [list COPY $key [key] REPLACE] }
                1 { set argv [list RENAME $key [key]] }
                2 { set argv {SET str x} }
                3 { set argv [list DEL $key] }
                4 { set argv [list OBJECT ENCODING $key] }
            }
        }
        nonsense {
            set argv [list [gen::pick {XADD XRANGE XREVRANGE XDEL XTRIM XSETID XLEN XREAD XREADGROUP XACK XPENDING XCLAIM
                XAUTOCLAIM XINFO XGROUP XDELEX XACKDEL}]]
            for {set i [gen::int 0 6]} {$i > 0} {incr i -1} {
                lappend argv [gen::pick [list $key [old_id $key] [group] [number] COUNT STREAMS GROUP NOACK IDS MAXLEN \
                    MINID ~ = LIMIT KEEPREF STREAM GROUPS CONSUMERS FULL CREATE SETID - + MKSTREAM ENTRIESREAD]]
            }
            # Nothing that has to do with the time of day.
            set how [expr {[lindex $argv 0] in {XPENDING XINFO} ? "clock" : "exact"}]
        }
    }
    return [list $how {*}$argv]
}

proc gen::stream::audit {} {
    variable keys
    set out {}
    foreach key $keys {
        lappend out [list exact XRANGE $key - +] [list exact XREVRANGE $key + -] [list exact DEBUG DIGEST-VALUE $key] \
            [list moments XINFO STREAM $key FULL COUNT 0]
    }
    return $out
}
