# Strings and keys: a few keys, many commands, values of every kind, errors included.

namespace eval gen::strings {
    variable keys {a b c d e "key with space" "\x00\xff" {}}
}

proc gen::strings::key {} {
    variable keys
    return [gen::pick $keys]
}

proc gen::strings::value {} {
    switch [gen::int 0 7] {
        0 { return [gen::int -100 100] }
        1 { return [gen::pick {9223372036854775807 -9223372036854775808 9223372036854775808 1e3 3.14 -0.0 inf nan
            0x10 { 1} 007 +5 1.5e300 0}] }
        2 { return [string repeat x [gen::int 0 60]] }
        3 { return [random_bytes [gen::int 0 20]] }
        4 { return [gen::int 0 9999999999] }
        5 { return [expr {[gen::int -100000 100000] / 1000.0}] }
        6 { return {} }
    }
    return [string repeat [gen::pick {ab xyz \x00 9}] [gen::int 1 500]]
}

proc gen::strings::offset {} { return [gen::pick {0 1 2 5 10 43 44 45 100 -1 -2 -10 -100 1000 x {} 4294967296}] }
proc gen::strings::number {} {
    return [gen::pick {0 1 -1 10 100000 9223372036854775807 -9223372036854775808 x 1.5 {} 9223372036854775808}]
}

# Far enough that nothing expires during the run; wrong ones too.
proc gen::strings::ttl {unit} {
    if {[gen::chance 15]} { return [gen::pick {0 -1 x {} 9223372036854775807 1.5}] }
    set seconds [gen::int 100000 900000]
    return [expr {$unit eq "ms" ? $seconds * 1000 : $seconds}]
}

proc gen::strings::set_options {} {
    set out {}
    while {[gen::chance 30]} {
        switch [gen::int 0 7] {
            0 { lappend out NX }
            1 { lappend out xx }
            2 { lappend out GET }
            3 { lappend out KEEPTTL }
            4 { lappend out EX [ttl s] }
            5 { lappend out px [ttl ms] }
            6 { lappend out EXAT [expr {4000000000 + [gen::int 0 1000]}] }
            7 { lappend out [gen::pick {PXAT foo EX}] 4000000000000 }
        }
    }
    return $out
}

proc gen::strings::command {} {
    set key [key]
    set how exact
    switch [gen::weighted {20 set 10 get 6 incr 6 incrby 5 float 6 append 4 range 4 setrange 3 del 3 exists 4 expire
            4 ttl 2 persist 3 expireat 2 getdel 3 getex 2 getset 2 strlen 2 mset 2 mget 1 msetnx 2 setnx 2 setex
            1 type 1 encoding 1 arity 2 rename 1 copy 1 lcs 1 touch}] {
        set { set argv [list SET $key [value] {*}[set_options]] }
        get { set argv [list GET $key] }
        incr { set argv [list [gen::pick {INCR DECR}] $key] }
        incrby { set argv [list [gen::pick {INCRBY DECRBY}] $key [number]] }
        float { set argv [list INCRBYFLOAT $key [gen::pick {1 -1 0.1 1.5e3 x inf nan {} 3.0e-5 1e400 -2.25}]] }
        append { set argv [list APPEND $key [value]] }
        range { set argv [list [gen::pick {GETRANGE SUBSTR}] $key [offset] [offset]] }
        setrange { set argv [list SETRANGE $key [gen::pick {0 1 5 44 100 -1 x 536870912}] [value]] }
        del { set argv [list [gen::pick {DEL UNLINK}] $key [key]] }
        exists { set argv [list EXISTS $key [key] $key] }
        touch { set argv [list TOUCH $key [key]] }
        expire {
            set argv [list [gen::pick {EXPIRE PEXPIRE}] $key [ttl ms]]
            if {[gen::chance 30]} { lappend argv [gen::pick {NX XX GT LT foo}] }
        }
        expireat { set argv [list PEXPIREAT $key [gen::int 4000000000000 4000000100000]] }
        ttl {
            set how approx
            set argv [list [gen::pick {TTL PTTL EXPIRETIME PEXPIRETIME}] $key]
        }
        persist { set argv [list PERSIST $key] }
        getdel { set argv [list GETDEL $key] }
        getex { set argv [list GETEX $key {*}[gen::pick {{} PERSIST {EX 500000} {PXAT 4000000000000} {EX 0} foo}]] }
        getset { set argv [list GETSET $key [value]] }
        strlen { set argv [list STRLEN $key] }
        mset { set argv [list MSET $key [value] [key] [value]] }
        msetnx { set argv [list MSETNX $key [value] [key] [value]] }
        mget { set argv [list MGET $key [key] [key]] }
        setnx { set argv [list SETNX $key [value]] }
        setex { set argv [list [gen::pick {SETEX PSETEX}] $key [ttl ms] [value]] }
        type { set argv [list TYPE $key] }
        encoding {
            set how since8
            set argv [list OBJECT ENCODING $key]
        }
        rename { set argv [list [gen::pick {RENAME RENAMENX}] $key [key]] }
        copy { set argv [list COPY $key [key] {*}[gen::pick {{} REPLACE {DB 1} foo}]] }
        lcs { set argv [list LCS $key [key] {*}[gen::pick {{} LEN IDX {IDX MINMATCHLEN 3} {IDX WITHMATCHLEN}}]] }
        arity { set argv [list [gen::pick {SET GET INCR APPEND DEL MSET EXPIRE GETEX STRLEN}]] }
    }
    return [list $how {*}$argv]
}

proc gen::strings::audit {} {
    variable keys
    set out {{exact DBSIZE}}
    foreach key $keys {
        lappend out [list exact GET $key] [list exact TYPE $key] [list since8 OBJECT ENCODING $key] \
            [list approx PEXPIRETIME $key]
    }
    return $out
}
