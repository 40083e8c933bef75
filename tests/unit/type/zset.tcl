# Sorted sets: both encodings against a model, ranges of every kind, results that are stored, random members, scans, and
# clients that wait for members.

# The model: a dict of members and scores, and its members in order.
proc in_order {model} {
    set pairs {}
    dict for {member score} $model { lappend pairs [list $score $member] }
    # Members first, then scores: the second sort keeps the order of equal ones.
    set pairs [lsort -real -index 0 [lsort -index 1 $pairs]]
    return [lmap pair $pairs { lindex $pair 1 }]
}

proc with_scores {model members} {
    set out {}
    foreach member $members { lappend out $member [dict get $model $member] }
    return $out
}

# All that can be asked of a set agrees with the model.
proc assert_zset {key model} {
    set order [in_order $model]
    assert_equal $order [r zrange $key 0 -1]
    assert_equal [with_scores $model [lreverse $order]] [r zrevrange $key 0 -1 withscores]
    assert_equal [llength $order] [r zcard $key]
    set from [random_int [expr {[llength $order] + 1}]]
    set to [random_int [expr {[llength $order] + 1}]]
    assert_equal [lrange $order $from $to] [r zrange $key $from $to]
    assert_equal [lrange [lreverse $order] $from $to] [r zrange $key $from $to rev]
    set min [expr {[random_int 40] - 20}]
    set max [expr {[random_int 40] - 20}]
    set within [lmap m $order { expr {[dict get $model $m] > $min && [dict get $model $m] <= $max ? $m : [continue]} }]
    assert_equal $within [r zrangebyscore $key ($min $max]
    assert_equal [lreverse $within] [r zrange $key $max ($min byscore rev]
    assert_equal [lrange $within 2 4] [r zrangebyscore $key ($min $max limit 2 3]
    assert_equal [lrange [lreverse $within] 1 3] [r zrevrangebyscore $key $max ($min limit 1 3]
    assert_equal [llength $within] [r zcount $key ($min $max]
    if {[llength $order]} {
        set member [lindex $order [random_int [llength $order]]]
        assert_equal [lsearch -exact $order $member] [r zrank $key $member]
        assert_equal [lsearch -exact [lreverse $order] $member] [r zrevrank $key $member]
        assert_equal [list [dict get $model $member] {}] [r zmscore $key $member nosuch]
    }
}

proc fill {key count {score {$i}}} {
    r del $key
    set words {}
    for {set i 0} {$i < $count} {incr i} { lappend words [expr $score] m$i }
    if {$count} { r zadd $key {*}$words }
}

# All members that ZSCAN answers, with their scores; `between` runs after every call.
proc zscan_all {key options {between {}}} {
    set cursor 0
    set found {}
    while 1 {
        lassign [r zscan $key $cursor {*}$options] cursor items
        lappend found {*}$items
        if {$cursor eq "0"} { return $found }
        uplevel 1 $between
    }
}

start_server {tags {zset}} {
    foreach {encoding entries} {listpack 1000 skiplist 0} {
        test "Random changes agree with a model: $encoding" {
            config_set zset-max-listpack-entries $entries
            r del z
            set model {}
            for {set i 0} {$i < 3000} {incr i} {
                set member m[random_int 150]
                set score [expr {[random_int 40] - 20 + [random_int 2] * 0.5}]
                if {$score == int($score)} { set score [expr {int($score)}] }
                switch [random_int 7] {
                    0 - 1 - 2 {
                        r zadd z $score $member
                        dict set model $member $score
                    }
                    3 {
                        r zincrby z 1 $member
                        dict set model $member [expr {[dict exists $model $member] ? [dict get $model $member] + 1 : 1}]
                    }
                    4 {
                        assert_equal [dict exists $model $member] [r zrem z $member]
                        dict unset model $member
                    }
                    5 {
                        set changes [expr {![dict exists $model $member] || [dict get $model $member] < $score}]
                        assert_equal $changes [r zadd z gt ch $score $member]
                        if {$changes} { dict set model $member $score }
                    }
                    6 {
                        set from [random_int 200]
                        set gone [lrange [in_order $model] $from $from+1]
                        assert_equal [llength $gone] [r zremrangebyrank z $from [expr {$from + 1}]]
                        foreach member $gone { dict unset model $member }
                    }
                }
                if {$i % 40 == 0} { assert_zset z $model }
            }
            assert_zset z $model
            assert_encoding $encoding z
            # The same set made anew is the same value.
            r del copy
            dict for {member score} $model { r zadd copy $score $member }
            assert_equal [r debug digest-value z] [r debug digest-value copy]
        } {redis8}

        test "Equal scores are ordered by name: $encoding" {
            config_set zset-max-listpack-entries $entries
            r del z
            set names {}
            for {set i 0} {$i < 300} {incr i} {
                set name [string range [expr {rand()}] 2 [expr {3 + [random_int 4]}]]
                if {$name ni $names} { lappend names $name }
                r zadd z 5 $name
            }
            set names [lsort $names]
            assert_equal $names [r zrangebylex z - +]
            assert_equal [lreverse $names] [r zrevrangebylex z + -]
            for {set i 0} {$i < 50} {incr i} {
                set a [lindex $names [random_int [llength $names]]]
                set b [lindex $names [random_int [llength $names]]]
                set closed [lsearch -exact $names $a]
                set open [expr {[lsearch -exact $names $b] - 1}]
                set wanted [lrange $names $closed $open]
                assert_equal $wanted [r zrangebylex z \[$a ($b]
                assert_equal [lreverse $wanted] [r zrange z ($b \[$a bylex rev]
                assert_equal [llength $wanted] [r zlexcount z \[$a ($b]
                assert_equal [lrange $wanted 1 2] [r zrangebylex z \[$a ($b limit 1 2]
            }
            set half [lindex $names 100]
            assert_equal 100 [r zremrangebylex z - ($half]
            assert_equal [lrange $names 100 end] [r zrange z 0 -1]
        }

        test "Scores at the edges: $encoding" {
            config_set zset-max-listpack-entries $entries
            r del z
            r zadd z inf a -inf b 0 c 1e17 d 9007199254740993 e 5e-324 f 1.7976931348623157e308 g 0.1 h
            assert_equal {b c f h e d g a} [r zrange z 0 -1]
            assert_equal {inf -inf 0 100000000000000000 9007199254740992 5e-324 1.7976931348623157e+308 0.1} \
                [r zmscore z a b c d e f g h]
            assert_equal {b} [r zrangebyscore z -inf (-1e308]
            assert_equal {a} [r zrangebyscore z (1.7976931348623157e308 +inf]
            assert_error {*not a number (NaN)*} { r zincrby z -inf a }
            assert_error {*not a valid float*} { r zadd z nan a }
            assert_error {*not a valid float*} { r zadd z 1e400 a }
            assert_equal {inf 8} [list [r zscore z a] [r zcard z]]
        } {redis8}

        test "Nothing is added when one score is wrong: $encoding" {
            config_set zset-max-listpack-entries $entries
            r del z
            assert_error {*not a valid float*} { r zadd z 1 a 2 b x c }
            assert_equal 0 [r exists z]
            r zadd z 1 a
            assert_error {*not a valid float*} { r zadd z 5 a nan b }
            assert_equal {a 1} [r zrange z 0 -1 withscores]
        }

        test "Copies, other names and times to live: $encoding" {
            r flushall
            config_set zset-max-listpack-entries $entries
            fill z 50
            r expire z 1000
            r copy z y
            r rename z x
            assert_equal [r debug digest-value x] [r debug digest-value y]
            assert_equal [list $encoding $encoding] [list [r object encoding x] [r object encoding y]]
            assert_range [r ttl x] 990 1000
            r zadd y 1 more
            assert_equal {50 51} [list [r zcard x] [r zcard y]]
            assert_range [r memory usage y] 200 20000
            assert_equal {0 {x y}} [lmap found [r scan 0 type zset count 1000] { lsort $found }]
            assert_equal 2 [r unlink x y]
        }

        test "Pops take from either end until nothing is left: $encoding" {
            config_set zset-max-listpack-entries $entries
            fill z 20
            assert_equal {m0 0} [r zpopmin z]
            assert_equal {m19 19 m18 18} [r zpopmax z 2]
            assert_equal {z {{m1 1}}} [r zmpop 2 nosuch z min]
            assert_equal {z {{m17 17} {m16 16}}} [r zmpop 1 z max count 2]
            assert_equal {} [r zpopmin z 0]
            assert_equal 14 [r zcard z]
            assert_equal 28 [llength [r zpopmin z 100]]
            assert_equal 0 [r exists z]
            assert_equal {} [r zmpop 1 z min]
        }

        test "Random members: $encoding" {
            config_set zset-max-listpack-entries $entries
            fill z 8
            set counts [dict create]
            for {set i 0} {$i < 300} {incr i} {
                dict incr counts [r zrandmember z]
                foreach member [r zrandmember z 3] { dict incr counts $member }
                foreach {member score} [r zrandmember z -4 withscores] {
                    assert_equal m$score $member
                    dict incr counts $member
                }
            }
            # 300 draws of 8, each an eighth: within six standard deviations.
            assert_equal 8 [dict size $counts]
            dict for {member count} $counts { assert {abs($count - 300) < 104} "$member: $count" }
            foreach count {1 5 7 8 100} {
                set found [r zrandmember z $count]
                assert_equal [expr {min($count, 8)}] [llength [lsort -unique $found]]
                assert_equal [llength $found] [llength [lsort -unique $found]]
                assert_equal $count [llength [r zrandmember z -$count]]
            }
            assert_equal {{} {} {}} [list [r zrandmember nosuch] [r zrandmember nosuch 3] [r zrandmember z 0]]
        }

        test "Unions, intersections and differences agree with a model: $encoding" {
            config_set zset-max-listpack-entries $entries
            for {set round 0} {$round < 30} {incr round} {
                r del a b to
                array set made {a {} b {}}
                foreach key {a b} {
                    for {set i [random_int 30]} {$i >= 0} {incr i -1} {
                        set member m[random_int 40]
                        dict set made($key) $member [random_int 50]
                        r zadd $key [dict get $made($key) $member] $member
                    }
                }
                set union $made(a)
                set inter {}
                set diff {}
                dict for {member score} $made(b) {
                    dict set union $member [expr {$score * 2 + ([dict exists $union $member] ? [dict get $union $member] : 0)}]
                }
                dict for {member score} $made(a) {
                    if {[dict exists $made(b) $member]} {
                        dict set inter $member [expr {min($score, [dict get $made(b) $member])}]
                    } else {
                        dict set diff $member $score
                    }
                }
                assert_equal [with_scores $union [in_order $union]] [r zunion 2 a b weights 1 2 withscores]
                assert_equal [with_scores $inter [in_order $inter]] [r zinter 2 a b aggregate min withscores]
                assert_equal [with_scores $diff [in_order $diff]] [r zdiff 2 a b withscores]
                assert_equal [dict size $inter] [r zintercard 2 a b]
                assert_equal [dict size $union] [r zunionstore to 2 a b weights 1 2]
                assert_zset to $union
                assert_equal [dict size $diff] [r zdiffstore to 2 a b]
                assert_equal [in_order $diff] [r zrange to 0 -1]
            }
        }

        test "A set may be stored over itself: $encoding" {
            config_set zset-max-listpack-entries $entries
            fill z 10
            assert_equal 4 [r zrangestore z z 3 6]
            assert_equal {m3 m4 m5 m6} [r zrange z 0 -1]
            assert_equal 4 [r zunionstore z 2 z z]
            assert_equal {m3 6 m4 8 m5 10 m6 12} [r zrange z 0 -1 withscores]
            r set z string
            r sadd s x y
            assert_equal 2 [r zunionstore z 1 s weights 3]
            assert_equal {x 3 y 3} [r zrange z 0 -1 withscores]
            assert_equal 0 [r zdiffstore z 2 z s]
            assert_equal 0 [r exists z]
        }
    }
    config_set zset-max-listpack-entries 128

    test {Conversions at the thresholds} {
        fill z 128
        assert_encoding listpack z
        r zadd z 1 m128
        assert_encoding skiplist z
        assert_equal [r zrange z 0 -1] [r zrangebyscore z -inf +inf]
        r zremrangebyrank z 0 100
        assert_encoding skiplist z
        r del z
        r zadd z 1 [string repeat x 64]
        assert_encoding listpack z
        r zadd z 1 [string repeat x 65]
        assert_encoding skiplist z
    } {redis8}

    test {A large set keeps its order while scores move} {
        r del z
        set count 20000
        for {set i 0} {$i < $count} {incr i 500} {
            set words {}
            for {set j $i} {$j < $i + 500} {incr j} { lappend words [expr {($j * 7919) % $count}] m$j }
            r zadd z {*}$words
        }
        assert_equal $count [r zcard z]
        for {set i 0} {$i < 300} {incr i} {
            set j [random_int $count]
            set score [expr {($j * 7919) % $count}]
            assert_equal $score [r zrank z m$j]
            assert_equal m$j [r zrange z $score $score]
            assert_equal m$j [r zrangebyscore z $score $score]
        }
        r zunionstore z 1 z weights -1
        assert_equal [r zrange z 0 99] [r zrangebyscore z -inf 0 limit 0 100]
        assert_equal 0 [r zrank z [lindex [r zrevrange z -1 -1] 0]]
        assert_equal [expr {$count / 2}] [r zremrangebyrank z 0 [expr {$count / 2 - 1}]]
        assert_equal [expr {$count / 2}] [llength [r zrange z 0 -1]]
    }

    test {A scan shows whatever stays, while members come and go} {
        r del z
        for {set i 0} {$i < 2000} {incr i 100} {
            set words {}
            for {set j $i} {$j < $i + 100} {incr j} { lappend words $j stay:$j $j go:$j }
            r zadd z {*}$words
        }
        set calls 0
        set found [zscan_all z {count 50} {
            set words {}
            for {set j 0} {$j < 20} {incr j} { lappend words $j come:$calls:$j }
            r zadd z {*}$words
            r zrem z go:[random_int 2000] go:[random_int 2000]
            incr calls
        }]
        array unset seen
        foreach {member score} $found { set seen($member) $score }
        for {set i 0} {$i < 2000} {incr i} { assert_equal $i $seen(stay:$i) }
        assert_more $calls 20
        assert_equal {} [lsearch -all -inline -not -glob [lmap {m s} [zscan_all z {match come:*}] { set m }] come:*]
    }

    test {Waiting clients are served in order, each with what it asked for} {
        r del a b
        set clients {}
        foreach {command} {{bzpopmin a b 0} {bzpopmax b a 0} {bzmpop 0 2 a b min count 2}} {
            set client [redis_deferring_client]
            $client {*}$command
            lappend clients $client
            wait_for_condition 500 10 {[s blocked_clients] == [llength $clients]} else { fail "it does not wait" }
        }
        r multi
        r zadd b 1 one 2 two
        r zadd b 3 three 4 four 5 five
        r exec
        assert_equal {b one 1} [[lindex $clients 0] read]
        assert_equal {b five 5} [[lindex $clients 1] read]
        assert_equal {b {{two 2} {three 3}}} [[lindex $clients 2] read]
        assert_equal {four 4} [r zrange b 0 -1 withscores]
        foreach client $clients { $client close }
    } {redis8}

    test {Who waits gets nothing from a key of another type, and may give up} {
        r del a
        set client [redis_deferring_client]
        $client bzpopmin a 0.2
        wait_for_condition 500 10 {[s blocked_clients] == 1} else { fail "it does not wait" }
        r sadd a x
        assert_equal {} [$client read]
        assert_error {WRONGTYPE*} { r bzpopmin a 0 }
        $client close
        # Inside a transaction nobody waits.
        r del a
        r multi
        r bzpopmin a 0
        r bzmpop 0 1 a max
        assert_equal {{} {}} [r exec]
    }
}
