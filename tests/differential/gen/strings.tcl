# Strings and keys: a few keys in a few databases, every command with every option, values of every kind, errors
# included. Nothing expires by itself during a run: times to live are far off, or past and so at once in effect.

namespace eval gen::strings {
    variable keys {a b c d e "key with space" "\x00\xff" {} k123456789012345678901234567890 "*" "a\[b"}
    variable options {NX XX GT LT GET KEEPTTL PERSIST EX PX EXAT PXAT DB REPLACE LEN IDX MINMATCHLEN WITHMATCHLEN SYNC
        ASYNC MATCH COUNT TYPE SAMPLES foo {} 1 -1}
}

proc gen::strings::key {} {
    variable keys
    return [gen::pick $keys]
}

proc gen::strings::value {} {
    switch [gen::int 0 8] {
        0 { return [gen::int -100 100] }
        1 { return [gen::pick {9223372036854775807 -9223372036854775808 9223372036854775808 1e3 3.14 -0.0 inf nan
            0x10 { 1} 007 +5 1.5e300 0 -0 -9223372036854775809 1e4932 .5 5. 1e-18 9007199254740993}] }
        2 { return [string repeat x [gen::int 0 60]] }
        3 { return [random_bytes [gen::int 0 20]] }
        4 { return [gen::int 0 9999999999] }
        5 { return [expr {[gen::int -100000 100000] / 1000.0}] }
        6 { return {} }
        7 { return [string repeat [gen::pick {ab b a x}] [gen::int 10 60]] }
    }
    return [string repeat [gen::pick {ab xyz \x00 9}] [gen::int 1 500]]
}

proc gen::strings::offset {} {
    return [gen::pick {0 1 2 5 10 31 32 43 44 45 100 -1 -2 -10 -100 1000 x {} 4294967296 9223372036854775807
        -9223372036854775808 9223372036854775808 -0 { 1}}]
}

proc gen::strings::number {} {
    return [gen::pick {0 1 -1 10 100000 9223372036854775807 -9223372036854775808 x 1.5 {} 9223372036854775808 -0 +1 01
        4611686018427387904 -4611686018427387905 { 1} -9223372036854775809}]
}

# A number of seconds or milliseconds from now: far enough that nothing expires during the run; past, or wrong.
proc gen::strings::ttl {unit} {
    if {[gen::chance 15]} {
        return [gen::pick {0 -1 x {} 9223372036854775807 1.5 -9223372036854775808 9223372036854775 -9223372036854775
            9223372036854776 -9223372036854776 9223370000000000000 +5 010 9223372036854775808}]
    }
    set seconds [gen::int 100000 900000]
    return [expr {$unit eq "ms" ? $seconds * 1000 : $seconds}]
}

# A moment.
proc gen::strings::moment {unit} {
    if {[gen::chance 15]} {
        return [gen::pick {0 -1 1 x {} 9223372036854775807 1.5 -9223372036854775808 9223372036854775 -9223372036854775
            9223372036854776 1000 +5 010}]
    }
    set ms [expr {4000000000000 + [gen::int -3000 3000]}]
    return [expr {$unit eq "ms" ? $ms : $ms / 1000}]
}

# EX and its like, with the number.
proc gen::strings::lifetime {} {
    switch [gen::int 0 3] {
        0 { return [list [gen::pick {EX ex}] [ttl s]] }
        1 { return [list [gen::pick {PX pX}] [ttl ms]] }
        2 { return [list EXAT [moment s]] }
    }
    return [list PXAT [moment ms]]
}

proc gen::strings::set_options {} {
    set out {}
    while {[gen::chance 30]} {
        switch [gen::int 0 7] {
            0 { lappend out NX }
            1 { lappend out xx }
            2 { lappend out GET }
            3 { lappend out KEEPTTL }
            7 { lappend out [gen::pick {foo EX PERSIST PXAT}] }
            default { lappend out {*}[lifetime] }
        }
    }
    return $out
}

proc gen::strings::conditions {} {
    set out {}
    while {[gen::chance 40]} { lappend out [gen::pick {NX XX GT LT GT LT gt foo}] }
    return $out
}

proc gen::strings::pairs {} {
    set out {}
    for {set i [gen::int 1 4]} {$i > 0} {incr i -1} { lappend out [key] [value] }
    if {[gen::chance 5]} { lappend out [key] }
    return $out
}

proc gen::strings::several {} {
    set out {}
    for {set i [gen::int 1 5]} {$i > 0} {incr i -1} { lappend out [key] }
    return $out
}

proc gen::strings::database {} { return [gen::pick {0 1 2 0 1 2 0 1 2 15 16 -1 x {} 4294967296}] }

# A pattern made of the bytes of keys.
proc gen::strings::pattern {} {
    set out {}
    for {set i [gen::int 0 4]} {$i > 0} {incr i -1} {
        append out [gen::pick {a b k * ? [a-c] [^a] [ ] \\ \x00 \xff {[} - " " 1 ** {[a}}]
    }
    return $out
}

# A call of any command with any words behind it.
proc gen::strings::nonsense {} {
    variable options
    set name [gen::pick {SET GET INCR DECR INCRBY DECRBY INCRBYFLOAT APPEND DEL UNLINK MSET MSETNX MGET EXPIRE PEXPIRE
        EXPIREAT PEXPIREAT GETEX GETDEL GETSET STRLEN SETNX SETEX PSETEX SETRANGE GETRANGE SUBSTR LCS COPY MOVE RENAME
        RENAMENX SWAPDB EXISTS TOUCH TYPE TTL PTTL EXPIRETIME PEXPIRETIME PERSIST OBJECT KEYS SCAN MEMORY FLUSHDB
        DBSIZE RANDOMKEY}]
    set argv [list $name]
    if {$name in {OBJECT MEMORY}} { lappend argv [gen::pick {ENCODING USAGE foo}] }
    for {set i [gen::int 0 4]} {$i > 0} {incr i -1} {
        lappend argv [gen::pick [list [key] [number] [gen::pick $options]]]
    }
    return $argv
}

proc gen::strings::command {} {
    set key [key]
    set how exact
    switch [gen::weighted {20 set 10 get 6 incr 6 incrby 6 float 6 append 5 range 6 setrange 3 del 3 exists 7 expire
            4 ttl 2 persist 4 expireat 2 getdel 5 getex 2 getset 2 strlen 3 mset 2 mget 1 msetnx 2 setnx 3 setex
            1 type 2 encoding 4 nonsense 3 rename 3 copy 2 lcs 1 touch 2 move 1 swapdb 3 select 2 keys 2 scan
            1 usage 1 rare 1 dbsize}] {
        set { set argv [list SET $key [value] {*}[set_options]] }
        get { set argv [list GET $key] }
        incr { set argv [list [gen::pick {INCR DECR}] $key] }
        incrby { set argv [list [gen::pick {INCRBY DECRBY}] $key [number]] }
        float {
            set argv [list INCRBYFLOAT $key [gen::pick {1 -1 0.1 1.5e3 x inf nan {} 3.0e-5 1e400 -2.25 1e17 -1e-17
                0x1p4 .5 5. 1e4932 1e-4000 { 1} -0 123456789.987654321 +1 1e 9223372036854775807}]]
        }
        append { set argv [list APPEND $key [value]] }
        range { set argv [list [gen::pick {GETRANGE SUBSTR}] $key [offset] [offset]] }
        setrange { set argv [list SETRANGE $key [gen::pick {0 1 5 44 100 -1 x 536870912 9223372036854775807}] [value]] }
        del { set argv [list [gen::pick {DEL UNLINK}] {*}[several]] }
        exists { set argv [list EXISTS $key {*}[several]] }
        touch { set argv [list TOUCH {*}[several]] }
        expire {
            set name [gen::pick {EXPIRE PEXPIRE}]
            set argv [list $name $key [ttl [expr {$name eq "EXPIRE" ? "s" : "ms"}]] {*}[conditions]]
        }
        expireat {
            set name [gen::pick {EXPIREAT PEXPIREAT}]
            set argv [list $name $key [moment [expr {$name eq "EXPIREAT" ? "s" : "ms"}]] {*}[conditions]]
        }
        ttl {
            set how approx
            set argv [list [gen::pick {TTL PTTL EXPIRETIME PEXPIRETIME}] $key]
        }
        persist { set argv [list PERSIST $key] }
        getdel { set argv [list GETDEL $key] }
        getex {
            set argv [list GETEX $key]
            while {[gen::chance 60]} {
                lappend argv {*}[gen::pick [list PERSIST [lifetime] [lifetime] [lifetime] [gen::pick {foo EX KEEPTTL}]]]
            }
        }
        getset { set argv [list GETSET $key [value]] }
        strlen { set argv [list STRLEN $key] }
        mset { set argv [list MSET {*}[pairs]] }
        msetnx { set argv [list MSETNX {*}[pairs]] }
        mget { set argv [list MGET {*}[several]] }
        setnx { set argv [list SETNX $key [value]] }
        setex {
            set name [gen::pick {SETEX PSETEX}]
            set argv [list $name $key [ttl [expr {$name eq "SETEX" ? "s" : "ms"}]] [value]]
        }
        type { set argv [list TYPE $key] }
        encoding {
            set how since8
            set argv [list OBJECT ENCODING $key]
        }
        rename { set argv [list [gen::pick {RENAME RENAMENX}] $key [key]] }
        copy {
            set argv [list COPY $key [key]]
            while {[gen::chance 40]} { lappend argv {*}[gen::pick [list REPLACE [list DB [database]] foo DB]] }
        }
        move { set argv [list MOVE $key [database]] }
        swapdb { set argv [list SWAPDB [database] [database]] }
        select { set argv [list SELECT [gen::pick {0 1 2}]] }
        lcs {
            set argv [list LCS $key [key]]
            while {[gen::chance 50]} {
                lappend argv {*}[gen::pick [list LEN IDX IDX [list MINMATCHLEN [number]] WITHMATCHLEN foo]]
            }
        }
        keys {
            set how unordered
            set argv [list KEYS [pattern]]
        }
        scan {
            # All at once, and by an option that leaves at most one: the order is each server's own.
            set argv [list SCAN 0 COUNT [gen::pick {1000 10000 9223372036854775807 0 -1 x}]]
            lappend argv {*}[gen::pick {{TYPE list} {TYPE hash} {MATCH a} {MATCH nosuch} {MATCH {}} {MATCH k*0}
                {MATCH a MATCH e} {TYPE string MATCH d} {TYPE zset TYPE string MATCH c} foo {MATCH *} {COUNT 0}}]
            if {"*" in $argv} { set argv {SCAN 0 COUNT 1000 TYPE set} }
        }
        usage {
            set how drop
            set argv [list MEMORY USAGE $key {*}[gen::pick {{} {SAMPLES 0} {SAMPLES 5}}]]
        }
        rare {
            set argv [list [gen::pick {FLUSHDB FLUSHALL}] {*}[gen::pick {{} SYNC ASYNC foo}]]
            if {[gen::chance 90]} { lappend argv bar }
        }
        dbsize {
            # Keys with a moment that has passed are counted until somebody meets them.
            set how drop
            set argv {DBSIZE}
        }
        nonsense {
            set argv [nonsense]
            switch -- [lindex $argv 0] {
                TTL - PTTL - EXPIRETIME - PEXPIRETIME { set how approx }
                OBJECT { set how since8 }
                MEMORY - DBSIZE - SCAN - RANDOMKEY { set how drop }
                KEYS { set how unordered }
                SET - GETEX - EXPIRE - PEXPIRE - EXPIREAT - PEXPIREAT - SETEX - PSETEX {
                    # A number that happens to be a short time would let the key go within the run.
                    set argv [lmap word $argv { expr {$word in {1 10 +1 01 100000} ? "-1" : $word} }]
                }
            }
        }
    }
    return [list $how {*}$argv]
}

proc gen::strings::audit {} {
    variable keys
    set out {}
    foreach db {0 1 2 15} {
        lappend out [list exact SELECT $db]
        foreach key $keys {
            lappend out [list exact GET $key] [list exact TYPE $key] [list since8 OBJECT ENCODING $key] \
                [list approx PEXPIRETIME $key]
        }
        lappend out {exact DBSIZE} {unordered KEYS *}
    }
    return $out
}
