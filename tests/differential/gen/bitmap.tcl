# Bitmaps: a few keys that grow to some thousand bytes, long stretches of equal bits, integers among them, offsets at
# every edge, fields of every width, and calls that are wrong in every place.

namespace eval gen::bitmap {
    variable keys {a b c d e "" n list}
    variable operations {AND OR XOR NOT and Or}
    # Before Redis 8 offsets were not even looked at if there was no such key.
    variable wrong [expr {[diff::oracle_level] >= 8}]
    if {$wrong} { lappend operations DIFF DIFF1 ANDOR ONE one Diff }
}

proc gen::bitmap::key {} {
    variable keys
    if {[gen::chance 5]} { return [gen::pick {nosuch list}] }
    return [gen::pick $keys]
}

proc gen::bitmap::value {} {
    switch [gen::int 0 6] {
        0 { return [gen::int -1000 1000] }
        1 { return [random_bytes [gen::int 0 12]] }
        2 { return [string repeat \x00 [gen::int 0 600]][random_bytes [gen::int 0 3]] }
        3 { return [string repeat \xff [gen::int 0 600]][random_bytes [gen::int 0 3]] }
        4 { return [random_bytes [gen::int 300 5000]] }
        5 { return [string repeat [random_bytes [gen::int 1 3]] [gen::int 1 300]] }
    }
    return [gen::pick [list {} 0 12 [string repeat \x55 4095] [string repeat \xaa 4097] 9223372036854775807]]
}

# A bit that may be written to.
proc gen::bitmap::bit {} {
    switch [gen::int 0 9] {
        0 { return [gen::pick {-1 x {} 4294967296 9223372036854775807 9223372036854775808 -0 01 +1 { 1} 1.5 #1}] }
        1 - 2 { return [gen::int 0 40000] }
        3 { return [expr {[gen::pick {64 512 4096 32768}] + [gen::int -2 2]}] }
    }
    return [gen::int 0 200]
}

proc gen::bitmap::offset {} {
    variable wrong
    switch [gen::int [expr {!$wrong}] 5] {
        0 { return [gen::pick {x {} 1.5 9223372036854775807 -9223372036854775808 9223372036854775808 -0}] }
        1 { return [gen::int -50000 50000] }
        2 { return [gen::int -600 600] }
    }
    return [gen::int -20 20]
}

# Start, end and unit, any of which may be missing.
proc gen::bitmap::stretch {} {
    variable wrong
    set out [list [offset] [offset]]
    if {$wrong && [gen::chance 10]} { return [lrange $out 0 [gen::int -1 0]] }
    if {[gen::chance 60]} { lappend out [gen::pick {BIT BIT bit BYTE byte}] }
    if {$wrong && [gen::chance 4]} { lappend out [gen::pick {foo {} BIT}] }
    return $out
}

proc gen::bitmap::type {} {
    if {[gen::chance 4]} { return [gen::pick {u64 i65 u0 i0 x8 u {} U8 u08 i-1 u+8 i9223372036854775808 8}] }
    if {[gen::chance 30]} { return [gen::pick {u1 i1 u8 i8 u16 i16 u32 i32 u63 i64 i63 u62}] }
    return [gen::pick {u i}][gen::int 1 63]
}

proc gen::bitmap::number {} {
    switch [gen::int 0 5] {
        0 { return [gen::pick {9223372036854775807 -9223372036854775808 9223372036854775806 -9223372036854775807
            4611686018427387904 -4611686018427387904 0 4294967295 2147483648 -2147483649}] }
        1 { return [expr {int((rand() - 0.5) * 2.0 ** [gen::int 1 63])}] }
        2 { if {[gen::chance 15]} { return [gen::pick {x {} 1.5 9223372036854775808 -0 +1}] } }
    }
    return [gen::int -300 300]
}

proc gen::bitmap::place {} {
    switch [gen::int 0 9] {
        0 { return [bit] }
        1 - 2 - 3 { return #[gen::int 0 20] }
        4 { if {[gen::chance 20]} { return [gen::pick {# ##1 #-1 #x #9223372036854775807 {# 1}}] } }
    }
    return [gen::int 0 300]
}

proc gen::bitmap::steps {} {
    set out {}
    for {set i [gen::int 0 5]} {$i > 0} {incr i -1} {
        switch [gen::weighted {6 get 5 set 6 incrby 4 overflow 1 wrong}] {
            get { lappend out [gen::pick {GET get}] [type] [place] }
            set { lappend out [gen::pick {SET SeT}] [type] [place] [number] }
            incrby { lappend out INCRBY [type] [place] [number] }
            overflow { lappend out OVERFLOW [gen::pick {WRAP SAT FAIL WRAP SAT FAIL sat fail}] }
            wrong {
                if {[gen::chance 25]} {
                    lappend out {*}[gen::pick {{OVERFLOW foo} OVERFLOW foo {GET u8} {SET u8 0} {INCRBY u8} {GET u8 0 1}}]
                }
            }
        }
    }
    return $out
}

proc gen::bitmap::command {} {
    variable keys
    variable operations
    set key [key]
    switch [gen::weighted {18 setbit 8 getbit 12 bitcount 16 bitpos 12 bitop 24 bitfield 6 bitfield_ro 6 set 4 get
            3 append 2 setrange 2 del 3 encoding 1 expire 1 list}] {
        setbit { set argv [list SETBIT $key [bit] [gen::weighted {20 0 20 1 1 2 1 x 1 -1 1 01}]] }
        getbit { set argv [list GETBIT $key [gen::pick [list [bit] [bit] 4294967295]]] }
        bitcount {
            set argv [list BITCOUNT $key {*}[gen::pick [list {} [stretch] [stretch]]]]
            # A start alone is an error for Redis only.
            if {[llength $argv] == 3} { return [list drop {*}$argv] }
        }
        bitpos {
            set argv [list BITPOS $key [gen::weighted {20 0 20 1 1 2 1 x}]]
            switch [gen::int 0 4] {
                0 {}
                1 { lappend argv [offset] }
                default { lappend argv {*}[stretch] }
            }
        }
        bitop {
            set argv [list BITOP [gen::weighted {10 known 1 foo}] [gen::pick $keys]]
            if {[lindex $argv 1] eq "known"} { lset argv 1 [gen::pick $operations] }
            set sources [expr {[string equal -nocase [lindex $argv 1] NOT] && [gen::chance 90] ? 1 : [gen::int 1 4]}]
            for {} {$sources > 0} {incr sources -1} { lappend argv [key] }
        }
        bitfield { set argv [list BITFIELD $key {*}[steps]] }
        bitfield_ro {
            set argv [list BITFIELD_RO $key]
            if {[gen::chance 20]} { lappend argv {*}[steps] }
            for {set i [gen::int 0 4]} {$i > 0} {incr i -1} { lappend argv GET [type] [place] }
        }
        set { set argv [list SET $key [value]] }
        get { set argv [list [gen::pick {GET STRLEN}] $key] }
        append { set argv [list APPEND $key [random_bytes [gen::int 0 30]]] }
        setrange { set argv [list SETRANGE $key [gen::int 0 700] [random_bytes [gen::int 0 30]]] }
        del { set argv [list DEL $key] }
        encoding { return [list since8 OBJECT ENCODING $key] }
        expire { set argv [list EXPIRE $key [gen::pick {-1 100000}]] }
        list { set argv [gen::pick {{DEL list} {RPUSH list x}}] }
    }
    return [list exact {*}$argv]
}

proc gen::bitmap::audit {} {
    variable keys
    set out {}
    foreach key $keys {
        lappend out [list exact GET $key] [list exact TYPE $key] [list since8 OBJECT ENCODING $key] \
            [list approx TTL $key] [list exact BITCOUNT $key] [list exact BITPOS $key 1] [list exact BITPOS $key 0]
    }
    return $out
}
