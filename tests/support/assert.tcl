# Assertions and waiting. A failed assertion is a Tcl error whose code is {TEST FAIL}: `test` reports it and goes on.

proc fail {message} {
    return -code error -errorcode {TEST FAIL} $message
}

# Leaves the running test (or file, outside of one) and counts it as skipped, with the reason.
proc skip {reason} {
    return -code error -errorcode {TEST SKIP} $reason
}

# Shortens what a message quotes, and makes its bytes printable.
proc shown {value} {
    set value [resp::escape $value]
    if {[string length $value] > 1500} {
        set value "[string range $value 0 1499]... ([string length $value] characters)"
    }
    return $value
}

proc because {detail} {
    return [expr {$detail eq {} ? {} : " ($detail)"}]
}

proc assert {condition {detail {}}} {
    if {![uplevel 1 [list expr $condition]]} {
        fail "expected to be true: [uplevel 1 [list subst -nocommands $condition]][because $detail]"
    }
}

proc assert_equal {expected actual {detail {}}} {
    if {$expected ne $actual} {
        fail "expected '[shown $expected]', got '[shown $actual]'[because $detail]"
    }
}

proc assert_not_equal {unexpected actual {detail {}}} {
    if {$unexpected eq $actual} {
        fail "expected anything but '[shown $unexpected]'[because $detail]"
    }
}

# Patterns are those of `string match`.
proc assert_match {pattern actual {detail {}}} {
    if {![string match $pattern $actual]} {
        fail "expected a match of '[shown $pattern]', got '[shown $actual]'[because $detail]"
    }
}

proc assert_no_match {pattern actual {detail {}}} {
    if {[string match $pattern $actual]} {
        fail "expected no match of '[shown $pattern]', got '[shown $actual]'[because $detail]"
    }
}

proc assert_regexp {pattern actual {detail {}}} {
    if {![regexp -- $pattern $actual]} {
        fail "expected a match of /$pattern/, got '[shown $actual]'[because $detail]"
    }
}

# The code must end in an error whose text matches the pattern.
proc assert_error {pattern code {detail {}}} {
    if {![catch {uplevel 1 $code} message]} {
        fail "expected the error '[shown $pattern]', got the reply '[shown $message]'[because $detail]"
    }
    if {![string match $pattern $message]} {
        fail "expected the error '[shown $pattern]', got '[shown $message]'[because $detail]"
    }
}

proc assert_range {value min max {detail {}}} {
    if {!($value >= $min && $value <= $max)} {
        fail "expected $min <= $value <= $max[because $detail]"
    }
}

proc assert_less {value limit {detail {}}} {
    if {!($value < $limit)} { fail "expected $value < $limit[because $detail]" }
}

proc assert_more {value limit {detail {}}} {
    if {!($value > $limit)} { fail "expected $value > $limit[because $detail]" }
}

# Both as sets: the order of the elements does not matter.
proc assert_same_members {expected actual {detail {}}} {
    assert_equal [lsort $expected] [lsort $actual] $detail
}

proc assert_contains {list item {detail {}}} {
    if {$item ni $list} { fail "expected '[shown $item]' in '[shown $list]'[because $detail]" }
}

proc assert_type {type key} {
    assert_equal $type [r type $key] "type of $key"
}

proc assert_encoding {encoding key} {
    assert_equal $encoding [r object encoding $key] "encoding of $key"
}

# The server must close this connection.
proc assert_closed {client {detail {}}} {
    if {![$client eof]} { fail "expected the server to close the connection[because $detail]" }
}

# The bytes written must be answered by exactly these bytes; what the server sends in pieces is gathered.
proc assert_answer {client sent expected {detail {}}} {
    $client write $sent
    $client flush
    set got {}
    set before [$client timeout 5000]
    catch { set got [$client readbytes [string length $expected]] } err
    if {$got eq {}} { set got [$client readall 100] }
    assert_equal $expected $got $detail
}

# Tries a condition up to `tries` times, `delay` milliseconds apart; then runs the else part.
proc wait_for_condition {tries delay condition else otherwise} {
    if {$else ne "else"} { error "wait_for_condition N MS {condition} else {script}" }
    for {set i 0} {$i < $tries} {incr i} {
        if {[uplevel 1 [list expr $condition]]} return
        pause $delay
    }
    uplevel 1 $otherwise
}

# A wait that lets channel events run. Only for polling: a test waits on a condition, not for a time.
proc pause {ms} {
    set ::resp::slept {}
    after $ms {set ::resp::slept done}
    vwait ::resp::slept
}

proc random_int {limit} {
    return [expr {int(rand() * $limit)}]
}

proc random_bytes {length} {
    set out {}
    for {set i 0} {$i < $length} {incr i} {
        append out [format %c [expr {int(rand() * 256)}]]
    }
    return $out
}
