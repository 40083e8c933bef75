# Sets: a few keys, members of every kind (integers near the edges of an intset's widths, short and long words), every
# command with every option, errors included. Thresholds change during a run, so that all conversions come about on small
# sets. What a random member is, only the server knows: SPOP and SRANDMEMBER are asked for none or for all, or the reply is
# not compared and the set replaced.

namespace eval gen::set {
    variable keys {a b c d e f g "key with space" "\x00\xff" {}}
    variable others {string list nokey}
    variable range 12
}

proc gen::set::key {} {
    variable keys
    variable others
    if {[gen::chance 4]} { return [gen::pick $others] }
    return [gen::pick $keys]
}

proc gen::set::some_keys {{most 4}} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [key] }
    return $out
}

# A member; `kind` chooses what sort: 0 an integer, 1 a word, 2 anything.
proc gen::set::member {kind} {
    variable range
    if {$kind == 2} { set kind [gen::pick {0 0 1 1 2 3 4}] }
    set number [gen::int 0 $range]
    switch $kind {
        0 {
            if {[gen::chance 6]} {
                return [gen::pick {32767 32768 -32768 -32769 2147483647 2147483648 -2147483648 -2147483649
                    9223372036854775807 -9223372036854775808 100 1000 10000}]
            }
            return [expr {$number - $range / 3}]
        }
        1 { return "m$number" }
        2 { return [gen::pick {007 -0 +1 { 1} 1.0 {} 9223372036854775808 "\x00\x01" "a b"}] }
        3 { return [string repeat x [gen::pick {3 4 5 6 63 64 65 200}]]$number }
    }
    return [string repeat [gen::pick {ab "\xff"}] [gen::int 1 40]]
}

proc gen::set::members {{most 5}} {
    set kind [gen::pick {0 0 1 2}]
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [member $kind] }
    # A few that come twice.
    if {[gen::chance 10]} { lappend out {*}$out }
    return $out
}

proc gen::set::nonsense {} {
    set name [gen::pick {SADD SREM SMOVE SISMEMBER SMISMEMBER SCARD SMEMBERS SINTER SINTERSTORE SINTERCARD SUNION
        SUNIONSTORE SDIFF SDIFFSTORE SSCAN}]
    set argv [list $name]
    for {set i [gen::int 0 4]} {$i > 0} {incr i -1} {
        lappend argv [gen::pick [list [key] [member 2] [gen::pick {LIMIT MATCH COUNT NOVALUES TYPE 0 1 2 -1 x foo}]]]
    }
    return $argv
}

proc gen::set::command {} {
    variable range
    set key [key]
    set how exact
    switch [gen::weighted {30 sadd 12 srem 4 smove 4 sismember 3 smismember 3 scard 8 smembers 8 sinter 8 sunion 8 sdiff
            10 store 4 sintercard 4 sscan 3 spop 3 srandmember 10 encoding 8 digest 4 config 3 del 3 copy 2 nonsense
            1 many 1 range 1 expire 1 other 1 usage}] {
        sadd { set argv [list SADD $key {*}[members]] }
        srem { set argv [list SREM $key {*}[members]] }
        smove { set argv [list SMOVE $key [key] [member 2]] }
        sismember { set argv [list SISMEMBER $key [member 2]] }
        smismember { set argv [list SMISMEMBER $key {*}[members]] }
        scard { set argv [list SCARD $key] }
        smembers {
            set how unordered
            set argv [list SMEMBERS $key]
        }
        sinter {
            set how unordered
            set argv [list SINTER {*}[some_keys]]
        }
        sunion {
            set how unordered
            set argv [list SUNION {*}[some_keys [gen::pick {4 4 12}]]]
        }
        sdiff {
            set how unordered
            set argv [list SDIFF {*}[some_keys [gen::pick {3 6 10}]]]
        }
        store {
            set argv [list [gen::pick {SINTERSTORE SINTERSTORE SUNIONSTORE SDIFFSTORE}] $key {*}[some_keys]]
        }
        sintercard {
            set among [some_keys 3]
            set argv [list SINTERCARD [expr {[gen::chance 90] ? [llength $among] : [gen::pick {0 -1 1 2 3 9 x {}}]}] \
                {*}$among]
            while {[gen::chance 30]} { lappend argv LIMIT [gen::pick {0 1 2 100 -1 x {}}] }
            if {[gen::chance 5]} { lappend argv [gen::pick {LIMIT foo}] }
        }
        sscan {
            # All at once; by an option that leaves at most one where it is a table.
            set argv [list SSCAN $key [gen::pick {0 0 0 0 0 0 x -1 {}}]]
            lappend argv {*}[gen::pick {{COUNT 100000} {COUNT 100000 MATCH nosuch} {COUNT 100000 MATCH m3} {COUNT 0} {COUNT x}
                {NOVALUES} {TYPE set} {MATCH} {COUNT 100000 MATCH *} {foo}}]
            set how unordered
        }
        spop {
            switch [gen::int 0 3] {
                0 { set argv [list SPOP $key [gen::pick {0 -1 x {} 9223372036854775808}]] }
                1 {
                    set how unordered
                    set argv [list SPOP $key [gen::pick {100000 9223372036854775807}]]
                }
                2 { set argv [list SPOP $key 1 2] }
                3 { set argv [list SPOP never {*}[gen::pick {{} 1}]] }
            }
        }
        srandmember {
            switch [gen::int 0 3] {
                0 { set argv [list SRANDMEMBER $key [gen::pick {0 x {} 9223372036854775808 -9223372036854775808}]] }
                1 {
                    set how unordered
                    set argv [list SRANDMEMBER $key [gen::pick {100000 9223372036854775807}]]
                }
                2 { set argv [list SRANDMEMBER $key 1 2] }
                3 {
                    set how drop
                    set argv [list SRANDMEMBER $key {*}[gen::pick {{} 3 -3 -50}]]
                }
            }
        }
        encoding {
            set how since8
            set argv [list OBJECT ENCODING $key]
        }
        digest { set argv [list DEBUG DIGEST-VALUE $key] }
        config {
            set argv [list CONFIG SET set-max-intset-entries [gen::pick {0 1 3 5 8 512}] \
                set-max-listpack-entries [gen::pick {0 1 3 5 8 128}] set-max-listpack-value [gen::pick {0 1 4 5 64}]]
            # Where it is smaller than the other limit, the encoding may depend on the order of a table.
            if {[lindex $argv 3] < [lindex $argv 5]} { lset argv 3 [lindex $argv 5] }
        }
        del { set argv [list [gen::pick {DEL UNLINK}] $key] }
        copy { set argv [list [gen::pick {COPY RENAME}] $key [key]] }
        nonsense {
            set how unordered
            set argv [nonsense]
            if {[lindex $argv 0] eq "SSCAN"} { set how drop }
            if {[lindex $argv 0] in {SADD SINTERSTORE SUNIONSTORE SDIFFSTORE}} { set how exact }
        }
        many {
            # A large one now and then; it seldom lives long.
            set first [gen::int 0 1000]
            set argv [list SADD [gen::pick {f g}]]
            for {set i [gen::int 100 700]} {$i > 0} {incr i -1} { lappend argv [gen::pick {m {}}][expr {$first + $i}] }
        }
        range {
            set range [gen::pick {4 12 30 150}]
            set argv [list DEL [gen::pick {a b c d e f g}]]
        }
        expire { set argv [list EXPIRE $key [gen::pick {-1 100000}]] }
        other { set argv [gen::pick {{SET string x} {DEL nokey} {SET list x} {DEL string}}] }
        usage {
            set how drop
            set argv [list MEMORY USAGE $key]
        }
    }
    return [list $how {*}$argv]
}

proc gen::set::audit {} {
    variable keys
    set out {}
    foreach key $keys {
        lappend out [list unordered SMEMBERS $key] [list since8 OBJECT ENCODING $key] [list exact DEBUG DIGEST-VALUE $key] \
            [list exact TYPE $key]
    }
    return $out
}
