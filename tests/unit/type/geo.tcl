# Maps: places that come back, distances, searches against looking at everything, and results that are stored.

set radian 0.017453292519943295
set earth_radius 6372797.560856

proc distance {a b} {
    lassign $a lon1 lat1
    lassign $b lon2 lat2
    set u [expr {sin(($lat2 - $lat1) * $::radian / 2)}]
    set v [expr {sin(($lon2 - $lon1) * $::radian / 2)}]
    set a [expr {$u * $u + cos($lat1 * $::radian) * cos($lat2 * $::radian) * $v * $v}]
    return [expr {2 * $::earth_radius * asin(min(1, sqrt($a)))}]
}

proc within {low high} { return [expr {$low + rand() * ($high - $low)}] }

# Fills a key with places in a frame and returns where their members are.
proc fill {key count west east south north} {
    r del $key
    for {set i 0} {$i < $count} {incr i} {
        r geoadd $key [within $west $east] [within $south $north] m$i
    }
    set model {}
    for {set i 0} {$i < $count} {incr i} { dict set model m$i [lindex [r geopos $key m$i] 0] }
    return $model
}

# Members with their distances from a place, the nearest first.
proc by_distance {model from} {
    set pairs {}
    dict for {member place} $model { lappend pairs [list [distance $from $place] $member] }
    return [lsort -real -index 0 $pairs]
}

start_server {tags {geo}} {
    needs_commands geoadd geosearch georadius

    test {What is put on the map is where it was put, in both encodings} {
        foreach limit {128 0} {
            set before [lindex [r config get zset-max-listpack-entries] 1]
            r config set zset-max-listpack-entries $limit
            r del g
            for {set i 0} {$i < 100} {incr i} {
                set lon [within -180 180]
                set lat [within -85 85]
                assert_equal 1 [r geoadd g $lon $lat m]
                lassign [lindex [r geopos g m] 0] x y
                assert {abs($x - $lon) < 0.00001 && abs($y - $lat) < 0.00001}
                assert_equal 11 [string length [lindex [r geohash g m] 0]]
                assert_equal 0.0000 [r geodist g m m]
                r del g
            }
            r config set zset-max-listpack-entries $before
        }
    }

    test {Hashes and distances are those known of Sicily} {
        r del sicily
        assert_equal 2 [r geoadd sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania]
        assert_equal {3479099956230698 3479447370796909} [r zmscore sicily Palermo Catania]
        assert_equal {sqc8b49rny0 sqdtr74hyu0} [r geohash sicily Palermo Catania]
        assert_equal 166274.1516 [r geodist sicily Palermo Catania]
        assert_equal {166.2742 545518.8700 103.3182} [lmap unit {km ft mi} { r geodist sicily Palermo Catania $unit }]
    }

    test {A call with one bad place changes nothing} {
        r del g
        foreach bad {{181 1} {-180.1 1} {1 85.06} {1 -85.06} {inf 1} {1 -inf} {1e300 1}} {
            assert_error {ERR invalid longitude,latitude pair*} {r geoadd g 1 1 a {*}$bad b}
        }
        foreach bad {{nan 1} {1 x} {{} 1}} {
            assert_error {ERR value is not a valid float} {r geoadd g 1 1 a {*}$bad b}
        }
        assert_error {ERR syntax error} {r geoadd g nx xx 1 1 a}
        assert_equal 0 [r exists g]
    }

    # The date line, the equator, a town, a country in the south. Not the poles: there Redis looks at too few cells.
    foreach {name frame reach} {
        world {-180 180 -60 60} 1000000
        dateline {179.5 180 -10 10} 300000
        town {15.0 15.2 37.4 37.6} 5000
        south {-75 -66 -55 -20} 500000
    } {
        test "Searches find what looking at everything finds: $name" {
            set model [fill g 400 {*}$frame]
            lassign $frame west east south north
            for {set i 0} {$i < 60} {incr i} {
                set from [list [within $west $east] [within $south $north]]
                set radius [within 0 $reach]
                set ordered [by_distance $model $from]
                set wanted [lmap pair $ordered { expr {[lindex $pair 0] <= $radius ? [lindex $pair 1] : [continue]} }]
                set search [list geosearch g fromlonlat {*}$from byradius $radius m]
                assert_equal $wanted [r {*}$search asc]
                assert_equal [lreverse $wanted] [r {*}$search desc]
                assert_equal [lsort $wanted] [lsort [r {*}$search]]
                assert_equal [lrange $wanted 0 2] [r {*}$search count 3]
                set any [r {*}$search count 3 any]
                assert_equal [expr {min(3, [llength $wanted])}] [llength $any]
                foreach member $any { assert {$member in $wanted} }
                assert_equal [llength $wanted] [r geosearchstore d g {*}[lrange $search 2 end]]
                assert_equal [lsort $wanted] [lsort [r zrange d 0 -1]]
                # What is within the circle is within the box around it.
                set boxed [r geosearch g fromlonlat {*}$from bybox [expr {2 * $radius}] [expr {2 * $radius}] m]
                foreach member $wanted { assert {$member in $boxed} }
                assert_equal $wanted [r georadius g {*}$from $radius m asc]
            }
        }
    }

    test {A search around a member is one around where it is} {
        fill g 200 0 10 40 50
        foreach member {m0 m17 m199} {
            set place [lindex [r geopos g $member] 0]
            assert_equal [r geosearch g fromlonlat {*}$place byradius 200 km withdist withhash asc] \
                [r geosearch g frommember $member byradius 200 km withdist withhash asc]
            assert_equal $member [lindex [r georadiusbymember g $member 200 km asc] 0]
        }
    }

    test {The parts of an answer} {
        r del sicily
        r geoadd sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        assert_equal {{Catania 56.4413 3479447370796909} {Palermo 190.4424 3479099956230698}} \
            [r geosearch sicily fromlonlat 15 37 byradius 200 km withhash withdist asc]
        set answer [r georadius sicily 15 37 100 km withcoord]
        assert_equal Catania [lindex $answer 0 0]
        assert {abs([lindex $answer 0 1 0] - 15.087269) < 0.00001}
        assert_equal 2 [r georadius sicily 15 37 200 km storedist d]
        assert_equal {Catania Palermo} [r zrange d 0 -1]
        assert {abs([r zscore d Catania] - 56.4413) < 0.0001}
    }

    test {Without a result the destination is removed} {
        r set d text
        assert_equal 0 [r geosearchstore d sicily fromlonlat 100 0 byradius 1 km]
        assert_equal 0 [r exists d]
        r set d text
        assert_equal 0 [r georadiusbymember nokey nope 1 km store d]
        assert_equal 0 [r exists d]
        r set d text
        assert_error {*radius cannot be negative} {r geosearchstore d sicily fromlonlat 1 1 byradius -1 km}
        assert_equal text [r get d]
    }
}

start_server {tags {geo hematite-only}} {
    test {A polygon holds what is inside of it on the flat map} {
        set model [fill g 300 -20 20 -20 20]
        for {set i 0} {$i < 40} {incr i} {
            lassign [list [within -20 19] [within -20 19]] west south
            set east [expr {$west + [within 0.1 20]}]
            set north [expr {$south + [within 0.1 20]}]
            # The lower right triangle of a box.
            set wanted {}
            dict for {member place} $model {
                lassign $place x y
                if {$x < $east && $y > $south && ($y - $south) / ($north - $south) < ($x - $west) / ($east - $west)} {
                    lappend wanted $member
                }
            }
            set polygon [list bypolygon 3 $west $south $east $south $east $north]
            assert_equal [lsort $wanted] [lsort [r geosearch g {*}$polygon]]
            assert_equal [llength $wanted] [r geosearchstore d g {*}$polygon storedist]
        }
        assert_error {*at least 3 vertices} {r geosearch g bypolygon 2 1 1 2 2}
        assert_error {ERR syntax error} {r geosearch g fromlonlat 1 1 bypolygon 3 1 1 2 2 3 3}
    }
}
