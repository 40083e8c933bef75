# What must ring the harness's alarms. Not part of a normal run: unit/harness.tcl runs it and counts the failures.

start_server {tags {alarm-good}} {
    test {passes} { assert_equal PONG [r ping] }
    test {is skipped} { skip "for a reason" }
}

start_server {tags {alarm-assert}} {
    test {fails an assertion} { assert_equal 1 2 }
    test {meets an error} { r nosuch }
    test {still has a working connection} { assert_equal PONG [r ping] }
}

start_server {tags {alarm-death}} {
    test {kills its server} {
        send_signal KILL [srv pid]
        wait_for_condition 100 10 {![server_alive]} else { fail "it lives" }
    }
}

start_server {tags {alarm-crash}} {
    test {crashes its server} {
        catch {r debug segfault}
        wait_exit
    }
}

start_server {tags {alarm-leak}} {
    test {leaves a client that the harness does not know} {
        set ::forgotten [socket 127.0.0.1 [srv port]]
        wait_for_condition 100 10 {[s connected_clients] == 2} else { fail "not connected" }
    }
}

tags {alarm-hang} {
    test {hangs} { after 60000 }
}

start_server {tags {alarm-outside}} {
    error "an error outside of a test"
}
