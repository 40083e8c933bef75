# The request side of the protocol: malformed requests, requests cut anywhere, limits.

proc protocol_error {text} { return "-ERR Protocol error: $text\r\n<closed>" }

start_server {tags {protocol}} {
    # request, error text
    foreach {name request error} {
        "a count that is no number" "*abc\r\n" "invalid multibulk length"
        "an empty count" "*\r\n" "invalid multibulk length"
        "a count with a space" "* 1\r\n" "invalid multibulk length"
        "a count followed by a space" "*1 \r\n" "invalid multibulk length"
        "a count with a plus sign" "*+1\r\n" "invalid multibulk length"
        "a count with a leading zero" "*01\r\n" "invalid multibulk length"
        "a count beyond 32 bits" "*2147483648\r\n" "invalid multibulk length"
        "a count beyond 64 bits" "*9223372036854775808\r\n" "invalid multibulk length"
        "an integer as argument" "*1\r\n:1\r\n" "expected '$', got ':'"
        "an array as argument" "*2\r\n$4\r\nECHO\r\n*1\r\n" "expected '$', got '*'"
        "an argument without marker" "*1\r\nPING\r\n" "expected '$', got 'P'"
        "a high byte as marker" "*1\r\n\xff\r\n" "expected '$', got '\xff'"
        "a negative length" "*1\r\n$-1\r\n" "invalid bulk length"
        "a very negative length" "*1\r\n$-9223372036854775808\r\n" "invalid bulk length"
        "a length that is no number" "*1\r\n$abc\r\n" "invalid bulk length"
        "an empty length" "*1\r\n$\r\n" "invalid bulk length"
        "a length with a space" "*1\r\n$ 4\r\n" "invalid bulk length"
        "a length with a leading zero" "*1\r\n$04\r\nPING\r\n" "invalid bulk length"
        "a length above proto-max-bulk-len" "*1\r\n$536870913\r\n" "invalid bulk length"
        "a length beyond 64 bits" "*1\r\n$18446744073709551616\r\n" "invalid bulk length"
        "quotes left open" "ECHO \"abc\r\n" "unbalanced quotes in request"
        "single quotes left open" "ECHO 'abc\r\n" "unbalanced quotes in request"
        "a quote inside a word" "ECHO foo\"bar\r\n" "unbalanced quotes in request"
    } {
        test "Malformed request: $name" {
            assert_equal [protocol_error $error] [exchange $request 5000]
        }
        test "Malformed request: $name, after a good one and before another" {
            assert_equal "+PONG\r\n[protocol_error $error]" \
                [exchange "*1\r\n\$4\r\nPING\r\n${request}PING\r\n" 5000]
        }
    }

    test {A line break as marker is shown as a space} {
        assert_equal [protocol_error "expected '$', got ' '"] [exchange "*1\r\n\r\n" 5000]
    }

    test {Counts of zero and below are no requests and are passed over} {
        assert_equal "+PONG\r\n" [exchange "*0\r\n*-1\r\n*-10\r\nPING\r\n" 100]
    }

    test {Empty lines are passed over} {
        assert_equal "+PONG\r\n+PONG\r\n" [exchange "\r\n\r\nPING\r\n \t \r\n\n*1\r\n\$4\r\nPING\r\n" 100]
    }

    test {A request with an empty command name} {
        assert_equal "-ERR unknown command '', with args beginning with: \r\n+PONG\r\n" \
            [exchange "*1\r\n\$0\r\n\r\nPING\r\n" 100]
    }

    test {Arguments are bytes} {
        set bytes {}
        for {set i 0} {$i < 256} {incr i} { append bytes [format %c $i] }
        assert_equal $bytes [r echo $bytes]
        assert_equal "a\r\nb" [r echo "a\r\nb"]
        assert_equal {} [r echo {}]
    }

    # ---- inline ----------------------------------------------------------------------------------------------------

    foreach {line reply} {
        "PING" "+PONG\r\n"
        "ping" "+PONG\r\n"
        "  PING  " "+PONG\r\n"
        "ECHO a" "$1\r\na\r\n"
        "ECHO\t \ta" "$1\r\na\r\n"
        "ECHO \"a b\"" "$3\r\na b\r\n"
        "ECHO 'a b'" "$3\r\na b\r\n"
        "ECHO \"\"" "$0\r\n\r\n"
        "ECHO ''" "$0\r\n\r\n"
        "ECHO \"\\x00\\xfF\"" "$2\r\n\x00\xff\r\n"
        "ECHO \"\\n\\r\\t\\b\\a\\\\\\\"\"" "$7\r\n\n\r\t\b\a\\\"\r\n"
        "ECHO \"\\q\\xg1\"" "$4\r\nqxg1\r\n"
        "ECHO 'it\\'s \\n'" "$7\r\nit's \\n\r\n"
        "ECHO \\n" "$2\r\n\\n\r\n"
        "\"ECHO\" 'x'" "$1\r\nx\r\n"
        "ECHO \xc3\xa9\xff" "$3\r\n\xc3\xa9\xff\r\n"
    } {
        foreach end [list "\r\n" "\n"] {
            test "Inline request [shown $line$end]" {
                assert_answer [raw_client] "$line${end}PING$end" "$reply+PONG\r\n"
            }
        }
    }

    test {An HTTP request closes the connection without a reply} {
        set from [log_size]
        assert_equal <closed> [exchange "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" 5000]
        wait_for_log {*Possible SECURITY ATTACK detected*POST or Host:*} $from
        assert_equal <closed> [exchange "POST / HTTP/1.1\r\n\r\n" 5000]
    }

    # ---- cut anywhere ----------------------------------------------------------------------------------------------

    set conversation {}
    append conversation "*1\r\n\$4\r\nPING\r\n" "*2\r\n\$4\r\nECHO\r\n\$6\r\na\r\nb\r\n\r\n" "ECHO 'in line'\r\n" \
        "\r\n" "*0\r\n" "*2\r\n\$4\r\nECHO\r\n\$0\r\n\r\n" "*1\r\n\$3\r\nfoo\r\n" "*1\r\n!\r\n"
    set answers "+PONG\r\n\$6\r\na\r\nb\r\n\r\n\$7\r\nin line\r\n\$0\r\n\r\n"
    append answers "-ERR unknown command 'foo', with args beginning with: \r\n" \
        "-ERR Protocol error: expected '\$', got '!'\r\n"

    test {A conversation cut at every byte} {
        set clients {}
        for {set i 1} {$i < [string length $conversation]} {incr i} {
            set client [raw_client]
            $client write [string range $conversation 0 [expr {$i - 1}]]
            $client flush
            lappend clients $i $client
        }
        settle
        foreach {i client} $clients {
            # What was refused by then is no error of ours.
            catch { $client write [string range $conversation $i end]; $client flush }
        }
        foreach {i client} $clients {
            assert_equal $answers [$client readall 5000] "cut at byte $i"
            $client close
        }
    }

    test {A conversation sent byte by byte} {
        set client [raw_client]
        fconfigure [$client channel] -buffering none
        foreach byte [split [string range $conversation 0 69] {}] {
            $client write $byte
            $client flush
            settle
        }
        $client write [string range $conversation 70 end]
        $client flush
        assert_equal $answers [$client readall 5000]
    }

    test {A big argument cut in many places} {
        set value [string repeat 0123456789abcdef 12500]
        set clients {}
        foreach piece {1 100 16383 16384 16385 32767 32768 99999 150000 199999} {
            set client [raw_client]
            $client write "*2\r\n\$4\r\nECHO\r\n\$200000\r\n[string range $value 0 $piece-1]"
            $client flush
            lappend clients $piece $client
        }
        settle
        foreach {piece client} $clients {
            $client write "[string range $value $piece end]\r\n*1\r\n\$4\r\nPING\r\n"
            $client flush
        }
        foreach {piece client} $clients {
            assert_equal $value [$client read]
            assert_equal PONG [$client read]
        }
    }

    test {A pipeline of 10000 requests is answered in order} {
        set client [redis_deferring_client]
        for {set i 0} {$i < 10000} {incr i} { append requests "*2\r\n\$4\r\nECHO\r\n\$[string length $i]\r\n$i\r\n" }
        $client write $requests
        $client flush
        for {set i 0} {$i < 10000} {incr i} { assert_equal $i [$client read] }
    }

    test {A half-closed connection still gets its replies} {
        set client [raw_client]
        $client write "*1\r\n\$4\r\nPING\r\nECHO x\r\n"
        $client half_close
        assert_equal "+PONG\r\n\$1\r\nx\r\n" [$client readall 5000]
        assert_closed $client
    }

    test {A connection that ends inside a request leaves nothing behind} {
        foreach part {"*" "*1" "*1\r\n" "*2\r\n\$4\r\nEC" "PIN" "*1000000\r\n" "*1\r\n\$500000000\r\n"} {
            set client [raw_client]
            $client write $part
            $client flush
            $client close
        }
        wait_for_condition 100 20 {[s connected_clients] == 1} else {
            fail "connections are left:\n[r client list]"
        }
    }

    # ---- limits ----------------------------------------------------------------------------------------------------

    test {An inline request of 64 KiB without an end is refused} {
        assert_match "[protocol_error {too big inline request}]" [exchange [string repeat a 66000] 5000]
    }

    test {An inline request just below 64 KiB is served} {
        set word [string repeat a 60000]
        assert_equal "\$60000\r\n$word\r\n" [exchange "ECHO $word\r\n" 300]
    }

    test {A count of 64 KiB without an end is refused} {
        assert_match [protocol_error {too big mbulk count string}] [exchange *[string repeat 1 66000] 5000]
    }

    test {A length of 64 KiB without an end is refused} {
        assert_match [protocol_error {too big bulk count string}] \
            [exchange "*1\r\n\$[string repeat 1 66000]" 5000]
    }

    test {proto-max-bulk-len can be set and is obeyed} {
        with_config {proto-max-bulk-len 2000000} {
            assert_equal [protocol_error {invalid bulk length}] [exchange "*1\r\n\$2000001\r\n" 5000]
            assert_equal {} [exchange "*1\r\n\$2000000\r\n" 60]
            assert_equal 2000000 [string length [r echo [string repeat x 2000000]]]
        }
        assert_error {*argument must be between 1048576 and *} {r config set proto-max-bulk-len 1000}
    }

    test {A request of one million arguments is served} {
        set client [redis_deferring_client]
        $client timeout 30000
        set bulk "\$1\r\nk\r\n"
        $client write "*1048576\r\n\$6\r\nNOSUCH\r\n"
        $client write [string repeat $bulk 1048575]
        $client flush
        assert_error {ERR unknown command 'NOSUCH', with args beginning with: 'k' 'k' *} {$client read}
        $client close
    } {slow}

    test {The memory of an announced argument is not taken before it comes} {
        set before [s used_memory]
        set clients {}
        for {set i 0} {$i < 20} {incr i} {
            set client [raw_client]
            $client write "*1000000\r\n\$3\r\nfoo\r\n\$400000000\r\nx"
            $client flush
            lappend clients $client
        }
        settle
        # Redis takes the table of arguments in steps, and 16 KiB to 32 KiB of buffer.
        assert_less [expr {[s used_memory] - $before}] 25000000
        foreach client $clients { $client close }
    } {hematite-only}

    test {client-query-buffer-limit closes the connection} {
        with_config {client-query-buffer-limit 1048576} {
            set from [log_size]
            set client [raw_client]
            # One request that never completes: its arguments are kept until the limit is passed.
            catch {
                $client write "*2\r\n\$4\r\nECHO\r\n\$5000000\r\n"
                $client write [string repeat x 3000000]
                $client flush
            }
            assert_closed $client
            wait_for_log {*max query buffer length*} $from
        }
        assert_equal PONG [r ping]
    }
}

start_server {tags {protocol auth} overrides {requirepass secret}} {
    test {Unauthenticated: ten arguments at most} {
        set client [raw_client]
        $client write "*10\r\n\$4\r\nPING\r\n[string repeat "\$1\r\na\r\n" 9]"
        $client flush
        assert_error {NOAUTH Authentication required.} {$client read}
        assert_equal [protocol_error {unauthenticated multibulk length}] [exchange "*11\r\n" 5000]
        assert_equal [protocol_error {unauthenticated multibulk length}] [exchange "*1000000\r\n" 5000]
        assert_equal [protocol_error {invalid multibulk length}] [exchange "*2147483648\r\n" 5000]
        $client close
    }

    test {Unauthenticated: arguments of 16384 bytes at most} {
        set client [raw_client]
        $client write "*2\r\n\$4\r\nECHO\r\n\$16384\r\n[string repeat a 16384]\r\n"
        $client flush
        assert_error {NOAUTH Authentication required.} {$client read}
        assert_equal [protocol_error {unauthenticated bulk length}] [exchange "*1\r\n\$16385\r\n" 5000]
        $client close
    }

    test {The limits end with authentication} {
        set client [redis_client]
        $client auth secret
        assert_equal [string repeat a 20000] [$client echo [string repeat a 20000]]
        assert_error {ERR wrong number of arguments*} {$client echo 1 2 3 4 5 6 7 8 9 10 11 12}
        $client close
    }

    test {The limits hold for a password change as well, only for newcomers} {
        set client [redis_client]
        $client auth secret
        $client config set requirepass other
        assert_error {ERR wrong number of arguments*} {$client echo 1 2 3 4 5 6 7 8 9 10 11 12}
        $client config set requirepass secret
        $client close
    }
}

# As in Valkey 9.1: what a proxy takes for the end of a line must be one here.
start_server {tags {protocol hematite-only}} {
    foreach request {
        "*1\r\n$4\r\nPINGxx" "*1\r\n$4\r\nPING\rx" "*1\r\n$4\r\nPINGx\n" "*1\r\n$4\r\nPING\n\n"
        "*2\r\n$4\r\nECHOxx$2\r\nab\r\n" "*1\rx$4\r\nPING\r\n" "*0\rx" "*1234\rx" "*abc\rx" "*1\r\n$4\rxPING\r\n"
        "*1\r\n$-1\rx" "*1\r\n$40000\rx"
    } {
        test "No line end: [string map {\r \\r \n \\n} $request]" {
            assert_equal "+PONG\r\n[protocol_error {invalid CRLF in request}]" \
                [exchange "PING\r\n${request}PING\r\n" 5000]
        }
    }

    test {No line end behind a large argument} {
        assert_equal [protocol_error {invalid CRLF in request}] \
            [exchange "*2\r\n\$4\r\nECHO\r\n\$40000\r\n[string repeat v 40000]xx*1\r\n\$4\r\nPING\r\n" 5000]
    }
}
