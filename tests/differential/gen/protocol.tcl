# Noise on the wire: good requests, and requests with a byte changed, lost or doubled. A connection each.

namespace eval gen::protocol {}

proc gen::protocol::request {} {
    set argv [gen::pick {PING {ECHO howdy} {PING a} {ECHO "a b"} {SELECT 1} {foo bar baz} {ECHO {}} {SELECT x}
        {CLIENT GETNAME} {ECHO 12345678901234567890}}]
    if {[gen::chance 30]} {
        return "[join $argv { }][gen::pick [list \r\n \n]]"
    }
    return [resp::encode $argv]
}

proc gen::protocol::raw {} {
    set out {}
    for {set i [gen::int 1 3]} {$i > 0} {incr i -1} { append out [request] }
    for {set i [gen::int 0 2]} {$i > 0} {incr i -1} {
        set at [gen::int 0 [expr {[string length $out] - 1}]]
        # A zero byte is left out: it stops Redis's search for the end of a line, which we do not imitate; so is
        # whatever makes a length that waits for more.
        set byte [gen::pick [list * \$ \r \n - 1 0 9 a " " \" ' : \xff + . \\]]
        switch [gen::int 0 3] {
            0 { set out [string replace $out $at $at $byte] }
            1 { set out [string replace $out $at $at] }
            2 { set out [string replace $out $at $at [string index $out $at]$byte] }
            3 { set out [string range $out 0 $at] }
        }
    }
    return $out
}
