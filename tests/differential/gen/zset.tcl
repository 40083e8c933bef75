# Sorted sets: a few keys, every command with every option, scores of every kind, errors included.
#
# z1 to z3 hold any scores; x1 and x2 hold one score, so that ranges by name mean something; s1 and s2 are sets, which may
# be combined with them. SORT is left out, which in Redis turns what it reads into a skiplist. Members are few enough to meet again, and many enough to pass the thresholds.

namespace eval gen::zset {
    variable keys {z1 z2 z3 z1 z2 z3 x1 x2 {}}
    variable members {a b c d e 1 2 10 -7 {} 007 {f g} "\xff" 9223372036854775807 abcdefgh B "a\x00"}
    variable scores {0 1 2 3 -1 10 100 1.5 -2.25 0.1 0.2 3.3 inf -inf +inf 1e17 1e-7 5e-324 -0 -0.0 0x10 1e300 -1e300
        4611686018427387904 4611686018427388928 9007199254740993 1.7976931348623157e308 123456789.123 3.0e5 +5 .5 5.
        1234567 -4096 4095 127 128 -1000000}
    variable tiny 0
    variable begun 0
    variable resp 2
}

proc gen::zset::key {} {
    variable keys
    if {[gen::chance 3]} { return [gen::pick {nokey str s1}] }
    return [gen::pick $keys]
}

proc gen::zset::source {} {
    if {[gen::chance 4]} { return [gen::pick {nokey str}] }
    return [gen::pick {z1 z2 z3 x1 x2 s1 s2}]
}

proc gen::zset::member {} {
    variable members
    switch [gen::int 0 9] {
        0 - 1 - 2 { return "m[gen::int 0 60]" }
        3 { return "member:[gen::int 0 300]" }
        4 { if {[gen::chance 20]} { return [string repeat x [gen::pick {11 12 13 63 64 65 300}]] } }
        5 { return [gen::int -5 150] }
    }
    return [gen::pick $members]
}

proc gen::zset::score {key} {
    variable scores
    if {$key in {x1 x2}} { return 7 }
    if {[gen::chance 2]} { return [gen::pick {nan x {} 1e400 1e-400 { 1} (1 1_0 -nan 0x -}] }
    switch [gen::int 0 5] {
        0 { return [gen::int -50 50] }
        1 { return [expr {rand() * 1000}] }
        2 { return [gen::int 0 9999999999] }
    }
    return [gen::pick $scores]
}

proc gen::zset::pairs {key most} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [score $key] [member] }
    return $out
}

proc gen::zset::several {most} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [member] }
    return $out
}

proc gen::zset::zadd {key} {
    set argv [list [gen::pick {ZADD ZADD zadd}] $key]
    foreach {chance word} {12 NX 12 XX 12 GT 12 LT 20 CH 8 INCR} {
        if {[gen::chance $chance]} { lappend argv $word }
    }
    # A sum would tell the scores of x1 and x2 apart.
    if {$key in {x1 x2} && "INCR" in $argv} { set argv [list ZADD $key] }
    lappend argv {*}[pairs $key [expr {"INCR" in $argv ? 1 : 5}]]
    if {[gen::chance 2]} { lappend argv [gen::pick [list [member] 1 NX CH]] }
    return $argv
}

# A bound of a range of scores. Redis 8.2 alone takes neither blanks in front nor hexadecimal numbers here.
proc gen::zset::bound {} {
    if {[gen::chance 3]} { return [gen::pick {nan x {} 1e400 -1e400 {1 } (1e400 ( ((1 (nan -infinity "1\x00" - +}] }
    set score [string map {0x10 16} [score z1]]
    if {[gen::chance 30]} { return "($score" }
    return $score
}

# A bound of a range of names.
proc gen::zset::name {} {
    if {[gen::chance 4]} { return [gen::pick {a {} -x +x "-\x00" 1}] }
    if {[gen::chance 30]} { return [gen::pick {- +}] }
    return [gen::pick {[ (}][member]
}

proc gen::zset::index {} {
    if {[gen::chance 2]} { return [gen::pick {x {} 1.5 9223372036854775807 -9223372036854775808 9223372036854775808}] }
    return [gen::pick [list 0 -1 [gen::int -10 10] [gen::int -200 200]]]
}

proc gen::zset::limit {} {
    if {[gen::chance 3]} { return [gen::pick {LIMIT {LIMIT 0} {LIMIT x 1} {LIMIT 1 x} {LIMIT 0 -1} {LIMIT -1 5}}] }
    return [list LIMIT [gen::int 0 12] [gen::pick {0 1 5 -1 -2 100 9223372036854775807}]]
}

# The kind of a range, its two ends and the words behind: for ZRANGE and ZRANGESTORE.
proc gen::zset::range {key} {
    switch [expr {$key in {x1 x2} ? [gen::int 0 3] : [gen::int 0 2]}] {
        0 { set argv [list [index] [index]] }
        1 - 2 { set argv [list [bound] [bound] BYSCORE] }
        3 { set argv [list [name] [name] BYLEX] }
    }
    if {[gen::chance 30]} { lappend argv REV }
    if {[llength $argv] > 2 && [gen::chance 35]} { lappend argv {*}[limit] }
    if {[gen::chance 2]} { lappend argv {*}[gen::pick {BYSCORE REV {LIMIT 0 -1} {LIMIT 0 1} foo}] }
    return $argv
}

proc gen::zset::ask_range {key} {
    set tail {}
    if {[gen::chance 35]} { lappend tail [gen::pick {WITHSCORES withscores}] }
    switch [gen::int 0 6] {
        0 - 1 { return [list ZRANGE $key {*}[range $key] {*}$tail] }
        2 { return [list ZREVRANGE $key [index] [index] {*}$tail] }
    }
    if {[gen::chance 40]} { lappend tail {*}[limit] }
    if {$key in {x1 x2} && [gen::chance 60]} {
        if {[gen::chance 90]} { set tail [lsearch -all -inline -not -nocase $tail WITHSCORES] }
        return [list [gen::pick {ZRANGEBYLEX ZREVRANGEBYLEX}] $key [name] [name] {*}$tail]
    }
    return [list [gen::pick {ZRANGEBYSCORE ZREVRANGEBYSCORE}] $key [bound] [bound] {*}$tail]
}

proc gen::zset::combine {} {
    set verb [gen::pick {ZUNION ZINTER ZDIFF ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZINTERCARD}]
    set argv [list $verb]
    if {[string match *STORE $verb]} { lappend argv [gen::pick {z1 z2 z3 z4 str nokey}] }
    set sources {}
    # Equal sizes leave the order of three sums open, so there are no more than two.
    for {set i [gen::pick {1 2 2 2}]} {$i > 0} {incr i -1} { lappend sources [source] }
    if {$verb in {ZDIFF ZDIFFSTORE ZINTERCARD} && [gen::chance 40]} { lappend sources [source] [source] }
    lappend argv [expr {[gen::chance 3] ? [gen::pick {0 -1 x 1 3 9223372036854775807}] : [llength $sources]}] {*}$sources
    if {[gen::chance 35]} {
        lappend argv WEIGHTS
        foreach source $sources { lappend argv [gen::pick {1 2 -1 0 0.5 inf -inf 1e300 3.3}] }
        if {[gen::chance 5]} { lset argv end [gen::pick {x nan {}}] }
    }
    if {[gen::chance 35]} { lappend argv AGGREGATE [gen::pick {SUM MIN MAX min foo}] }
    if {[gen::chance 30]} { lappend argv WITHSCORES }
    if {$verb eq "ZINTERCARD" && [gen::chance 60]} {
        set argv [lrange $argv 0 [expr {1 + [llength $sources]}]]
        lappend argv LIMIT [gen::pick {0 1 5 -1 x 1000}]
    }
    return $argv
}

proc gen::zset::pop {key} {
    switch [gen::int 0 4] {
        0 - 1 { return [list [gen::pick {ZPOPMIN ZPOPMAX}] $key {*}[gen::pick {{} {} 0 1 2 5 -1 x 1000 {1 2}}]] }
        2 - 3 {
            set keys [list $key [source]]
            set argv [list ZMPOP [llength $keys] {*}$keys [gen::pick {MIN MAX min foo}]]
            if {[gen::chance 40]} { lappend argv COUNT [gen::pick {1 2 5 0 -1 x 1000}] }
            if {[gen::chance 3]} { lset argv 1 [gen::pick {0 1 3 x}] }
            if {[gen::chance 30]} { set argv [list BZMPOP 0.001 {*}[lrange $argv 1 end]] }
            return $argv
        }
    }
    return [list [gen::pick {BZPOPMIN BZPOPMAX}] $key [gen::pick {z1 z2}] [gen::pick {0.001 0.001 0.001 x -1}]]
}

proc gen::zset::random_member {key} {
    set argv [list ZRANDMEMBER $key]
    switch [gen::int 0 4] {
        0 { return [list drop {*}$argv] }
        1 { return [list drop {*}$argv [gen::int -20 20] {*}[gen::pick {{} WITHSCORES}]] }
        2 - 3 { return [list unordered {*}$argv 100000 {*}[gen::pick {{} WITHSCORES}]] }
    }
    return [list exact {*}$argv [gen::pick {x {} -9223372036854775808 4611686018427387904 0 9223372036854775808}] \
        {*}[gen::pick {WITHSCORES {foo bar} foo {WITHSCORES foo}}]]
}

proc gen::zset::nonsense {key} {
    set argv [list [gen::pick {ZADD ZINCRBY ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZCOUNT ZLEXCOUNT ZRANGE ZRANGESTORE
        ZREVRANGE ZRANGEBYSCORE ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZPOPMIN ZMPOP ZUNION ZINTERSTORE ZDIFF}]]
    if {[gen::chance 90]} { lappend argv $key }
    for {set i [gen::int 0 6]} {$i > 0} {incr i -1} {
        lappend argv [gen::pick [list [member] [gen::pick {0 -1 x 1 2}] \
            [gen::pick {NX LIMIT WITHSCORES BYSCORE REV WEIGHTS AGGREGATE SUM COUNT MIN INCR}]]]
    }
    # What puts other scores into x1 and x2, or asks by name where that means nothing, is left out.
    if {$key in {x1 x2} && [lindex $argv 0] in {ZADD ZINCRBY ZRANGESTORE}} { lset argv 0 ZCARD }
    if {[lindex $argv 0] in {ZLEXCOUNT}} { lset argv 0 ZCOUNT }
    return [list exact {*}$argv]
}

proc gen::zset::command {} {
    variable tiny
    variable begun
    variable resp
    incr begun
    if {$begun == 1 && $tiny} { return {exact CONFIG SET zset-max-listpack-entries 4 zset-max-listpack-value 12} }
    if {$begun == 2} { return {exact SET str string} }
    if {$begun % 5000 == 3} { return [list drop HELLO [set resp [expr {5 - $resp}]]] }
    set key [key]
    switch [gen::weighted {30 add 5 incrby 3 card 6 score 4 mscore 10 rank 6 count 25 range 6 store 10 rem 4 remrange 6 pop
            8 combine 3 random 3 scan 6 encoding 5 digest 3 nonsense 2 big 1 rename 1 copy 1 delkey 1 sets 1 other 1 type}] {
        add { return [list exact {*}[zadd $key]] }
        incrby {
            if {$key in {x1 x2}} { set key z1 }
            return [list exact ZINCRBY $key [score $key] [member]]
        }
        card { return [list exact ZCARD $key] }
        score { return [list exact ZSCORE $key [member]] }
        mscore { return [list exact ZMSCORE $key {*}[several 5]] }
        rank { return [list exact [gen::pick {ZRANK ZREVRANK}] $key [member] {*}[gen::pick {{} {} WITHSCORE foo}]] }
        count {
            if {$key in {x1 x2}} { return [list exact ZLEXCOUNT $key [name] [name]] }
            return [list exact ZCOUNT $key [bound] [bound]]
        }
        range { return [list exact {*}[ask_range $key]] }
        store {
            # x1 and x2 keep their one score.
            set to [expr {$key in {x1 x2} ? [gen::pick {x1 x2 z1}] : [gen::pick {z1 z2 z3 str}]}]
            return [list exact ZRANGESTORE $to $key {*}[range $key]]
        }
        rem { return [list exact ZREM $key {*}[several 4]] }
        remrange {
            switch [expr {$key in {x1 x2} ? [gen::int 0 2] : [gen::int 0 1]}] {
                0 { return [list exact ZREMRANGEBYRANK $key [index] [gen::int 0 9]] }
                1 { return [list exact ZREMRANGEBYSCORE $key "([gen::int 0 60]" [gen::int 0 60]] }
                2 { return [list exact ZREMRANGEBYLEX $key [name] [name]] }
            }
        }
        pop { return [list exact {*}[pop $key]] }
        combine { return [list exact {*}[combine]] }
        random { return [random_member $key] }
        scan {
            set argv [list ZSCAN $key [gen::pick {0 0 0 0 0 0 x}] COUNT 1000000]
            lappend argv {*}[gen::pick {{} {} {MATCH m*} {MATCH *} {MATCH ?} foo {COUNT 0} NOVALUES}]
            # As a flat list of members and scores the order of a table shows.
            return [list unordered {*}$argv]
        }
        encoding { return [list since8 OBJECT ENCODING $key] }
        digest { return [list since8 DEBUG DIGEST-VALUE $key] }
        nonsense { return [nonsense $key] }
        big { return [list exact ZADD $key {*}[pairs $key [gen::pick {20 100 200}]]] }
        rename {
            if {$key in {x1 x2}} { return [list exact RENAME $key [gen::pick {x1 x2}]] }
            return [list exact RENAME [gen::pick {z1 z2 z3}] [gen::pick {z1 z2 z3 z4}]]
        }
        copy { return [list exact COPY $key [expr {$key in {x1 x2} ? "x1" : "z1"}] {*}[gen::pick {{} REPLACE REPLACE}]] }
        delkey { return [list exact [gen::pick {DEL UNLINK}] $key] }
        sets {
            set to [gen::pick {s1 s2}]
            return [gen::pick [list [list exact SADD $to {*}[several 8]] [list exact SADD $to {*}[several 8]] \
                [list exact SREM $to {*}[several 3]] [list exact DEL $to]]]
        }
        other { return [list exact SET [gen::pick {str str z4}] string] }
        type { return [list exact TYPE $key] }
    }
}

proc gen::zset::audit {} {
    set out {}
    foreach key {z1 z2 z3 z4 x1 x2 {} s1 s2 str nokey} {
        lappend out [list exact ZRANGE $key 0 -1 WITHSCORES] [list exact ZREVRANGE $key 0 -1] \
            [list since8 OBJECT ENCODING $key] [list since8 DEBUG DIGEST-VALUE $key] [list exact ZCARD $key]
    }
    return $out
}
