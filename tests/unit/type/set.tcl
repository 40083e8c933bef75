# Sets: the commands in all encodings, conversions, random members, scans, results that are stored.

proc make_set {key members} {
    r del $key
    return [r sadd $key {*}$members]
}

proc numbers {from to {prefix {}}} {
    set out {}
    for {set i $from} {$i <= $to} {incr i} { lappend out $prefix$i }
    return $out
}

# All members that SSCAN answers; `between` runs after every call.
proc sscan_all {key options {between {}}} {
    set cursor 0
    set members {}
    while 1 {
        lassign [r sscan $key $cursor {*}$options] cursor found
        lappend members {*}$found
        if {$cursor eq "0"} { return $members }
        uplevel 1 $between
    }
}

# Plain Tcl for what the commands compute.
proc list_inter {a b} { return [lmap x $a { if {$x in $b} { set x } else continue }] }
proc list_diff {a b} { return [lmap x $a { if {$x ni $b} { set x } else continue }] }

# Counts are within six standard deviations of even.
proc assert_even {counts expected} {
    dict for {member count} $counts {
        assert {abs($count - $expected) < 6 * sqrt($expected)} "$member: $count, about $expected expected"
    }
}

set long [string repeat 0123456789 7]

start_server {tags {set}} {
    foreach {encoding members more} [list intset {1 2 3 -7} 12 listpack {a b 3 -7} c hashtable [list a b $long -7] c] {
        test "Members come, are asked for and go: $encoding" {
            assert_equal 4 [make_set s $members]
            assert_encoding $encoding s
            assert_equal 0 [r sadd s [lindex $members 0]]
            assert_equal 1 [r sadd s [lindex $members 0] $more $more]
            assert_equal [lsort [concat $members $more]] [lsort [r smembers s]]
            assert_equal 5 [r scard s]
            foreach member $members { assert_equal 1 [r sismember s $member] }
            assert_equal {1 0 1} [r smismember s $more nosuch [lindex $members 1]]
            assert_equal 2 [r srem s $more nosuch [lindex $members 1] $more]
            assert_equal {0 3} [list [r sismember s $more] [r scard s]]
            assert_encoding $encoding s
            assert_equal 3 [r srem s {*}$members]
            assert_equal 0 [r exists s]
        }

        test "Copies, other names and times to live: $encoding" {
            r flushall
            make_set s $members
            r expire s 1000
            r copy s t
            r rename s u
            assert_equal [lsort $members] [lsort [r smembers t]]
            assert_equal [lsort [r smembers u]] [lsort [r smembers t]]
            assert_encoding $encoding t
            assert_encoding $encoding u
            assert_range [r ttl u] 990 1000
            r sadd t $more
            assert_equal {4 5} [list [r scard u] [r scard t]]
            assert_range [r memory usage t] 1 10000
            assert_equal {set set} [list [r type t] [r type u]]
            assert_equal {0 {t u}} [lmap x [r scan 0 type set count 1000] { lsort $x }]
            assert_equal 2 [r unlink t u]
        }

        test "SMOVE moves what is there, once: $encoding" {
            make_set s $members
            r del t
            assert_equal {1 0} [list [r smove s t [lindex $members 1]] [r smove s t [lindex $members 1]]]
            assert_equal [list [lindex $members 1]] [r smembers t]
            assert_equal {1 0} [list [r smove s s [lindex $members 0]] [r smove s s nosuch]]
            assert_equal 3 [r scard s]
            r sadd t [lindex $members 0]
            assert_equal 1 [r smove s t [lindex $members 0]]
            assert_equal 2 [r scard t]
            r smove s t [lindex $members 2]
            r smove s t [lindex $members 3]
            assert_equal {0 4} [list [r exists s] [r scard t]]
        }

        test "Every member is as likely as any other: $encoding" {
            make_set s $members
            foreach way {one several distinct pop pops} { set counts($way) [dict create] }
            for {set i 0} {$i < 400} {incr i} {
                dict incr counts(one) [r srandmember s]
                foreach member [r srandmember s -3] { dict incr counts(several) $member }
                foreach member [r srandmember s 2] { dict incr counts(distinct) $member }
                r sunionstore t s
                r copy s t replace
                dict incr counts(pop) [r spop t]
                foreach member [r spop t 2] { dict incr counts(pops) $member }
                assert_equal 1 [r scard t]
            }
            foreach {way expected} {one 100 several 300 distinct 200 pop 100 pops 200} {
                assert_equal 4 [dict size $counts($way)] $way
                assert_even $counts($way) $expected
            }
        }

        test "SRANDMEMBER takes any count: $encoding" {
            make_set s $members
            assert_equal {} [r srandmember s 0]
            foreach count {1 3 4 5 1000 9223372036854775807} {
                set found [r srandmember s $count]
                assert_equal [expr {min($count, 4)}] [llength $found]
                assert_equal [llength $found] [llength [lsort -unique $found]]
                assert_equal {} [list_diff $found $members]
            }
            foreach count {1 3 4 5 1000} {
                set found [r srandmember s -$count]
                assert_equal $count [llength $found]
                assert_equal {} [list_diff $found $members]
            }
            assert_equal 4 [r scard s]
        }

        test "SPOP takes any count: $encoding" {
            foreach count {0 1 2 3 4 5 9223372036854775807} {
                make_set s $members
                set found [r spop s $count]
                assert_equal [expr {min($count, 4)}] [llength $found]
                assert_equal [lsort $members] [lsort [concat $found [r smembers s]]]
            }
            assert_equal 0 [r exists s]
        }
    }

    test {Integers have one text, and no other text is an integer} {
        make_set s {0 -0 00 +0 0.0 { 0} -1 -01}
        assert_equal 8 [r scard s]
        make_set s {9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809}
        assert_equal [lsort {9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809}] \
            [lsort [r smembers s]]
        make_set s {1 2 3}
        assert_equal {1 0 0 0 0} [r smismember s 1 01 +1 { 1} 1.0]
        assert_equal 0 [r srem s 01 +1 { 1}]
    }

    test {An intset is in order whatever its width} {
        r del s
        set model {}
        foreach number {5 -5 32767 -32768 32768 -32769 2147483647 -2147483648 2147483648 -2147483649 0
                9223372036854775807 -9223372036854775808} {
            r sadd s $number
            lappend model $number
            assert_equal [lsort -integer $model] [r smembers s]
            assert_encoding intset s
        }
        foreach number $model { assert_equal {1 1 0} [list [r sismember s $number] [r srem s $number] [r sismember s $number]] }
        assert_equal 0 [r exists s]
    }

    test {Encodings change where Redis changes them} {
        foreach {given more encoding} [list \
            [numbers 1 512] {} intset  [numbers 1 513] {} hashtable  [numbers 1 512] 513 hashtable \
            [numbers 1 128 m] {} listpack  [numbers 1 129 m] {} hashtable  [numbers 1 128 m] x hashtable \
            [numbers 1 127] x listpack  [numbers 1 128] x hashtable  [lrepeat 129 a] {} hashtable \
            [string repeat x 64] {} listpack  [string repeat x 65] {} hashtable  [string repeat x 64] $long hashtable \
            {1 2} $long hashtable  {1 a} [lrepeat 129 a] hashtable  {1 2} [lrepeat 513 1] hashtable \
        ] {
            make_set s $given
            if {[llength $more]} { r sadd s {*}$more }
            assert_encoding $encoding s
        }
        # None of them goes back.
        make_set s [numbers 1 600]
        r srem s {*}[numbers 2 600]
        assert_encoding hashtable s
        make_set s {1 2 x}
        r srem s x
        assert_encoding listpack s
    } {redis8}

    test {Few that SPOP leaves of a table move to a listpack} {
        make_set s [numbers 1 1000 m]
        r spop s 830
        assert_encoding hashtable s
        r spop s 150
        assert_equal {listpack 20} [list [r object encoding s] [r scard s]]
    } {redis8}

    test {The digest of a set does not depend on encoding and order} {
        make_set a {1 2 3}
        make_set b {3 x 1 2}
        r srem b x
        make_set c [list $long 2 3 1]
        r srem c $long
        assert_equal {intset listpack hashtable} [lmap key {a b c} { r object encoding $key }]
        assert_equal 1 [llength [lsort -unique [r debug digest-value a b c]]]
        assert_not_equal [r debug digest-value a] [r debug digest-value nosuch]
    }

    test {Results agree with plain lists, whatever the encodings} {
        foreach {max_ints max_entries} {512 128  4 4  0 0} {
            r config set set-max-intset-entries $max_ints set-max-listpack-entries $max_entries
            for {set round 0} {$round < 60} {incr round} {
                set keys {}
                set sets {}
                for {set i [expr {2 + [random_int 3]}]} {$i > 0} {incr i -1} {
                    set prefix [lindex {{} {} m} [random_int 3]]
                    set members [lsort -unique [lmap x [lrepeat [expr {1 + [random_int 30]}] x] {
                        string cat $prefix [random_int 25]
                    }]]
                    make_set s$i $members
                    lappend keys s$i
                    lappend sets $members
                }
                set inter [set diff [lindex $sets 0]]
                foreach members [lrange $sets 1 end] {
                    set inter [list_inter $inter $members]
                    set diff [list_diff $diff $members]
                }
                foreach {name wanted} [list sinter $inter sdiff $diff sunion [concat {*}$sets]] {
                    set wanted [lsort -unique $wanted]
                    assert_equal $wanted [lsort [r $name {*}$keys]] "$name $sets"
                    assert_equal [llength $wanted] [r ${name}store dst {*}$keys]
                    assert_equal $wanted [lsort [r smembers dst]] "${name}store $sets"
                    # The destination may be a source.
                    r copy [lindex $keys end] dst replace
                    r ${name}store dst {*}[lrange $keys 0 end-1] dst
                    assert_equal $wanted [lsort [r smembers dst]] "${name}store into a source: $sets"
                }
                set wanted [llength $inter]
                assert_equal $wanted [r sintercard [llength $keys] {*}$keys]
                assert_equal [expr {min($wanted, 3)}] [r sintercard [llength $keys] {*}$keys limit 3]
            }
        }
        r config set set-max-intset-entries 512 set-max-listpack-entries 128
    }

    test {What is stored replaces what was there, with its time to live} {
        make_set a {1 2 3}
        make_set b {3 4}
        foreach {command members} {sinterstore 3 sunionstore {1 2 3 4} sdiffstore {1 2}} {
            r set dst text ex 1000
            r $command dst a b
            assert_equal [list set -1 $members] [list [r type dst] [r ttl dst] [lsort [r smembers dst]]]
            r $command dst nosuch nosuch
            assert_equal 0 [r exists dst]
        }
        r set dst text
        assert_equal 0 [r sdiffstore dst a a]
        assert_equal 0 [r exists dst]
    }

    test {Keys of another type are refused, and nothing changes} {
        make_set s {a b}
        r set str x
        foreach command {{sadd str a} {srem str a} {smove str s a} {smove s str a} {sismember str a} {smismember str a}
                {scard str} {smembers str} {spop str} {spop str 1} {srandmember str} {srandmember str 1} {sinter s str}
                {sinter nosuch str} {sinterstore s str s} {sintercard 2 s str} {sunion s str} {sunionstore s s str}
                {sdiff s str} {sdiff nosuch str} {sdiffstore s nosuch str} {sscan str 0} {sscan str 0 count x}} {
            assert_error {WRONGTYPE *} {r {*}$command} $command
        }
        assert_equal {x {a b}} [list [r get str] [lsort [r smembers s]]]
        assert_error {WRONGTYPE *} {r get s}
        assert_equal 0 [r smove nosuch str a]
    }

    test {What is wrong with a call is said as Redis says it} {
        make_set s {a b}
        foreach {command message} {
            {spop s -1} {ERR value is out of range, must be positive}
            {spop s x} {ERR value is out of range, must be positive}
            {spop nosuch -1} {ERR value is out of range, must be positive}
            {spop s 1 2} {ERR syntax error}
            {srandmember s x} {ERR value is not an integer or out of range}
            {srandmember s 1 2} {ERR syntax error}
            {srandmember s -9223372036854775808} {ERR value is out of range, value must between *}
            {sintercard 0 s} {ERR numkeys should be greater than 0}
            {sintercard x s} {ERR numkeys should be greater than 0}
            {sintercard 2 s} {ERR Number of keys can't be greater than number of args}
            {sintercard 1 s limit -1} {ERR LIMIT can't be negative}
            {sintercard 1 s limit} {ERR syntax error}
            {sintercard 1 s t} {ERR syntax error}
            {sscan s x} {ERR invalid cursor}
            {sscan s 0 count 0} {ERR syntax error}
            {sscan s 0 type set} {ERR syntax error}
            {sscan s 0 match} {ERR syntax error}
            {sscan s 0 novalues} {ERR NOVALUES option can only be used in HSCAN}
        } {
            assert_error $message {r {*}$command} $command
        }
        assert_equal {a b} [lsort [r smembers s]]
    } {redis8}

    test {RESP3 knows sets} {
        make_set s {a}
        set client [redis_deferring_client]
        $client hello 3
        $client read
        foreach {command reply} {{smembers s} "~1\r\n$1\r\na\r\n" {sinter s} "~1\r\n$1\r\na\r\n" {sunion s} "~1\r\n$1\r\na\r\n"
                {sdiff s} "~1\r\n$1\r\na\r\n" {sdiff s s} "~0\r\n" {smembers nosuch} "~0\r\n" {spop nosuch 2} "~0\r\n"
                {srandmember s 1} "*1\r\n$1\r\na\r\n" {srandmember s -2} "*2\r\n$1\r\na\r\n$1\r\na\r\n"
                {srandmember nosuch} "_\r\n" {spop nosuch} "_\r\n" {smismember s a} "*1\r\n:1\r\n"
                {sscan s 0} "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n" {spop s 1} "~1\r\n$1\r\na\r\n"} {
            $client {*}$command
            assert_equal $reply [$client readraw] $command
        }
    } {redis8}

    test {A compact set answers a scan at once} {
        foreach members [list [numbers 1 500] [numbers 1 120 m]] {
            make_set s $members
            foreach options {{} {COUNT 1} {COUNT 1000} {MATCH *}} {
                lassign [r sscan s 0 {*}$options] cursor found
                assert_equal [list 0 [lsort $members]] [list $cursor [lsort $found]]
            }
            assert_equal {0 {}} [r sscan s 0 match nosuch]
            lassign [r sscan s 0 match *77] cursor found
            assert_equal [lsort [lsearch -all -inline $members *77]] [lsort $found]
        }
        assert_equal {0 {}} [r sscan nosuch 0]
        assert_equal {0 {}} [r sscan nosuch 17 foo]
    }

    test {A scan of a table finds what stays while others come and go} {
        foreach {name change} {
            rest {}
            growth { r sadd s {*}[numbers 0 99 new[incr turn]:] }
            shrinking { r srem s {*}[numbers [expr {$turn * 40}] [expr {[incr turn] * 40}] go] }
            replacing { r sunionstore s s other }
        } {
            make_set s [concat [numbers 1 1000 stay] [numbers 1 2000 go]]
            make_set other [numbers 1 10 other]
            foreach options {{} {COUNT 3} {COUNT 100}} {
                set turn 0
                set found [lsearch -all -inline [sscan_all s $options {
                    if {$turn < 60} $change
                }] stay*]
                assert_equal 1000 [llength [lsort -unique $found]] "$name, $options"
            }
        }
        lassign [r sscan s 0 count 20] cursor found
        assert_range [llength $found] 1 200
        assert_not_equal 0 $cursor
        assert_equal [numbers 1 9 stay] [lsort [sscan_all s {MATCH stay? COUNT 500}]]
    }

    test {A set that becomes compact between two calls ends its scan} {
        make_set s [numbers 1 1000 m]
        lassign [r sscan s 0] cursor
        make_set s {a b}
        assert_equal {0 {a b}} [lmap x [r sscan s $cursor] { lsort $x }]
    }

    test {A transaction sees its sets as they are then} {
        r del s
        r watch s
        r sadd s a
        r multi
        r scard s
        assert_equal {} [r exec]
        r multi
        r sadd s b c
        r spop s 3
        r scard s
        lassign [r exec] added popped left
        assert_equal {2 {a b c} 0 0} [list $added [lsort $popped] $left [r exists s]]
    }

    test {Random changes agree with a dictionary} {
        foreach {max_ints max_entries range} {512 128 300  512 128 30  5 3 10} {
            r config set set-max-intset-entries $max_ints set-max-listpack-entries $max_entries
            r del s
            set model [dict create]
            for {set i 0} {$i < 2000} {incr i} {
                set member [lindex {{} {} m} [random_int 3]][random_int $range]
                switch [random_int 5] {
                    0 {
                        assert_equal [dict exists $model $member] [r srem s $member]
                        dict unset model $member
                    }
                    1 { assert_equal [dict exists $model $member] [r sismember s $member] }
                    2 {
                        if {[random_int 20] == 0} {
                            foreach gone [r spop s [random_int [expr {[dict size $model] + 1}]]] {
                                assert [dict exists $model $gone]
                                dict unset model $gone
                            }
                        }
                    }
                    default {
                        assert_equal [expr {![dict exists $model $member]}] [r sadd s $member]
                        dict set model $member 1
                    }
                }
                if {[random_int 50] == 0} {
                    assert_equal [lsort [dict keys $model]] [lsort [r smembers s]]
                    assert_equal [dict size $model] [r scard s]
                }
            }
        }
        r config set set-max-intset-entries 512 set-max-listpack-entries 128
    }

    test {A large set is freed in the background} {
        make_set s [numbers 1 1000 m]
        set before [s lazyfreed_objects]
        assert_equal 1 [r unlink s]
        wait_for_condition 50 100 { [s lazyfreed_objects] == $before + 1 } else { fail "it was not freed" }
        make_set s {a b c}
        r unlink s
        assert_equal [expr {$before + 1}] [s lazyfreed_objects]
    }

    test {A few bytes cannot ask for more than memory holds} {
        make_set s {a}
        assert_error {ERR reply exceeds maximum allowed size*} {r srandmember s -9223372036854775807}
        assert_error {ERR reply exceeds maximum allowed size*} {r srandmember s -1000000000}
        assert_equal 100000 [llength [r srandmember s -100000]]
    } {hematite-only}
}
