# HyperLogLogs: a few of them, from empty to dense, whose bytes are compared again and again, with limits of the sparse
# form that change; damaged ones, made by cutting, joining and overwriting bytes and runs; and what is none at all.

namespace eval gen::hyperloglog {
    variable keys {a b c d e f}
    # Those that may be damaged.
    variable victims {x y z}
    variable next 0
    # Dense values, wide merges and 64 KiB of registers take their time: most elements go to few of them.
    variable level [diff::oracle_level]
}

proc gen::hyperloglog::key {} {
    variable keys
    variable victims
    if {[gen::chance 4]} { return [gen::pick {nosuch list n}] }
    if {[gen::chance 10]} { return [gen::pick $victims] }
    return [gen::pick $keys]
}

# A value that may or may not be damaged. The byte behind the last is not one that a run could need: the reference reads it.
proc gen::hyperloglog::damaged {} {
    set header HYLL[gen::pick [list \x01 \x01 \x01 \x01 \x00 \x02]][random_bytes 3][gen::pick [list \
        [string repeat \x00 7]\x80 [random_bytes 7]\x80 \x05[string repeat \x00 7] [random_bytes 8]]]
    set runs {}
    set left 16384
    for {set i [gen::int 0 30]} {$i > 0 && $left > 0} {incr i -1} {
        switch [gen::int 0 3] {
            0 {
                set length [expr {min($left, [gen::int 1 64])}]
                append runs [format %c [expr {$length - 1}]]
            }
            1 {
                set length [expr {min($left, [gen::int 1 [gen::pick {2 100 9000}]])}]
                append runs [format %c%c [expr {0x40 | (($length - 1) >> 8)}] [expr {($length - 1) & 255}]]
            }
            default {
                set length [expr {min($left, [gen::int 1 4])}]
                append runs [format %c [expr {0x80 | [gen::pick {0 1 2 30 31}] << 2 | ($length - 1)}]]
            }
        }
        incr left -$length
    }
    if {$left > 0} {
        set length [expr {max(1, min(16384, $left + [gen::weighted {10 0 1 -1 1 1 1 -100 1 100}]))}]
        append runs [format %c%c [expr {0x40 | (($length - 1) >> 8)}] [expr {($length - 1) & 255}]]
    }
    if {[gen::chance 10]} { append runs [random_bytes [gen::int 0 3]]\x00 }
    return $header$runs
}

proc gen::hyperloglog::elements {} {
    variable next
    switch [gen::weighted {10 none 40 one 40 few 10 many 1 lots}] {
        none { return {} }
        one { set count 1 }
        few { set count [gen::int 2 12] }
        many { set count [gen::int 20 120] }
        lots { set count [gen::int 500 2500] }
    }
    set out {}
    for {} {$count > 0} {incr count -1} {
        if {[gen::chance 20]} {
            lappend out [random_bytes [gen::int 0 20]]
        } else {
            lappend out e[expr {[gen::chance 70] ? [incr next] : [gen::int 0 1000]}]
        }
    }
    return $out
}

proc gen::hyperloglog::several {} {
    set out {}
    for {set i [gen::int 1 5]} {$i > 0} {incr i -1} { lappend out [key] }
    return $out
}

proc gen::hyperloglog::command {} {
    variable keys
    variable victims
    variable level
    set key [key]
    switch [gen::weighted {50 pfadd 14 pfcount 8 counts 10 merge 12 get 3 del 6 damaged 3 bytes 5 debug 3 limit 2 other
            2 copy 4 encoding 1 expire}] {
        pfadd {
            set argv [list PFADD $key {*}[elements]]
            # Of several elements the reference adds those before the one for which there is no place; we add none.
            if {$key in $victims} { set argv [lrange $argv 0 2] }
        }
        pfcount { set argv [list PFCOUNT $key] }
        counts { set argv [list PFCOUNT {*}[several]] }
        merge { set argv [list PFMERGE $key {*}[lrange [several] [gen::int 0 1] end]] }
        get { set argv [list GET $key] }
        del { set argv [list DEL $key] }
        damaged { set argv [list SET [gen::pick $victims] [damaged]] }
        bytes {
            # Runs and registers, but not the last byte.
            set key [gen::pick $victims]
            set argv [list SETRANGE $key [gen::weighted [list 4 [gen::int 4 15] 6 [gen::int 16 200]]] [random_bytes 1]]
            if {[gen::chance 30]} { set argv [list APPEND $key [random_bytes 1]\x00] }
            if {[gen::chance 10]} { set argv [list SETBIT $key 120 [gen::int 0 1]] }
        }
        debug {
            # The reference answers twice to a mode that it does not know.
            set argv [gen::pick [list [list PFDEBUG DECODE $key] [list PFDEBUG encoding $key] [list PFDEBUG ENCODING $key] \
                [list PFDEBUG TODENSE $key] [list PFDEBUG GETREG $key] [list PFDEBUG foo $key]]]
            if {$level >= 8 && [gen::chance 30]} { set argv [list PFDEBUG SIMD [gen::pick {ON OFF on off}]] }
        }
        limit { set argv [list CONFIG SET hll-sparse-max-bytes [gen::pick {3000 3000 3000 0 18 30 100 1000 3100 20000}]] }
        other { set argv [gen::pick [list {DEL list} {RPUSH list x} {SET n 123} [list SET $key [random_bytes [gen::int 0 40]]]]] }
        copy { set argv [list COPY $key [gen::pick [expr {$key in $victims ? $victims : "$keys $victims"}]] REPLACE] }
        encoding { return [list since8 OBJECT ENCODING $key] }
        expire { set argv [list EXPIRE $key 100000] }
    }
    return [list exact {*}$argv]
}

proc gen::hyperloglog::audit {} {
    variable keys
    variable victims
    set out {}
    foreach key [concat $keys $victims] {
        lappend out [list exact GET $key] [list exact TYPE $key] [list since8 OBJECT ENCODING $key] \
            [list approx TTL $key] [list exact PFCOUNT $key]
    }
    return $out
}
