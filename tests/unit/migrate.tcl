# MIGRATE between two servers.

start_server {tags {migrate}} {
    start_server {} {
        set host 127.0.0.1
        set port [srv port]

        test {A key moves with its value and its time to live} {
            r -1 set k "some value" PX 1000000
            assert_equal OK [r -1 migrate $host $port k 9 5000]
            assert_equal 0 [r -1 exists k]
            r select 9
            assert_equal "some value" [r get k]
            assert_range [r pttl k] 900000 1000000
            r select 0
        }

        test {Nothing to move is no failure, and nobody there is one} {
            assert_equal NOKEY [r -1 migrate $host $port none 9 5000]
            r -1 set k x
            assert_error {IOERR*} {r -1 migrate $host 1 k 9 300}
            assert_equal 1 [r -1 exists k]
        }

        test {COPY leaves the key, REPLACE takes the place of another} {
            r flushall
            r -1 set k first
            assert_equal OK [r -1 migrate $host $port k 0 5000 COPY]
            assert_equal 1 [r -1 exists k]
            r -1 set k second
            assert_error {ERR Target instance replied with error: BUSYKEY*} {r -1 migrate $host $port k 0 5000 COPY}
            assert_equal first [r get k]
            assert_equal OK [r -1 migrate $host $port k 0 5000 REPLACE]
            assert_equal second [r get k]
            assert_equal 0 [r -1 exists k]
        }

        test {Several keys: those that are there and not refused} {
            r flushall
            for {set i 1} {$i <= 20} {incr i} { r -1 rpush l$i $i [random_bytes 5000] }
            r set l7 busy
            set keys {}
            for {set i 0} {$i <= 20} {incr i} { lappend keys l$i }
            assert_error {*BUSYKEY*} {r -1 migrate $host $port {} 0 5000 KEYS {*}$keys}
            assert_equal l7 [r -1 keys *]
            assert_equal 20 [r dbsize]
            assert_equal OK [r -1 migrate $host $port {} 0 5000 REPLACE KEYS {*}$keys]
            assert_equal 7 [r lindex l7 0]
            assert_error {*must be set to the empty string*} {r -1 migrate $host $port k 0 5000 KEYS a b}
            assert_error {*syntax*} {r -1 migrate $host $port k 0 5000 COPIED}
        }

        test {A connection is kept for the next call, which need not select again} {
            r flushall
            r -1 set a 1
            r -1 set b 2
            assert_equal OK [r -1 migrate $host $port a 9 5000]
            assert_equal 1 [s -1 migrate_cached_sockets]
            set received [s total_connections_received]
            r config resetstat
            assert_equal OK [r -1 migrate $host $port b 9 5000]
            assert_equal 1 [s -1 migrate_cached_sockets]
            assert_equal 0 [s total_connections_received]
            assert_no_match *cmdstat_select* [r info commandstats]
            r select 9
            assert_equal {1 2} [r mget a b]
            r select 0
            r -1 set c 3
            assert_equal OK [r -1 migrate $host $port c 0 5000]
            assert_equal 3 [r get c]
        }

        test {Where a kept connection has died a new one is made} {
            r -1 set a 1
            assert_equal OK [r -1 migrate $host $port a 9 5000 REPLACE]
            r client kill type normal skipme yes
            r -1 set b 2
            assert_equal OK [r -1 migrate $host $port b 9 5000 REPLACE]
            assert_equal 1 [s -1 migrate_cached_sockets]
        }

        test {Behind a refusal the connection is kept, and selects again} {
            r select 9
            r set a busy
            r -1 set a 1
            assert_error {*BUSYKEY*} {r -1 migrate $host $port a 9 5000}
            assert_equal 1 [s -1 migrate_cached_sockets]
            assert_equal OK [r -1 migrate $host $port a 9 5000 REPLACE]
            assert_equal 1 [r get a]
            r select 0
        }

        test {AUTH and AUTH2} {
            r config set requirepass secret
            r client kill type normal skipme yes ;# the connection that is kept has come in already
            r -1 set k x
            assert_error {*NOAUTH*} {r -1 migrate $host $port k 0 5000}
            assert_error {*WRONGPASS*} {r -1 migrate $host $port k 0 5000 AUTH wrong}
            assert_equal 1 [r -1 exists k]
            assert_equal OK [r -1 migrate $host $port k 0 5000 AUTH secret]
            r -1 set k2 x
            assert_equal OK [r -1 migrate $host $port k2 0 5000 AUTH2 default secret]
            r config set requirepass {}
            assert_equal 1 [r exists k2]
            r client kill type normal skipme yes ;# the other server would keep its connection for some seconds
        }
    }
}
