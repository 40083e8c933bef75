# The harness itself: every alarm must be able to ring (selftest/alarms.tcl), and the replies must be read right.

# Runs the harness on the alarms with this tag; returns {exit-code output}.
proc harness {tag args} {
    set code [catch {exec [info nameofexecutable] [file join $::tests_dir test_helper.tcl] --server $::server_path \
        --oracle none --single selftest/alarms --tags $tag --baseport [expr {$::port_base + 100}] \
        --clients 1 {*}$args 2>@1} output]
    # Scratch folders of failed runs are kept for people; nobody will look into these.
    if {[regexp {Scratch folders are kept in (\S+)} $output -> dir]} { file delete -force $dir }
    return [list $code $output]
}

# The line of the result; after it Tcl adds one of its own when the exit status is not zero.
proc last_line {output} {
    set lines [split [string trim $output] \n]
    return [lindex [lsearch -all -inline -regexp $lines {^\d+ passed, \d+ failed}] end]
}

foreach {tag last pattern} {
    alarm-good {1 passed, 0 failed, 1 skipped} {*is skipped: for a reason*}
    alarm-assert {1 passed, 2 failed} {*expected '1', got '2'*error: ERR unknown command*log of the server in*}
    alarm-death {1 passed, 1 failed} {*the server died during the tests: status SIGKILL*}
    alarm-crash {1 passed, 1 failed} {*the log has a crash report*}
    alarm-leak {1 passed, 1 failed} {*2 clients are still connected although all were closed*addr=*}
    alarm-hang {0 passed, 1 failed} {*no news for 2 s*}
    alarm-outside {0 passed, 1 failed} {*error outside of a test: an error outside of a test*}
} {
    test "An alarm rings: $tag" {
        lassign [harness $tag --timeout [expr {$tag eq {alarm-hang} ? 2 : 60}]] code output
        # Blocks without the tag are skipped as well; what the tagged ones did is compared.
        regsub -all -line {^.*no tag of: .*\n} $output {} output
        set line [last_line $output]
        regexp {^(\d+) passed, (\d+) failed} $line -> passed failed
        regexp {^(\d+) passed, (\d+) failed} $last -> want_passed want_failed
        assert_equal "$want_passed $want_failed" "$passed $failed" $output
        assert_equal [expr {$want_failed > 0}] $code $output
        assert_match $pattern $output
    } {harness}
}

test {--only, and the form of the last line} {
    lassign [harness alarm-good --only passes] code output
    assert_equal 0 $code
    assert_regexp {^1 passed, 0 failed(, \d+ skipped)?$} [last_line $output]
    assert_equal [last_line $output] [lindex [split [string trim $output] \n] end]
} {harness}

# A server of a few lines: answers every connection with the same bytes.
proc canned {bytes body} {
    set listener [socket -server [list apply {{bytes chan host port} {
        fconfigure $chan -translation binary
        puts -nonewline $chan $bytes
        close $chan
    }} $bytes] -myaddr 127.0.0.1 0]
    set client [resp::open 127.0.0.1 [lindex [fconfigure $listener -sockname] 2] 1]
    set code [catch {uplevel 1 [list set client $client]; uplevel 1 $body} result how]
    catch {$client close}
    close $listener
    return -options $how $result
}

foreach {name bytes value} {
    status "+OK\r\n" OK
    integer ":-12\r\n" -12
    bulk "$5\r\na\r\nb\x00\r\n" "a\r\nb\x00"
    "empty bulk" "$0\r\n\r\n" {}
    "null bulk" "$-1\r\n" {}
    "null array" "*-1\r\n" {}
    array "*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n$1\r\nb\r\n" {1 {a {}} b}
    "empty array" "*0\r\n" {}
    "error within an array" "*2\r\n-ERR no\r\n:1\r\n" {{ERR no} 1}
    null "_\r\n" {}
    true "#t\r\n" 1
    double ",1.5e10\r\n" 1.5e10
    infinity ",-inf\r\n" -inf
    "big number" "(12345678901234567890123\r\n" 12345678901234567890123
    map "%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n:2\r\n" {a 1 b 2}
    verbatim "=7\r\ntxt:abc\r\n" abc
    push ">2\r\n+message\r\n+x\r\n" {message x}
    attribute "|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n" v
} {
    test "The client library reads: $name" {
        canned $bytes { assert_equal $value [$client read] }
    } {harness}
    test "The client library keeps the bytes: $name" {
        canned $bytes { assert_equal $bytes [$client readraw] }
    } {harness}
}

test {The client library: errors, ends, nonsense} {
    canned "-ERR bad\r\n" { assert_error {ERR bad} {$client read} }
    canned "!7\r\nERR bad\r\n" { assert_error {ERR bad} {$client read} }
    canned "\$5\r\nab" { assert_error {I/O error reading reply*} {$client read} }
    canned "?what\r\n" { assert_error {not a reply of the protocol*} {$client read} }
} {harness}

start_server {tags {harness}} {
    test {The write load writes, and ends when it is told to} {
        needs_commands set dbsize
        set load [start_write_load 127.0.0.1 [srv port]]
        wait_for_condition 100 20 {[r dbsize] > 500} else { fail "nothing is written" }
        stop_write_load $load
        wait_for_condition 100 20 {[s connected_clients] == 1} else { fail "it goes on" }
    }

    test {Pushes do not get in the way of replies} {
        needs_commands subscribe publish
        set client [redis_client]
        $client hello 3
        assert_equal {subscribe news 1} [$client subscribe news]
        r publish news hello
        assert_equal PONG [$client ping]
        assert_equal {{message news hello}} [$client pushes]
    }

    test {Clients of a test are closed with it} {
        redis_client
        redis_deferring_client
    }

    test {... so that the next one finds the server alone} {
        wait_for_condition 100 20 {[s connected_clients] == 1} else { fail "clients are left" }
    }
}
