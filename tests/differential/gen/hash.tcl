# Hashes: a few keys and fields, every command with every option, values of every kind, errors included.
#
# No field goes away by itself during a run: deadlines are far off, or past and so at once in effect. The fields of small
# hashes (p1 to p3 stay below every threshold but those of hash_tiny) come in the same order from both servers, those of tables in
# any.

namespace eval gen::hash {
    variable keys {p1 p2 p3 t1 t2 t3 {}}
    variable fields {a b c d e 1 2 -7 {} 007 {f g} "\xff" 9223372036854775807 abcdefgh}
    variable tiny 0
    variable begun 0
}

proc gen::hash::key {} {
    variable keys
    if {[gen::chance 2]} { return [gen::pick {nokey s}] }
    return [gen::pick $keys]
}

proc gen::hash::is_small {key} {
    variable tiny
    return [expr {!$tiny && $key in {p1 p2 p3}}]
}

proc gen::hash::field {key} {
    variable fields
    if {![is_small $key] && [gen::chance 30]} {
        switch [gen::int 0 20] {
            0 { return [string repeat f [gen::pick {63 64 65 100 300}]] }
            default { return "f[gen::int 0 900]" }
        }
    }
    return [gen::pick $fields]
}

proc gen::hash::value {key} {
    switch [gen::int 0 9] {
        0 { return [gen::int -100 100] }
        1 { return [gen::pick {9223372036854775807 -9223372036854775808 9223372036854775808 1e3 3.14 -0.0 inf nan
            0x10 { 1} 007 +5 1.5e30 0 -0 12345678901 1e-18 9007199254740993}] }
        2 { return [string repeat x [gen::int 0 60]] }
        3 { return [random_bytes [gen::int 0 20]] }
        4 { return [gen::int 0 9999999999] }
        5 { return "\xff[random_bytes [gen::int 0 12]]" }
        6 { return {} }
        7 { if {![is_small $key] && [gen::chance 10]} { return [string repeat ab [gen::pick {31 32 33 200 3000}]] } }
    }
    return [string repeat v [gen::int 1 20]]
}

proc gen::hash::number {} {
    return [gen::pick {0 1 -1 10 100000 9223372036854775807 -9223372036854775808 x 1.5 {} 9223372036854775808 -0 +1 01
        4611686018427387904 -4611686018427387905 { 1}}]
}

proc gen::hash::pairs {key most} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [field $key] [value $key] }
    return $out
}

proc gen::hash::several {key most} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [field $key] }
    return $out
}

# A number of seconds or milliseconds from now: far off, past, or wrong. No two are alike.
proc gen::hash::ttl {unit} {
    if {[gen::chance 12]} {
        return [gen::pick {0 -1 x {} 9223372036854775807 1.5 -9223372036854775808 70368744177664 70368744177663
            9223372036854775 9223372036854776 { 5} 9223372036854775808}]
    }
    set seconds [gen::int 100000 9000000]
    return [expr {$unit eq "s" ? $seconds : $seconds * 1000}]
}

proc gen::hash::moment {unit} {
    if {[gen::chance 15]} {
        return [gen::pick {0 1 -1 x {} 1000000 9223372036854775807 70368744177663 70368744177664 1.5}]
    }
    # Equal ones are wanted: they decide the order of fields.
    set ms [expr {4000000000000 + 1000 * [gen::int 0 9] + [gen::pick {0 0 1 500 999}]}]
    return [expr {$unit eq "s" ? $ms / 1000 : $ms}]
}

proc gen::hash::lifetime {} {
    switch [gen::int 0 5] {
        0 { return [list [gen::pick {EX ex}] [ttl s]] }
        1 { return [list [gen::pick {PX pX}] [ttl ms]] }
        2 { return [list EXAT [moment s]] }
    }
    return [list [gen::pick {PXAT pxat}] [moment ms]]
}

# FIELDS, the number and the fields; now and then wrong.
proc gen::hash::field_list {key} {
    set fields [several $key 4]
    set out [list [gen::pick {FIELDS FIELDS FIELDS fields}] [llength $fields] {*}$fields]
    if {[gen::chance 4]} {
        switch [gen::int 0 4] {
            0 { lset out 0 [gen::pick {FIELD {} 1}] }
            1 { lset out 1 [gen::pick {0 -1 x {} 1 2 9 9223372036854775807 9223372036854775808 2147483648}] }
            2 { lappend out [field $key] }
            3 { set out [lrange $out 0 end-1] }
            4 { lappend out [gen::pick {NX EX PERSIST FIELDS}] }
        }
    }
    return $out
}

proc gen::hash::pair_list {key} {
    set pairs [pairs $key 4]
    set out [list [gen::pick {FIELDS FIELDS FIELDS fields}] [expr {[llength $pairs] / 2}] {*}$pairs]
    if {[gen::chance 4]} {
        switch [gen::int 0 3] {
            0 { lset out 0 [gen::pick {FIELD {} 1}] }
            1 { lset out 1 [gen::pick {0 -1 x {} 1 2 9 9223372036854775807 2147483648 2147483647}] }
            2 { lappend out [field $key] }
            3 { lappend out [gen::pick {FNX FXX FIELDS KEEPTTL}] }
        }
    }
    return $out
}

proc gen::hash::condition {} {
    if {[gen::chance 60]} { return {} }
    set out [list [gen::pick {NX XX GT LT nx gt}]]
    if {[gen::chance 5]} { lappend out [gen::pick {XX GT foo}] }
    return $out
}

# How the reply to a command that shows all fields is compared.
proc gen::hash::order {key} { return [expr {[is_small $key] ? "exact" : "unordered"}] }

proc gen::hash::expire {key} {
    switch [gen::int 0 5] {
        0 { set argv [list HEXPIRE $key [ttl s]] }
        1 { set argv [list HPEXPIRE $key [ttl ms]] }
        2 { set argv [list HEXPIREAT $key [moment s]] }
        default { set argv [list HPEXPIREAT $key [moment ms]] }
    }
    return [list {*}$argv {*}[condition] {*}[field_list $key]]
}

proc gen::hash::set_options {} {
    set out {}
    if {[gen::chance 30]} { lappend out [gen::pick {FNX FXX fxx}] }
    if {[gen::chance 60]} { lappend out {*}[gen::pick [list [lifetime] [lifetime] [lifetime] KEEPTTL]] }
    if {[gen::chance 5]} { lappend out [gen::pick {FNX FXX KEEPTTL EX PERSIST foo}] }
    return $out
}

proc gen::hash::random_field {key} {
    set argv [list HRANDFIELD $key]
    switch [gen::int 0 4] {
        0 { return [list drop {*}$argv] }
        1 { return [list drop {*}$argv [gen::int -20 20] {*}[gen::pick {{} WITHVALUES}]] }
        2 { return [list [order $key] {*}$argv 100000] }
        3 { return [list [expr {[is_small $key] ? "exact" : "unordered"}] {*}$argv 100000 WITHVALUES] }
    }
    return [list exact {*}$argv [gen::pick {x {} -9223372036854775808 4611686018427387904 0 9223372036854775808}] \
        {*}[gen::pick {WITHVALUES {foo bar} foo {WITHVALUES foo}}]]
}

proc gen::hash::scan {key} {
    set argv [list HSCAN $key 0 COUNT 1000000]
    while {[gen::chance 40]} {
        lappend argv {*}[gen::pick {NOVALUES novalues {MATCH *} {MATCH f*} {MATCH ?} {MATCH nosuch} foo {COUNT 0} MATCH
            {TYPE hash} {COUNT 100000}}]
    }
    if {[gen::chance 3]} { lset argv 2 [gen::pick {x {} 18446744073709551616}] }
    return [list [order $key] {*}$argv]
}

proc gen::hash::nonsense {key} {
    set argv [list [gen::pick {HSET HMSET HSETNX HGET HMGET HGETALL HKEYS HVALS HLEN HSTRLEN HEXISTS HDEL HINCRBY
        HINCRBYFLOAT HSCAN HEXPIRE HPEXPIREAT HTTL HPERSIST HGETEX HSETEX HGETDEL HPTTL HEXPIRETIME}]]
    if {[gen::chance 90]} { lappend argv $key }
    for {set i [gen::int 0 6]} {$i > 0} {incr i -1} {
        lappend argv [gen::pick [list [field $key] [gen::pick {0 -1 x 4000000000000 2 1}] \
            [gen::pick {FIELDS EX PXAT NX FNX PERSIST KEEPTTL MATCH COUNT NOVALUES}]]]
    }
    set how exact
    if {[string toupper [lindex $argv 0]] in {HTTL HPTTL HEXPIRETIME HPEXPIRETIME}} { set how approx }
    if {[lindex $argv 0] in {HGETALL HKEYS HVALS}} { set how unordered }
    if {[lindex $argv 0] eq "HSCAN"} { set how drop }
    # A short time would let fields go within the run.
    foreach word {EX PX} {
        foreach at [lsearch -all -nocase $argv $word] {
            if {[lindex $argv $at+1] in {1 2 -7 007}} { lset argv $at+1 x }
        }
    }
    if {[lindex $argv 0] in {HEXPIRE HPEXPIRE} && [lindex $argv 2] in {1 2 007}} { lset argv 2 x }
    return [list $how {*}$argv]
}

proc gen::hash::command {} {
    variable tiny
    variable begun
    incr begun
    if {$begun == 1 && $tiny} { return {exact CONFIG SET hash-max-listpack-entries 4 hash-max-listpack-value 12} }
    if {$begun == 2} { return {exact SET s string} }
    set key [key]
    switch [gen::weighted {20 set 2 mset 4 setnx 8 get 4 mget 6 all 2 len 2 strlen 2 exists 12 del 6 incrby 4 float 3 random
            4 scan 16 expire 6 ttl 5 persist 7 getex 10 setex 3 getdel 4 encoding 4 digest 3 nonsense 1 big 1 rename 2 copy
            1 delkey 1 type 1 other 1 empty}] {
        set { return [list exact [gen::pick {HSET hset}] $key {*}[pairs $key 4]] }
        mset { return [list exact HMSET $key {*}[pairs $key 4]] }
        setnx { return [list exact HSETNX $key [field $key] [value $key]] }
        get { return [list exact HGET $key [field $key]] }
        mget { return [list exact HMGET $key {*}[several $key 5]] }
        all { return [list [order $key] [gen::pick {HGETALL HKEYS HVALS}] $key] }
        len { return [list exact HLEN $key] }
        strlen { return [list exact HSTRLEN $key [field $key]] }
        exists { return [list exact HEXISTS $key [field $key]] }
        del { return [list exact HDEL $key {*}[several $key 4]] }
        incrby { return [list exact HINCRBY $key [field $key] [number]] }
        float {
            set numbers {1 -1 0.1 1.5e3 x inf nan {} 3.0e-5 -2.25 1e17 -1e-17 0x1p4 .5 5. 1e-4000 { 1} -0
                123456789.987654321 +1 1e -inf 1e5000}
            if {![is_small $key]} { lappend numbers 1e400 1e4932 }
            return [list exact HINCRBYFLOAT $key [field $key] [gen::pick $numbers]]
        }
        random { return [random_field $key] }
        scan { return [scan $key] }
        expire { return [list exact {*}[expire $key]] }
        ttl { return [list approx [gen::pick {HTTL HPTTL HEXPIRETIME HPEXPIRETIME}] $key {*}[field_list $key]] }
        persist { return [list exact HPERSIST $key {*}[field_list $key]] }
        getex {
            set options [gen::pick [list {} PERSIST [lifetime] [lifetime] [lifetime]]]
            if {[gen::chance 4]} { lappend options [gen::pick {EX PERSIST foo KEEPTTL}] }
            return [list exact HGETEX $key {*}$options {*}[field_list $key]]
        }
        setex { return [list exact HSETEX $key {*}[set_options] {*}[pair_list $key]] }
        getdel { return [list exact HGETDEL $key {*}[field_list $key]] }
        encoding { return [list since8 OBJECT ENCODING $key] }
        digest { return [list since8 DEBUG DIGEST-VALUE $key] }
        nonsense { return [nonsense $key] }
        big {
            if {[is_small $key]} { return [list exact HLEN $key] }
            return [list exact HSET $key {*}[pairs $key [gen::pick {20 200 600}]]]
        }
        rename {
            # Small ones stay among themselves.
            set to [expr {[is_small $key] ? [gen::pick {p1 p2 p3}] : [gen::pick {t1 t2 t3}]}]
            return [list exact RENAME $key $to]
        }
        copy {
            set to [expr {[is_small $key] ? [gen::pick {p1 p2 p3}] : [gen::pick {t1 t2 t3}]}]
            return [list exact COPY $key $to {*}[gen::pick {{} REPLACE REPLACE}]]
        }
        delkey { return [list exact [gen::pick {DEL UNLINK}] $key] }
        type { return [list exact TYPE $key] }
        other {
            if {$key eq "s"} { set key nokey }
            return [list exact SET $key string]
        }
        empty { return [list exact DEL s nokey $key] }
    }
}

proc gen::hash::audit {} {
    variable keys
    variable fields
    set out {}
    foreach key [list {*}$keys s nokey] {
        lappend out [list [order $key] HGETALL $key] [list since8 OBJECT ENCODING $key] \
            [list since8 DEBUG DIGEST-VALUE $key] [list exact HMGET $key {*}$fields] \
            [list approx HPEXPIRETIME $key FIELDS [llength $fields] {*}$fields] [list exact HLEN $key]
    }
    return $out
}
