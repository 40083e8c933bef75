# Where the server listens: bind, ports, unix sockets, protected mode.

# An address of this machine that is not loopback, or {}.
proc outside_address {} {
    if {[catch {exec hostname -I} addresses]} { return {} }
    foreach address $addresses {
        if {[string match *.*.*.* $address] && ![string match 127.* $address]} { return $address }
    }
    return {}
}

proc has_ipv6 {} {
    if {[catch {socket -server {apply {args {}}} -myaddr ::1 0} chan]} { return 0 }
    close $chan
    return 1
}

proc refused {host port} {
    if {[catch {resp::open $host $port} client]} { return 1 }
    $client close
    return 0
}

start_server {tags {network} overrides {bind {127.0.0.1 127.0.0.2}}} {
    test {Several addresses in bind} {
        assert_equal PONG [[client_to 127.0.0.1 [srv port]] ping]
        assert_equal PONG [[client_to 127.0.0.2 [srv port]] ping]
        assert [refused 127.0.0.3 [srv port]]
        assert_equal {127.0.0.1 127.0.0.2} [config_get bind]
        assert_match "*laddr=127.0.0.2:[srv port]*" [[client_to 127.0.0.2 [srv port]] client info]
    }

    test {CONFIG SET bind moves the listeners, clients stay} {
        set client [client_to 127.0.0.2 [srv port]]
        # A connection that was not accepted yet goes with its listener.
        assert_equal PONG [$client ping]
        r config set bind {127.0.0.1 127.0.0.3}
        assert_equal PONG [$client ping]
        assert_equal PONG [[client_to 127.0.0.3 [srv port]] ping]
        assert [refused 127.0.0.2 [srv port]]
        r config set bind 127.0.0.1
        assert [refused 127.0.0.3 [srv port]]
    }

    test {CONFIG SET bind with an impossible address changes nothing} {
        assert_error {ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.} \
            {r config set bind {127.0.0.1 192.0.2.250}}
        assert_equal 127.0.0.1 [config_get bind]
        assert_equal PONG [[redis_client] ping]
        assert_error {ERR CONFIG SET failed (possibly related to argument 'bind')*} {r config set bind nosuch.invalid}
        assert_equal PONG [[redis_client] ping]
    }

    test {CONFIG SET port moves the listener} {
        set old [srv port]
        set new [free_port]
        r config set port $new
        assert_equal PONG [[client_to 127.0.0.1 $new] ping]
        assert [refused 127.0.0.1 $old]
        assert_equal $new [s tcp_port]
        r config set port $old
        assert_equal PONG [[redis_client] ping]
        assert [refused 127.0.0.1 $new]
    }

    test {CONFIG SET port to a taken one changes nothing} {
        set blocker [socket -server {apply {args {}}} -myaddr 127.0.0.1 0]
        set taken [lindex [fconfigure $blocker -sockname] 2]
        assert_error {ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.} \
            {r config set port $taken}
        close $blocker
        assert_equal [srv port] [config_get port]
        assert_equal PONG [[redis_client] ping]
        assert_error {*argument must be between 0 and 65535 inclusive*} {r config set port 65536}
    }

    test {CONFIG SET port 0 stops listening, clients stay} {
        r config set port 0
        assert [refused 127.0.0.1 [srv port]]
        assert_equal PONG [r ping]
        r config set port [srv port]
        assert_equal PONG [[redis_client] ping]
    }
}

start_server {tags {network} overrides {bind {127.0.0.1 -192.0.2.250}}} {
    test {An address with a minus may be missing} {
        assert_equal PONG [[client_to 127.0.0.1 [srv port]] ping]
        assert_equal {127.0.0.1 -192.0.2.250} [config_get bind]
        assert_equal OK [r config set bind {-192.0.2.251 127.0.0.1}]
        assert_equal PONG [[client_to 127.0.0.1 [srv port]] ping]
    }
}

test {An address without a minus that is missing stops the start} {
    set run [run_server [list --port [free_port] --bind 192.0.2.250]]
    assert_equal 1 [dict get $run status]
    assert_match {*Could not create server TCP listening socket 192.0.2.250:*Cannot assign requested address*} \
        [dict get $run output]
    assert_match {*Failed listening on port * (tcp), aborting.*} [dict get $run output]
} {network}

test {A taken port stops the start} {
    set blocker [socket -server {apply {args {}}} -myaddr 127.0.0.1 0]
    set taken [lindex [fconfigure $blocker -sockname] 2]
    set run [run_server [list --port $taken --bind 127.0.0.1]]
    close $blocker
    assert_equal 1 [dict get $run status]
    assert_match "*Could not create server TCP listening socket 127.0.0.1:$taken: bind: Address already in use*" \
        [dict get $run output]
} {network}

start_server {tags {network} overrides {bind {127.0.0.1 -::1}}} {
    test {IPv6 loopback} {
        if {![has_ipv6]} { skip "no IPv6 here" }
        set client [client_to ::1 [srv port]]
        assert_equal PONG [$client ping]
        assert_match "*addr=\\\[::1\\\]:* laddr=\\\[::1\\\]:[srv port] *" [$client client info]
    }

    test {An IPv6 listener does not take IPv4} {
        if {![has_ipv6]} { skip "no IPv6 here" }
        r config set bind ::1
        assert [refused 127.0.0.1 [srv port]]
        assert_equal PONG [[client_to ::1 [srv port]] ping]
        r config set bind 127.0.0.1
        assert_equal PONG [[redis_client] ping]
    }
}

start_server {tags {network} overrides {unixsocket s.sock unixsocketperm 700}} {
    test {A unix socket with its permissions} {
        set path [srv unixsocket]
        assert_equal socket [file type $path]
        assert_match *700 [file attributes $path -permissions]
        set client [unix_client $path]
        assert_equal PONG [$client ping]
        assert_match "*addr=$path:0 laddr=$path:0 *" [$client client info]
        assert_match {* flags=U *} [$client client info]
        assert_equal $path [config_get unixsocket]
        assert_equal 700 [config_get unixsocketperm]
    }

    test {A big reply over a unix socket} {
        set client [unix_client [srv unixsocket]]
        assert_equal 3000000 [string length [$client echo [string repeat x 3000000]]]
    }

    test {CLIENT KILL by the address of a unix socket} {
        set client [unix_client [srv unixsocket]]
        $client ping
        assert_equal 1 [r client kill addr [srv unixsocket]:0]
        assert_closed $client
    }

    test {The socket file goes with the server, and an old one is no obstacle} {
        set path [srv unixsocket]
        restart_server
        assert_equal PONG [[unix_client $path] ping]
        restart_server 0 KILL
        assert_equal PONG [[unix_client $path] ping]
        assert_equal 0 [kill_server TERM]
        assert_equal 0 [file exists $path]
    }
}

start_server {tags {network} overrides {port 0 unixsocket s.sock}} {
    test {port 0 with a unix socket} {
        assert_equal PONG [r ping]
        assert_equal 0 [s tcp_port]
        assert_match {*Ready to accept connections unix*} [server_log]
    }
}

start_server {tags {network} overrides {bind * protected-mode yes}} {
    test {Protected mode refuses strangers as long as there is no password} {
        set address [outside_address]
        if {$address eq {}} { skip "no address but loopback here" }
        set client [client_to $address [srv port] 1]
        set text [$client readall 3000]
        assert_match "-DENIED Redis is running in protected mode because protected mode is enabled and no password is\
            set for the default user. In this mode connections are only accepted from the loopback interface.*\r\n" $text
        assert_equal 1 [regexp -all "\n" $text]
        assert_closed $client
        assert_equal PONG [r ping]
    }

    test {With a password, or switched off, strangers are served} {
        set address [outside_address]
        if {$address eq {}} { skip "no address but loopback here" }
        r config set requirepass secret
        set client [client_to $address [srv port]]
        assert_error {NOAUTH*} {$client ping}
        assert_equal OK [$client auth secret]
        $client config set requirepass ""
        r config set protected-mode no
        set client [client_to $address [srv port]]
        assert_equal PONG [$client ping]
        r config set protected-mode yes
        set client [client_to $address [srv port] 1]
        assert_match -DENIED* [$client readall 3000]
    }
}

test {A TLS port is refused as long as there is no TLS} {
    set run [run_server [list --port [free_port] --tls-port [free_port]]]
    assert_match {*TLS is not supported yet*} [dict get $run output]
    assert_equal 1 [dict get $run status]
} {hematite-only}

start_server [list tags {network hematite-only} overrides [list unixsocket s.sock unixsocketgroup [exec id -gn]]] {
    test {The group of the unix socket is set} {
        assert_equal [exec id -gn] [file attributes [file join [srv dir] s.sock] -group]
    }
}

test {A group that is not there stops the start} {
    set run [run_server [list --port 0 --unixsocket s.sock --unixsocketgroup no-such-group]]
    assert_equal 1 [dict get $run status]
    assert_match {*Failed opening Unix socket: *no group 'no-such-group'*} [dict get $run output]
} {network hematite-only}
