# MONITOR.

start_server {tags {monitor}} {
    test {MONITOR shows commands with time, database, address and arguments} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        r echo "a \"b\"\r\n\x00\xff\\"
        assert_regexp {^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "echo" "a \\"b\\"\\r\\n\\x00\\xff\\\\"$} [$monitor read]
        r select 3
        r ping
        assert_match {*"select" "3"} [$monitor read]
        assert_match {* \[3 127.0.0.1:*\] "ping"} [$monitor read]
        r select 0
        assert_match {*"select" "0"} [$monitor read]
    }

    test {MONITOR to several, while others come and go} {
        set one [redis_deferring_client]
        set two [redis_deferring_client]
        foreach client [list $one $two] {
            $client monitor
            assert_equal OK [$client read]
        }
        # The MONITOR of the second is shown to nobody.
        r echo first
        assert_match {*"echo" "first"} [$one read]
        assert_match {*"echo" "first"} [$two read]
        $one close
        r echo second
        assert_match {*"echo" "second"} [$two read]
    }

    test {A monitor is marked in CLIENT LIST} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        assert_match {*flags=O *cmd=monitor*} [r client list]
    }

    test {MONITOR does not show administration and secrets} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        r config get timeout
        r slowlog len
        catch {r auth default sesame}
        catch {r hello 2 auth default sesame}
        r ping
        set seen {}
        while {![string match {*"ping"} [set line [$monitor read]]]} { append seen $line \n }
        assert_no_match *config* $seen
        assert_no_match *sesame* $seen
    }

    test {MONITOR does not show what was refused before it ran} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        catch {r nosuch}
        catch {r echo}
        r ping
        assert_match {*"ping"} [$monitor read]
    }

    test {MONITOR in RESP3} {
        set monitor [redis_deferring_client]
        $monitor hello 3
        $monitor read
        $monitor monitor
        assert_equal OK [$monitor read]
        r ping
        assert_equal + [lindex [$monitor tree] 0]
    }

    test {A monitor may still ask} {
        set monitor [redis_deferring_client]
        $monitor monitor
        assert_equal OK [$monitor read]
        $monitor ping
        set seen [list [$monitor read] [$monitor read]]
        assert_contains $seen PONG
        $monitor quit
        assert_closed $monitor
    }

    test {The cost of monitoring ends with the monitor} {
        set monitor [redis_deferring_client]
        $monitor monitor
        $monitor read
        $monitor reset
        while {[$monitor read] ne "RESET"} {}
        r ping
        $monitor ping
        assert_equal PONG [$monitor read]
    }
}
