# Limits on clients: how many, how long, how much unread output.

# Fills a client's output with `count` replies of `size` bytes that it does not read.
proc flood {client count size} {
    set request [resp::encode [list echo [string repeat x $size]]]
    for {set i 0} {$i < $count} {incr i} {
        if {[catch {
            $client write $request
            $client flush
        }]} break
    }
}

proc line_of {id} {
    foreach line [split [r client list] \n] {
        if {[string match "id=$id *" $line]} { return $line }
    }
    return {}
}

proc number_in {line field} {
    if {![regexp " $field=(\\d+)" $line -> number]} { return -1 }
    return $number
}

start_server {tags {limits} overrides {maxclients 10}} {
    test {maxclients refuses with a text and closes} {
        set clients {}
        for {set i 0} {$i < 9} {incr i} { lappend clients [redis_client] }
        foreach client $clients { assert_equal PONG [$client ping] }
        r ping
        assert_equal 10 [s connected_clients]
        set before [s rejected_connections]
        assert_equal "-ERR max number of clients reached\r\n<closed>" [exchange {} 5000]
        assert_equal [expr {$before + 1}] [s rejected_connections]
        [lindex $clients 0] close
        wait_for_condition 50 10 {[s connected_clients] == 9} else { fail "the closed one still counts" }
        assert_equal PONG [[redis_client] ping]
    }

    test {maxclients can be raised and lowered at run time} {
        r config set maxclients 20
        set clients {}
        for {set i 0} {$i < 15} {incr i} { lappend clients [redis_client] }
        foreach client $clients { assert_equal PONG [$client ping] }
        # Lower than what is connected: those stay, others are refused.
        r config set maxclients 5
        foreach client $clients { assert_equal PONG [$client ping] }
        assert_match "-ERR max number of clients reached*" [exchange {} 5000]
        r config set maxclients 10
    }

    test {maxclients in INFO} {
        assert_equal 10 [s maxclients]
    }
}

start_server {tags {limits} overrides {timeout 1}} {
    test {timeout closes idle clients, not busy ones} {
        set idle [redis_client]
        set busy [redis_client]
        assert_equal PONG [$idle ping]
        set start [clock milliseconds]
        while {![$idle eof 100]} {
            assert_equal PONG [$busy ping]
            if {[clock milliseconds] - $start > 8000} { fail "the idle client lives on" }
        }
        assert_range [expr {[clock milliseconds] - $start}] 900 8000
        assert_equal PONG [$busy ping]
    }

    test {timeout spares monitors} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        set start [clock milliseconds]
        while {[clock milliseconds] - $start < 2500} {
            r ping
            $monitor readall 100
        }
        r ping
        assert_match {*"ping"*} [$monitor read]
    } {slow}
}

start_server {tags {limits}} {
    test {tcp-keepalive is set on client connections} {
        if {![file exists /proc/net/tcp]} { skip "no /proc/net/tcp here" }
        # The timer column of the kernel: 02 is the keep-alive timer.
        proc timers {} {
            set found {}
            set port [format %04X [srv port]]
            foreach line [split [read_file /proc/net/tcp] \n] {
                if {[regexp "^ *\\d+: 0100007F:$port \\w+:\\w+ 01 \\S+ (\\d\\d):" $line -> timer]} {
                    lappend found $timer
                }
            }
            return $found
        }
        r ping
        assert_contains [timers] 02
        r config set tcp-keepalive 0
        r client setname first
        set other [redis_client]
        $other ping
        wait_for_condition 50 20 {{00} in [timers]} else { fail "keep-alive although it is off: [timers]" }
        r config set tcp-keepalive 300
    }

    test {Hard limit of the output buffer} {
        r config set client-output-buffer-limit {normal 1000000 0 0}
        set from [log_size]
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        flood $client 300 100000
        wait_for_condition 100 50 {[line_of $id] eq {}} else { fail "the client lives on: [line_of $id]" }
        wait_for_log {*closed*output buffer limits*} $from
        r config set client-output-buffer-limit {normal 0 0 0}
    }

    test {The hard limit bounds what a client may make the server keep} {
        r config set client-output-buffer-limit {normal 1000000 0 0}
        set before [s used_memory]
        set clients {}
        for {set i 0} {$i < 5} {incr i} {
            set client [redis_deferring_client]
            flood $client 200 100000
            lappend clients $client
        }
        r ping
        assert_less [expr {[s used_memory] - $before}] 20000000
        foreach client $clients { $client close }
        r config set client-output-buffer-limit {normal 0 0 0}
    }

    test {Soft limit: passed for a while it closes, passed for a moment it does not} {
        r config set client-output-buffer-limit {normal 0 200000 2}
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        flood $client 200 100000
        wait_for_condition 100 20 {[number_in [line_of $id] omem] > 200000} else {
            fail "the socket took it all: [line_of $id]"
        }
        assert_match "id=$id *" [line_of $id]
        wait_for_condition 600 50 {[line_of $id] eq {}} else { fail "the client lives on: [line_of $id]" }

        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        flood $client 200 100000
        wait_for_condition 100 20 {[number_in [line_of $id] omem] > 200000} else { fail "no output left" }
        for {set i 0} {$i < 200} {incr i} { assert_equal 100000 [string length [$client read]] }
        wait_for_condition 100 20 {[number_in [line_of $id] omem] == 0} else { fail "output left" }
        assert_match "id=$id *" [line_of $id]
        r config set client-output-buffer-limit {normal 0 0 0}
    }

    test {Without a limit a slow reader gets everything in the end} {
        set client [redis_deferring_client]
        $client timeout 20000
        flood $client 300 100000
        $client ping
        for {set i 0} {$i < 300} {incr i} {
            if {$i % 50 == 0} { r ping }
            assert_equal 100000 [string length [$client read]]
        }
        assert_equal PONG [$client read]
    }

    test {Unread output shows in CLIENT LIST and INFO} {
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        flood $client 200 100000
        wait_for_condition 100 20 {[number_in [line_of $id] omem] > 1000000} else {
            fail "no output: [line_of $id]"
        }
        assert_match {* events=rw *} [line_of $id]
        assert_more [number_in [line_of $id] oll] 0
        assert_more [number_in [line_of $id] tot-mem] 1000000
        wait_for_condition 100 20 {[s mem_clients_normal] > 1000000} else { fail "not in INFO" }
        assert_equal 1 [r client kill id $id]
        wait_for_condition 100 20 {[s mem_clients_normal] < 1000000} else { fail "the output is kept" }
    }

    test {A monitor that does not read is closed at the limit of normal clients} {
        r config set client-output-buffer-limit {normal 1000000 0 0}
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        set big [string repeat x 100000]
        for {set i 0} {$i < 400} {incr i} {
            r echo $big
            if {$i % 20 == 0 && ![string match *cmd=monitor* [r client list]]} break
        }
        assert_no_match *cmd=monitor* [r client list]
        r config set client-output-buffer-limit {normal 0 0 0}
    }

    test {One giant pipeline does not hold up the others} {
        set giant [redis_deferring_client]
        $giant timeout 30000
        $giant write [string repeat "*1\r\n\$4\r\nPING\r\n" 200000]
        $giant flush
        set worst 0
        for {set i 0} {$i < 20} {incr i} {
            set start [clock milliseconds]
            assert_equal PONG [r ping]
            set worst [expr {max($worst, [clock milliseconds] - $start)}]
        }
        assert_less $worst 500
        for {set i 0} {$i < 200000} {incr i} { $giant readline }
        assert_equal 0 [$giant pending]
    }

    test {Idle connections give their buffers back} {
        set client [redis_client]
        set id [$client client id]
        $client echo [string repeat x 200000]
        wait_for_condition 100 100 {[number_in [line_of $id] qbuf-free] < 1024} else {
            fail "the query buffer is kept: [line_of $id]"
        }
    }

    test {Hundreds of connections at once} {
        set limit [exec sh -c {ulimit -n}]
        if {$limit ne "unlimited" && $limit < 1000} { skip "only $limit files may be open here" }
        set clients {}
        for {set i 0} {$i < 900} {incr i} { lappend clients [redis_deferring_client] }
        foreach client $clients { $client echo $client }
        foreach client $clients { assert_equal $client [$client read] }
    }
}

start_server {tags {limits} overrides {maxclients 6000 loglevel notice}} {
    test {Idle connections are cheap: under 1 KiB each} {
        set count 5000
        set before [s used_memory]
        set helper [file join $::tests_dir helpers idle_connections.pl]
        set idle [open [list | /bin/sh -c {ulimit -n 5200 2>/dev/null; exec perl "$@"} sh $helper 127.0.0.1 \
            [srv port] $count 2>@1] r+]
        set said [gets $idle]
        if {$said ne "ready"} {
            catch {close $idle}
            skip "cannot open $count connections here: $said"
        }
        set code [catch {
            wait_for_condition 100 20 {[s connected_clients] == $count + 1} else { fail "not all are connected" }
            wait_for_condition 100 50 {[s used_memory] < $before + 1024 * $count} else {
                fail "[expr {([s used_memory] - $before) / $count}] bytes each"
            }
        } result how]
        puts $idle done
        flush $idle
        close $idle
        if {$code} { return -options $how $result }
        wait_for_condition 200 20 {[s connected_clients] == 1} else { fail "connections are left" }
    } {hematite-only}
}

start_server {tags {limits} overrides {requirepass secret}} {
    proc disconnections {} { list [s client_query_buffer_limit_disconnections] [s client_output_buffer_limit_disconnections] }

    test {A client that has not authenticated may have little output waiting} {
        r auth secret
        r config resetstat
        set few [string repeat "GET k\r\n" 400]
        assert_equal [string repeat "-NOAUTH Authentication required.\r\n" 400] [exchange $few 200]
        assert_equal {0 0} [disconnections]
        set many [string repeat "GET k\r\n" 600]
        assert_equal {<closed>} [exchange $many 5000]
        assert_equal {0 1} [disconnections]
        # Nobody waits for more of it.
        assert_equal "+OK\r\n[string repeat "\$-1\r\n" 4000]" [exchange "AUTH secret\r\n[string repeat "GET k\r\n" 4000]" 500]
        assert_equal {0 1} [disconnections]
    }

    test {A client that passes a limit is counted once} {
        r config resetstat
        r set big [string repeat x 100000]
        r config set client-output-buffer-limit {normal 50000 0 0}
        set client [redis_deferring_client]
        $client auth secret
        $client read
        foreach call {multi {get big} {get big} {get big} {incr n}} {
            $client {*}$call
            $client read
        }
        $client exec
        assert_error {*} {$client read}
        wait_for_condition 50 20 {[disconnections] eq {0 1}} else { fail "counted: [disconnections]" }
        assert_equal 1 [r get n]
        r config set client-output-buffer-limit {normal 0 0 0}
        r config set client-query-buffer-limit 1mb
        set client [redis_deferring_client]
        $client auth secret
        $client read
        catch { $client set k [string repeat x 3000000] }
        assert_error {*} {$client read}
        wait_for_condition 50 20 {[disconnections] eq {1 1}} else { fail "counted: [disconnections]" }
    }
}

start_server {tags {limits} overrides {maxclients 6}} {
    # A connection that came in the same turn in which another one left was refused.
    test {Whoever leaves makes room for whoever comes at once} {
        set clients {}
        for {set i 0} {$i < 5} {incr i} {
            lappend clients [redis_client]
            [lindex $clients end] ping
        }
        r config resetstat
        for {set i 0} {$i < 200} {incr i} {
            [lindex $clients 0] close
            set clients [list {*}[lrange $clients 1 end] [redis_client]]
            assert_equal PONG [[lindex $clients end] ping]
        }
        assert_equal 0 [s rejected_connections]
        foreach client $clients { $client close }
    }
}
