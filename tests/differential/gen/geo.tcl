# Maps: places everywhere, searches of every shape and size around places and members, with every option and error.
#
# g1 to g4 are maps of the world, of a town, of the date line and of the poles; w holds scores that are no places. Results
# that are not sorted show the order in which cells are looked at. Where a part of a sorted result is asked for, equal
# distances would leave it open, so no two places are equal. Valkey alone knows polygons: if it is the oracle, they are
# searched for, and what it prints in another way is left out.

namespace eval gen::geo {
    variable begun 0
    variable valkey 0
    variable resp 2
    variable corners {{180 85.05112878} {-180 -85.05112878} {0 0} {180 0} {-180 0} {0 85.05112878} {90 -85.05112878}}
}

proc gen::geo::key {} {
    if {[gen::chance 3]} { return [gen::pick {nokey str w}] }
    return [gen::pick {g1 g1 g2 g3 g4}]
}

proc gen::geo::member {} {
    if {[gen::chance 3]} { return [gen::pick {nope {} "a b" 17}] }
    return [gen::pick {m p place:}][gen::int 0 150]
}

proc gen::geo::within {low high} { return [expr {$low + rand() * ($high - $low)}] }

# A longitude and a latitude, mostly where the map of this key is.
proc gen::geo::place {key} {
    variable corners
    if {[gen::chance 1]} { return [gen::pick $corners] }
    if {[gen::chance 1]} { return [gen::pick {{200 1} {1 86} {x 1} {1 x} {nan 1} {1 inf} {-inf 1} {{} 1} {1e300 -1e300} {181 -0} { 1 1}}] }
    switch $key {
        g2 { return [list [within 15.0 15.3] [within 37.4 37.6]] }
        g3 { return [list [gen::pick [list [within 170 180] [within -180 -170] [within 179.9 180] [within -180 -179.9]]] [within -60 60]] }
        g4 { return [list [within -180 180] [gen::pick [list [within 60 85.05] [within -85.05 -60] [within 84.9 85.05]]]] }
    }
    return [list [within -180 180] [within -85 85]]
}

proc gen::geo::unit {} {
    if {[gen::chance 1]} { return [gen::pick {x {} cm mm}] }
    return [gen::pick {m km ft mi M KM Ft mI}]
}

# A length that suits a map, with its unit.
proc gen::geo::length {key} {
    set metres [expr {$key eq "g2" ? [gen::pick [list [within 0 3000] [within 0 30000]]] : \
        [gen::pick [list [within 0 50000] [within 0 500000] [within 0 3e6] [within 0 2.5e7]]]}]
    set unit [unit]
    set per [dict get {m 1 km 1000 ft 0.3048 mi 1609.34} [expr {[string tolower $unit] in {m km ft mi} ? [string tolower $unit] : "m"}]]
    set length [expr {$metres / $per}]
    if {[gen::chance 3]} { set length [gen::pick {0 -0 -1 x nan inf -inf 1e300 1 1e-300 {}}] }
    return [list $length $unit]
}

# The latitude of the mean of some places.
proc gen::geo::middle {corners} {
    lassign {0 0 0} x y z
    foreach {lon lat} $corners {
        if {![string is double -strict $lon] || ![string is double -strict $lat] || "nan" in "$lon $lat"} continue
        if {"inf" in "$lon $lat" || "-inf" in "$lon $lat"} continue
        set lon [expr {$lon * 0.017453292519943295}]
        set lat [expr {$lat * 0.017453292519943295}]
        set x [expr {$x + cos($lat) * cos($lon)}]
        set y [expr {$y + cos($lat) * sin($lon)}]
        set z [expr {$z + sin($lat)}]
    }
    return [expr {atan2($z, hypot($x, $y)) / 0.017453292519943295}]
}

proc gen::geo::polygon {key} {
    set corners [gen::int 3 7]
    lassign [place $key] lon lat
    set size [expr {$key eq "g2" ? 0.2 : [gen::pick {1 10 40 120}]}]
    set out {}
    for {set i 0} {$i < $corners} {incr i} {
        if {![string is double -strict $lon] || ![string is double -strict $lat] || "nan" in "$lon $lat" || [gen::chance 5]} {
            lappend out {*}[place $key]
            continue
        }
        set x [expr {max(-180, min(180, $lon + (rand() - 0.5) * $size))}]
        set y [expr {max(-85, min(85, $lat + (rand() - 0.5) * $size))}]
        lappend out $x $y
    }
    # Valkey loses its way if the middle of a polygon is not on the map.
    if {abs([middle $out]) > 85.05} { return {BYPOLYGON 3 10 10 20 20 10 30} }
    if {[gen::chance 4]} { set corners [gen::pick {0 2 -1 x 3 4 1000 2147483648}] }
    return [list BYPOLYGON $corners {*}$out]
}

proc gen::geo::shape {key} {
    variable valkey
    if {$valkey && [gen::chance 60]} { return [polygon $key] }
    lassign [length $key] length unit
    if {[gen::chance 50]} { return [list BYRADIUS $length $unit] }
    set other $length
    if {[string is double -strict $length] && $length ni {nan inf -inf}} { set other [expr {$length * (0.1 + 3 * rand())}] }
    return [list BYBOX $length $other $unit]
}

proc gen::geo::from {key} {
    if {[gen::chance 40]} { return [list FROMMEMBER [member]] }
    return [list FROMLONLAT {*}[place $key]]
}

proc gen::geo::wishes {stores} {
    variable valkey
    set out {}
    if {[gen::chance 45]} { lappend out [gen::pick {ASC DESC asc}] }
    if {[gen::chance 35]} {
        lappend out COUNT [gen::pick {1 2 3 5 10 50 1000}]
        if {[gen::chance 50]} { lappend out ANY }
    }
    if {[gen::chance 1]} { lappend out {*}[gen::pick {ANY COUNT {COUNT 0} {COUNT -1} {COUNT x} foo STOREDIST {STORE d}}] }
    if {!$stores || [gen::chance 3]} {
        foreach word {WITHDIST WITHHASH WITHCOORD} {
            if {[gen::chance 30] && !($valkey && $word eq "WITHCOORD")} { lappend out $word }
        }
    }
    return $out
}

proc gen::geo::search {key} {
    variable valkey
    set stores [gen::chance 20]
    set shape [shape $key]
    set parts [list $shape [wishes $stores]]
    if {[lindex $shape 0] ne "BYPOLYGON" || [gen::chance 2]} { lappend parts [from $key] }
    if {[gen::chance 2]} { lappend parts [gen::pick [list [from $key] [shape $key]]] }
    if {[gen::chance 1]} { set parts [lrange $parts 1 end] }
    if {$stores && [gen::chance 50]} { lappend parts STOREDIST }
    # In any order.
    set words {}
    foreach part [expr {[gen::chance 50] ? $parts : [lreverse $parts]}] { lappend words {*}$part }
    set argv [expr {$stores ? [list GEOSEARCHSTORE [gen::pick {d d d str2}] $key] : [list GEOSEARCH $key]}]
    return [list {*}$argv {*}$words]
}

proc gen::geo::radius {key} {
    set stores [gen::chance 20]
    set argv [gen::pick {GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO}]
    lassign [length $key] length unit
    lappend argv $key
    if {[string match *MEMBER* $argv]} { lappend argv [member] } else { lappend argv {*}[place $key] }
    lappend argv $length $unit {*}[wishes $stores]
    if {$stores} { lappend argv {*}[gen::pick {{STORE d} {STOREDIST d} {STORE d STOREDIST e} {STOREDIST str2}}] }
    return $argv
}

proc gen::geo::several {most} {
    set out {}
    for {set i [gen::int 0 $most]} {$i > 0} {incr i -1} { lappend out [member] }
    return $out
}

proc gen::geo::add {key} {
    variable corners
    set argv [list GEOADD $key]
    foreach word {NX XX CH} {
        if {[gen::chance 8]} { lappend argv $word }
    }
    for {set i [gen::int 1 8]} {$i > 0} {incr i -1} {
        # Only one member is ever in a corner.
        set place [place $key]
        set corner [lsearch -exact $corners $place]
        lappend argv {*}$place [expr {$corner < 0 ? [member] : "corner$corner"}]
    }
    if {[gen::chance 1]} { lappend argv 1 }
    return $argv
}

# Valkey has other texts for some errors.
proc gen::geo::command {} {
    variable valkey
    set command [next_command]
    if {$valkey && [lindex $command 0] eq "exact"} { lset command 0 errors }
    return $command
}

proc gen::geo::next_command {} {
    variable begun
    variable valkey
    variable resp
    incr begun
    if {$begun == 1} {
        set valkey [expr {![diff::oracle_is_redis]}]
        return {exact SET str string}
    }
    if {$begun == 2} { return {exact ZADD w 1.5 a -1 b 4503599627370496 c 1e300 d inf e -inf f 4503599627370495 g 9007199254740993 h} }
    if {$begun % 1000 == 3} { return [list drop HELLO [set resp [expr {5 - $resp}]]] }
    set key [key]
    switch [gen::weighted {20 add 35 search 20 radius 5 dist 4 pos 4 hash 3 rem 3 stored 1 size 1 nonsense}] {
        add { return [list exact {*}[add [expr {[gen::chance 97] ? [gen::pick {g1 g2 g3 g4}] : $key}]]] }
        search { return [list exact {*}[search $key]] }
        radius { return [list exact {*}[radius $key]] }
        dist {
            set argv [list GEODIST $key [member] [member]]
            if {$key eq "w"} { set argv [list GEODIST w [gen::pick {a b c d e f g h}] [gen::pick {a b c d e f g h}]] }
            if {[gen::chance 60]} { lappend argv [unit] }
            if {[gen::chance 2]} { lappend argv km }
            return [list exact {*}$argv]
        }
        pos {
            # Valkey prints more digits.
            set members [expr {$key eq "w" ? {a b c d e f g h i} : [several 6]}]
            return [list [expr {$valkey ? "drop" : "exact"}] GEOPOS $key {*}$members]
        }
        hash { return [list exact GEOHASH $key {*}[expr {$key eq "w" ? {a b c d e f g h i} : [several 6]}]] }
        rem { return [list exact ZREM $key {*}[several 20] x] }
        stored { return [list exact ZRANGE [gen::pick {d e str2 g1 g2}] 0 -1 WITHSCORES] }
        size { return [list exact CONFIG SET zset-max-listpack-entries [gen::pick {0 128 1000}]] }
    }
    set argv [list [gen::pick {GEOADD GEODIST GEOHASH GEOPOS GEOSEARCH GEOSEARCHSTORE GEORADIUS GEORADIUS_RO
        GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO}]]
    if {[gen::chance 90]} { lappend argv $key }
    for {set i [gen::int 0 8]} {$i > 0} {incr i -1} {
        lappend argv {*}[gen::pick [list [member] [place $key] {1 km} m ASC COUNT 3 ANY BYRADIUS BYBOX FROMMEMBER FROMLONLAT \
            WITHDIST NX CH STOREDIST]]
    }
    return [list [expr {$valkey && [lindex $argv 0] eq "GEOPOS" ? "drop" : "exact"}] {*}$argv]
}

proc gen::geo::audit {} {
    set out {}
    foreach key {g1 g2 g3 g4 w d e str2} { lappend out [list ZRANGE $key 0 -1 WITHSCORES] [list TYPE $key] [list OBJECT ENCODING $key] }
    return $out
}
