# Lists: a few keys, every command with every option, elements of every kind, errors included; the options that decide on
# encodings and nodes change on the way. Calls that would wait are made with a timeout that ends at once.

namespace eval gen::list {
    variable keys {a b c d {} "k k" long longer}
    variable options {-2 -2 -2 -1 -5 0 1 2 4 128}
    variable begun 0
    variable resp 2
}

proc gen::list::key {} {
    variable keys
    if {[gen::chance 3]} { return [gen::pick {nokey s}] }
    return [gen::pick $keys]
}

# Few different ones, so that something is found.
proc gen::list::element {} {
    switch [gen::int 0 11] {
        0 { return [gen::int -100 300] }
        1 { return [gen::pick {0 127 128 -1 4095 4096 -4096 -4097 32767 32768 -32769 8388607 8388608 2147483648
            9223372036854775807 -9223372036854775808 9223372036854775808 007 -0 +1 { 1} 1.0 {}}] }
        2 { return [string repeat [gen::pick {x y}] [gen::pick {1 62 63 64 126 127 128 300}]] }
        3 { return [random_bytes [gen::int 0 20]] }
        4 {
            if {[gen::chance 30]} { return [string repeat m [gen::pick {900 2000 4081 4082 4086 4095 4096}]] }
            if {[gen::chance 15]} { return [string repeat L [gen::pick {8160 8185 8186 8192 8193 20000 70000}]] }
        }
    }
    return "e[gen::int 0 25]"
}

proc gen::list::several {most} {
    set out {}
    for {set i [gen::int 1 $most]} {$i > 0} {incr i -1} { lappend out [element] }
    return $out
}

# Many elements for the longer lists.
proc gen::list::many {} {
    set out {}
    set first [gen::int 0 100]
    for {set i [gen::int 50 600]} {$i > 0} {incr i -1} { lappend out "element:[expr {$first + $i}]" }
    return $out
}

proc gen::list::index {} {
    if {[gen::chance 5]} {
        return [gen::pick {x {} 1.5 9223372036854775807 -9223372036854775808 9223372036854775808 { 1} +1 01 4294967296}]
    }
    if {[gen::chance 10]} { return [gen::int -700 700] }
    return [gen::int -12 12]
}

# Compat: LSET of the reference takes an index modulo 2^32; ours does not.
proc gen::list::small_index {} {
    set index [index]
    return [expr {[string length $index] > 9 && $index ne {9223372036854775808} ? 7 : $index}]
}

proc gen::list::count {} {
    set count [gen::pick {0 1 2 3 -1 -2 -3 1 2 3 10 1000 x {} 9223372036854775807 -9223372036854775808 -9223372036854775807
        9223372036854775808}]
    # The least number has no opposite, which releases before 8 did not notice.
    return [expr {$count eq {-9223372036854775808} && [diff::oracle_level] < 8 ? 1 : $count}]
}

proc gen::list::side {} {
    if {[gen::chance 3]} { return [gen::pick {BEFORE foo {}}] }
    return [gen::pick {LEFT RIGHT left Right}]
}

proc gen::list::timeout {} {
    if {[diff::oracle_level] >= 8 && [gen::chance 10]} { return 1e400 }
    return [gen::pick {0.001 0.0001 0.001 0.001 -1 x {} nan 0x1p-10}]
}

# The number of keys, the keys, an end and a count; now and then wrong.
proc gen::list::pop_several {} {
    set keys {}
    for {set i [gen::int 1 3]} {$i > 0} {incr i -1} { lappend keys [key] }
    set out [list [llength $keys] {*}$keys [side]]
    if {[gen::chance 50]} { lappend out [gen::pick {COUNT COUNT count foo}] [gen::pick {1 2 3 5 100 0 -1 x}] }
    if {[gen::chance 5]} { lset out 0 [gen::pick {0 -1 x 1 2 3 9 9223372036854775807 {} 2147483648}] }
    if {[gen::chance 3]} { lappend out [gen::pick {COUNT 1 LEFT}] }
    return $out
}

proc gen::list::search_options {} {
    set out {}
    while {[gen::chance 45]} {
        switch [gen::int 0 6] {
            0 - 1 { lappend out [gen::pick {RANK rank}] [gen::pick {1 2 -1 -2 3 -3 10}] }
            2 - 3 { lappend out COUNT [gen::pick {0 1 2 5}] }
            4 - 5 { lappend out MAXLEN [gen::pick {0 1 5 10 300 100000}] }
            6 { lappend out {*}[gen::pick {RANK COUNT MAXLEN foo {RANK 0} {RANK x} {COUNT -1} {MAXLEN -1} {COUNT x}
                {RANK 9223372036854775807} {MAXLEN 9223372036854775807}}] }
        }
    }
    return $out
}

proc gen::list::nonsense {} {
    set argv [list [gen::pick {LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LLEN LRANGE LINDEX LSET LINSERT LREM LTRIM LPOS LMOVE
        RPOPLPUSH LMPOP}]]
    for {set i [gen::int 0 6]} {$i > 0} {incr i -1} {
        lappend argv [gen::pick [list [key] [element] [gen::int -3 3] [gen::pick {LEFT RIGHT BEFORE AFTER COUNT RANK}]]]
    }
    return [list exact {*}$argv]
}

proc gen::list::command {} {
    variable begun
    variable resp
    variable options
    incr begun
    if {$begun == 2} { return {exact SET s string} }
    if {$begun % 5000 == 3} { return [list drop HELLO [set resp [expr {5 - $resp}]]] }
    if {$begun % 700 == 4} { return [list exact CONFIG SET list-max-listpack-size [gen::pick $options]] }
    if {$begun % 900 == 5} { return [list exact CONFIG SET list-compress-depth [gen::pick {0 0 1 2 5}]] }
    set key [key]
    switch [gen::weighted {10 lpush 10 rpush 3 pushx 6 lpop 6 rpop 3 popcount 3 len 8 range 5 index 10 set 14 insert 7 rem
            4 trim 9 pos 7 move 4 rpoplpush 4 mpop 4 blocking 6 encoding 3 digest 3 nonsense 2 many 1 rename 2 copy 1 delkey
            1 type 1 other}] {
        lpush { return [list exact LPUSH $key {*}[several 3]] }
        rpush { return [list exact rpush $key {*}[several 3]] }
        pushx { return [list exact [gen::pick {LPUSHX RPUSHX}] $key {*}[several 2]] }
        lpop { return [list exact LPOP $key] }
        rpop { return [list exact RPOP $key] }
        popcount { return [list exact [gen::pick {LPOP RPOP}] $key [count]] }
        len { return [list exact LLEN $key] }
        range { return [list exact LRANGE $key [index] [index]] }
        index { return [list exact LINDEX $key [index]] }
        set { return [list exact LSET $key [small_index] [element]] }
        insert { return [list exact LINSERT $key [gen::pick {BEFORE AFTER before AFTER foo}] [element] [element]] }
        rem { return [list exact LREM $key [count] [element]] }
        trim {
            if {[gen::chance 70]} { return [list exact LTRIM $key [gen::int 0 4] [gen::int -5 -1]] }
            return [list exact LTRIM $key [index] [index]]
        }
        pos {
            if {[gen::chance 1]} { return [list since8 LPOS $key [element] RANK -9223372036854775808] }
            return [list exact LPOS $key [element] {*}[search_options]]
        }
        move { return [list exact LMOVE $key [key] [side] [side]] }
        rpoplpush { return [list exact RPOPLPUSH $key [key]] }
        mpop { return [list exact LMPOP {*}[pop_several]] }
        blocking {
            switch [gen::int 0 4] {
                0 { return [list exact BLPOP $key [key] [timeout]] }
                1 { return [list exact BRPOP $key [timeout]] }
                2 { return [list exact BLMOVE $key [key] [side] [side] [timeout]] }
                3 { return [list exact BRPOPLPUSH $key [key] [timeout]] }
                4 { return [list exact BLMPOP [timeout] {*}[pop_several]] }
            }
        }
        encoding { return [list since8 OBJECT ENCODING $key] }
        digest { return [list exact DEBUG DIGEST-VALUE $key] }
        nonsense { return [nonsense] }
        many { return [list exact [gen::pick {LPUSH RPUSH}] [gen::pick {long longer}] {*}[many]] }
        rename { return [list exact RENAME $key [gen::pick {a b c d long}]] }
        copy { return [list exact COPY $key [gen::pick {a b c d}] {*}[gen::pick {{} REPLACE REPLACE}]] }
        delkey { return [list exact [gen::pick {DEL UNLINK}] $key] }
        type { return [list exact TYPE $key] }
        other { return [list exact SET [gen::pick {s s d}] string] }
    }
}

proc gen::list::audit {} {
    variable keys
    set out {}
    foreach key [list {*}$keys s nokey] {
        lappend out [list exact LRANGE $key 0 -1] [list since8 OBJECT ENCODING $key] [list exact DEBUG DIGEST-VALUE $key]
    }
    return $out
}
