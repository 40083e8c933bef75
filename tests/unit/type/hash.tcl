# Hashes: values of all kinds in both encodings, beside a model; and what no comparison with an oracle shows: chance.

# Both encodings of hashes without deadlines: how to get them, and their name.
proc hash_encodings {body} {
    foreach {entries encoding} {512 listpack 0 hashtable} {
        with_config [list hash-max-listpack-entries $entries] {
            uplevel 1 [list set encoding $encoding]
            uplevel 1 $body
        }
    }
}

start_server {tags {hash}} {
    test {Any bytes come back as they went in} {
        hash_encodings {
            foreach length {0 1 11 12 62 63 64 100 255 256 4095 4096 16384 65536 1000000} {
                set value [random_bytes $length]
                r hset key value$length $value
                r hset key $value field$length
                assert_equal $value [r hget key value$length] "$length bytes, $encoding"
                assert_equal $length [r hstrlen key value$length]
                assert_equal field$length [r hget key $value] "a field of $length bytes, $encoding"
            }
            assert_equal 30 [r hlen key]
            r del key
        }
    }

    test {Random changes agree with a model} {
        hash_encodings {
            r del key
            array unset model
            array set model {}
            for {set i 0} {$i < 2000} {incr i} {
                set field f[random_int 60]
                switch [random_int 6] {
                    0 - 1 {
                        set value [random_bytes [random_int [expr {$i % 50 ? 20 : 60}]]]
                        assert_equal [expr {![info exists model($field)]}] [r hset key $field $value]
                        set model($field) $value
                    }
                    2 {
                        assert_equal [info exists model($field)] [r hdel key $field]
                        array unset model $field
                    }
                    3 {
                        assert_equal [expr {![info exists model($field)]}] [r hsetnx key $field once]
                        if {![info exists model($field)]} { set model($field) once }
                    }
                    4 {
                        set number [expr {[random_int 2000000] - 1000000}]
                        r hset key $field $number
                        set by [random_int 1000]
                        assert_equal [expr {$number + $by}] [r hincrby key $field $by]
                        set model($field) [expr {$number + $by}]
                    }
                    5 {
                        # Not by `expr`, which makes a number of what looks like one: "\x0b1" would become 1.
                        set wanted {}
                        if {[info exists model($field)]} { set wanted $model($field) }
                        assert_equal $wanted [r hget key $field]
                        assert_equal [info exists model($field)] [r hexists key $field]
                    }
                }
                assert_equal [array size model] [r hlen key]
            }
            assert_equal [lsort -stride 2 [array get model]] [lsort -stride 2 [r hgetall key]] $encoding
            assert_same_members [array names model] [r hkeys key]
            assert_encoding $encoding key
        }
    }

    test {A hash becomes a table at the limits, for good} {
        r del key
        for {set i 0} {$i < 512} {incr i} { r hset key f$i [string repeat v 64] }
        assert_encoding listpack key
        r hset key f512 v
        assert_encoding hashtable key
        for {set i 0} {$i < 512} {incr i} { assert_equal [string repeat v 64] [r hget key f$i] }
        for {set i 0} {$i < 512} {incr i} { r hdel key f$i }
        assert_equal {f512 v} [r hgetall key]
        assert_encoding hashtable key
        foreach {field value} [list [string repeat f 65] v f [string repeat v 65]] {
            r del key
            r hset key a 1
            r hset key $field $value
            assert_encoding hashtable key
            assert_equal {1 1} [list [r hget key a] [r hexists key $field]]
        }
    }

    test {A large hash keeps every field} {
        r del key
        set client [redis_deferring_client]
        for {set i 0} {$i < 20000} {incr i} { $client hset key field:$i $i }
        for {set i 0} {$i < 20000} {incr i} { $client read }
        assert_equal 20000 [r hlen key]
        for {set i 0} {$i < 20000} {incr i 2} { $client hdel key field:$i }
        for {set i 0} {$i < 20000} {incr i 2} { assert_equal 1 [$client read] }
        $client close
        assert_equal 10000 [r hlen key]
        for {set i 0} {$i < 20000} {incr i 37} {
            assert_equal [expr {$i % 2 ? $i : {}}] [r hget key field:$i]
        }
        r unlink key
    }

    test {A scan that changes meet shows what stays} {
        r del key
        for {set i 0} {$i < 3000} {incr i} { r hset key stays:$i $i }
        array unset seen
        set cursor 0
        set added 0
        while 1 {
            lassign [r hscan key $cursor COUNT 50] cursor found
            foreach {field value} $found { set seen($field) $value }
            for {set i 0} {$i < 20} {incr i} { r hset key extra:[incr added] x }
            if {$added % 3 == 0} { for {set i 0} {$i < 15} {incr i} { r hdel key extra:[random_int $added] } }
            if {$cursor == 0} break
        }
        for {set i 0} {$i < 3000} {incr i} { assert_equal $i $seen(stays:$i) }
    }

    test {HSCAN shows what matches, with and without values} {
        r del key
        for {set i 0} {$i < 700} {incr i} { r hset key f$i v$i }
        foreach {options wanted} {{MATCH f1?} 10 {MATCH f1? NOVALUES} 10 {NOVALUES} 700 {} 700 {MATCH nosuch} 0} {
            set found {}
            set cursor 0
            while 1 {
                lassign [r hscan key $cursor {*}$options] cursor some
                lappend found {*}$some
                if {$cursor == 0} break
            }
            if {"NOVALUES" ni $options} {
                foreach {field value} $found { assert_equal v[string range $field 1 end] $value }
                set found [dict keys $found]
            }
            assert_equal $wanted [llength [lsort -unique $found]] $options
        }
    } {redis8}

    test {HRANDFIELD is fair} {
        hash_encodings {
            r del key
            for {set i 0} {$i < 20} {incr i} { r hset key f$i v$i }
            array unset drawn
            foreach field [r hrandfield key -4000] { incr drawn($field) }
            for {set i 0} {$i < 1000} {incr i} { incr drawn([r hrandfield key]) }
            for {set i 0} {$i < 1000} {incr i} { foreach field [r hrandfield key 5] { incr drawn($field) } }
            assert_equal 20 [array size drawn]
            # 500 of each on average, with a deviation of 20 or so.
            foreach field [array names drawn] { assert_range $drawn($field) 350 650 "$field, $encoding" }
        }
    } {hematite-only}

    test {HRANDFIELD draws different fields, or any} {
        hash_encodings {
            r del key
            for {set i 0} {$i < 50} {incr i} { r hset key f$i v$i }
            foreach count {1 2 10 25 49 50 51 1000} {
                set fields [r hrandfield key $count]
                assert_equal [expr {min($count, 50)}] [llength [lsort -unique $fields]]
                assert_equal [llength $fields] [llength [lsort -unique $fields]]
                set pairs [r hrandfield key $count WITHVALUES]
                foreach {field value} $pairs { assert_equal v[string range $field 1 end] $value }
                set repeated [r hrandfield key -$count WITHVALUES]
                assert_equal [expr {2 * $count}] [llength $repeated]
                foreach {field value} $repeated { assert_equal v[string range $field 1 end] $value }
            }
        }
    }

    test {Sums of floats are exact to the last digit shown} {
        r del key
        foreach {by sum} {0.1 0.1 0.2 0.3 -0.3 0 1e3 1000 0.5 1000.5 -1000.5 0 3.14159 3.14159} {
            assert_equal $sum [r hincrbyfloat key f $by] $by
            assert_equal $sum [r hget key f]
        }
    }

    test {What fails changes nothing} {
        r del key
        r set string x
        r hset key text abc number 5
        foreach command {{hset key a} {hset key a 1 b} {hmset key a} {hincrby key text 1} {hincrby key number x}
                {hincrby key number 9223372036854775807} {hincrbyfloat key text 1} {hincrbyfloat key number inf}
                {hset string a 1} {hdel string a} {hsetnx string a 1} {hincrby new f x} {hincrbyfloat new f x}} {
            assert_error {*} {r {*}$command} $command
        }
        assert_equal {text abc number 5} [r hgetall key]
        assert_equal {0 x} [list [r exists new] [r get string]]
    }

    test {Copies share nothing} {
        hash_encodings {
            r del key copy
            r hset key a 1 b 2
            r copy key copy
            r hset copy a 3
            r hdel key b
            assert_equal {a 1} [r hgetall key]
            assert_equal {a 3 b 2} [lsort -stride 2 [r hgetall copy]]
            assert_encoding $encoding copy
        }
    }

    test {Digests are the same in both encodings} {
        set digests {}
        hash_encodings {
            r del key
            r hset key a 1 b \xff "" x
            lappend digests [r debug digest-value key]
        }
        assert_equal [lindex $digests 0] [lindex $digests 1]
    }

    test {A field takes few bytes} {
        r del small
        for {set i 0} {$i < 10} {incr i} { r hset small field$i value$i }
        assert_less [r memory usage small] 200
        r del key
        set client [redis_deferring_client]
        for {set i 0} {$i < 10000} {incr i} { $client hset key [format field:%012d $i] [format value:%08d $i] }
        for {set i 0} {$i < 10000} {incr i} { $client read }
        $client close
        assert_less [expr {[r memory usage key] / 10000.0}] 54
    } {hematite-only}
}
