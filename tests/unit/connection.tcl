# What a connection can say about itself and others: PING, ECHO, SELECT, HELLO, AUTH, RESET, QUIT and CLIENT.

# One field of a line of CLIENT LIST.
proc client_field {line field} {
    foreach pair [split [string trim $line] { }] {
        if {[string match $field=* $pair]} { return [string range $pair [string length $field]+1 end] }
    }
    fail "no field $field in: $line"
}

# The line of CLIENT LIST that has this id.
proc client_line {id} {
    foreach line [split [string trim [r client list]] \n] {
        if {[client_field $line id] == $id} { return $line }
    }
    return {}
}

start_server {tags {connection}} {
    test {PING and ECHO} {
        assert_equal PONG [r ping]
        assert_equal "hello\r\n\x00" [r ping "hello\r\n\x00"]
        assert_equal hello [r echo hello]
        assert_error {ERR wrong number of arguments for 'ping' command} {r ping a b}
        assert_error {ERR wrong number of arguments for 'echo' command} {r echo}
        assert_error {ERR wrong number of arguments for 'echo' command} {r echo a b}
    }

    test {SELECT changes the database of this connection only} {
        needs_commands set get
        set other [redis_client]
        r select 9
        r set connection:db nine
        assert_equal nine [r get connection:db]
        assert_equal {} [$other get connection:db]
        $other select 9
        assert_equal nine [$other get connection:db]
        r del connection:db
        r select 0
    }

    test {SELECT refuses what is no database} {
        assert_error {ERR DB index is out of range} {r select 16}
        assert_error {ERR DB index is out of range} {r select -1}
        assert_error {ERR value is not an integer or out of range} {r select one}
        assert_error {ERR value is not an integer or out of range} {r select 99999999999999999999}
        assert_error {ERR wrong number of arguments for 'select' command} {r select}
    }

    # ---- HELLO -----------------------------------------------------------------------------------------------------

    test {HELLO without arguments describes server and connection} {
        set reply [r hello]
        assert_equal 2 [dict get $reply proto]
        assert_equal [r client id] [dict get $reply id]
        assert_equal standalone [dict get $reply mode]
        assert_equal master [dict get $reply role]
        assert_equal {server version proto id mode role modules} [dict keys $reply]
    }

    test {HELLO 3 answers with a map and changes the protocol} {
        set client [redis_deferring_client]
        $client hello 3
        set tree [$client tree]
        assert_equal % [lindex $tree 0]
        assert_equal {: 3} [lindex $tree 1 5]
        $client client trackinginfo
        assert_equal % [lindex [$client tree] 0]
        $client hello 2
        assert_equal * [lindex [$client tree] 0]
        $client client trackinginfo
        assert_equal * [lindex [$client tree] 0]
    }

    test {HELLO refuses other protocols and options} {
        foreach version {1 4 0 -1 100} {
            assert_error {NOPROTO unsupported protocol version} {r hello $version}
        }
        assert_error {ERR Protocol version is not an integer or out of range} {r hello three}
        assert_error {ERR Syntax error in HELLO option 'foo'} {r hello 2 foo}
        assert_error {ERR Syntax error in HELLO option 'auth'} {r hello 2 auth}
        assert_error {ERR Syntax error in HELLO option 'AUTH'} {r hello 2 AUTH a}
        assert_error {ERR Syntax error in HELLO option 'setname'} {r hello 2 setname}
        assert_error {WRONGPASS invalid username-password pair or user is disabled.} {r hello 2 auth a b}
        assert_error {ERR Client names cannot contain spaces, newlines or special characters.} \
            {r hello 2 setname "a b"}
        assert_equal {} [r client getname]
    }

    test {HELLO with SETNAME names the connection} {
        r hello 2 setname mine
        assert_equal mine [r client getname]
        r hello 2 SETNAME ""
        assert_equal {} [r client getname]
    }

    test {HELLO that fails leaves the protocol as it was} {
        set client [redis_deferring_client]
        $client hello 3 setname "a b"
        assert_error {ERR Client names*} {$client read}
        $client client trackinginfo
        assert_equal * [lindex [$client tree] 0]
    }

    test {The types of RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        foreach {kind tree} {
            string {$ {Hello World}}
            integer {: 12345}
            double {, 3.141}
            null {_ {}}
            true {# t}
            false {# f}
            bignum {( 1234567999999999999999999999999999999}
            array {* {{: 0} {: 1} {: 2}}}
            set {~ {{: 0} {: 1} {: 2}}}
            map {% {{: 0} {{#} f} {: 1} {{#} t} {: 2} {{#} f}}}
            verbatim {= {txt:This is a verbatim
string}}
        } {
            $client debug protocol $kind
            assert_equal [list {*}$tree] [$client tree] $kind
        }
        $client debug protocol attrib
        assert_equal {Some real reply following the attribute} [$client read]
        assert_equal {key-popularity {key:123 90}} [$client attribute]
        $client debug protocol push
        # The push and the reply of the command; Redis sends the push after it.
        set frames [list [$client tree] [$client tree]]
        assert_equal [list {$} >] [lsort [lmap frame $frames { lindex $frame 0 }]]
        foreach frame $frames {
            if {[lindex $frame 0] eq ">"} { assert_equal {server-cpu-usage 42} [resp::plain $frame] }
        }
    }

    test {The types of RESP3 as RESP2 says them} {
        set client [redis_deferring_client]
        foreach {kind tree} {
            double {$ 3.141}
            null {nil $-1}
            true {: 1}
            false {: 0}
            bignum {$ 1234567999999999999999999999999999999}
            set {* {{: 0} {: 1} {: 2}}}
            map {* {{: 0} {: 0} {: 1} {: 1} {: 2} {: 0}}}
            verbatim {$ {This is a verbatim
string}}
        } {
            $client debug protocol $kind
            assert_equal [list {*}$tree] [$client tree] $kind
        }
        $client debug protocol nosuch
        assert_error {ERR Wrong protocol type name. Please use one of the following: *} {$client read}
    }

    # ---- AUTH of the default user ----------------------------------------------------------------------------------

    test {AUTH without a password being configured} {
        assert_error {ERR AUTH <password> called without any password configured for the default user.*} \
            {r auth anything}
        assert_equal OK [r auth default anything]
        assert_error {WRONGPASS invalid username-password pair or user is disabled.} {r auth nosuch anything}
        assert_error {ERR syntax error} {r auth a b c}
        assert_error {ERR wrong number of arguments for 'auth' command} {r auth}
    }

    # ---- RESET and QUIT --------------------------------------------------------------------------------------------

    test {RESET makes the connection like new} {
        set client [redis_client]
        $client hello 3 setname me
        $client select 3
        $client client no-evict on
        $client client no-touch on
        assert_equal RESET [$client reset]
        assert_equal {} [$client client getname]
        $client deferred 1
        $client client trackinginfo
        assert_equal * [lindex [$client tree] 0]
        $client deferred 0
        set line [$client client info]
        assert_equal 0 [client_field $line db]
        assert_equal 2 [client_field $line resp]
    }

    test {RESET leaves MULTI and MONITOR} {
        set client [redis_client]
        if {[lindex [r command info multi] 0] ne {}} {
            $client multi
            $client reset
            assert_error {ERR EXEC without MULTI} {$client exec}
        }
        $client monitor
        assert_equal RESET [$client reset]
        r ping
        assert_equal PONG [$client ping]
        assert_error {ERR wrong number of arguments for 'reset' command} {$client reset now}
    }

    test {QUIT answers OK, closes, and what follows is not served} {
        assert_equal "+OK\r\n<closed>" [exchange "*1\r\n\$4\r\nQUIT\r\n*1\r\n\$4\r\nPING\r\n" 5000]
        assert_equal "+PONG\r\n+OK\r\n<closed>" [exchange "PING\r\nquit now please\r\nPING\r\n" 5000]
    }

    # ---- names and attributes --------------------------------------------------------------------------------------

    test {CLIENT SETNAME and GETNAME} {
        assert_equal {} [r client getname]
        assert_equal OK [r client setname "some#name"]
        assert_equal some#name [r client getname]
        assert_match {*name=some#name *} [r client info]
        foreach bad [list "a b" "a\nb" "\x01" "\xff" "a\x7f"] {
            assert_error {ERR Client names cannot contain spaces, newlines or special characters.} \
                {r client setname $bad}
        }
        assert_equal some#name [r client getname]
        r client setname ""
        assert_equal {} [r client getname]
    }

    test {CLIENT SETINFO} {
        r client setinfo lib-name redis-py
        r client setinfo LIB-VER 1.2.3
        assert_match {*lib-name=redis-py lib-ver=1.2.3*} [r client info]
        assert_error {ERR lib-name cannot contain spaces, newlines or special characters.} \
            {r client setinfo lib-name "a b"}
        assert_error {ERR lib-ver cannot contain spaces, newlines or special characters.} \
            {r client setinfo lib-ver "1\n"}
        assert_error {ERR Unrecognized option 'foo'} {r client setinfo foo bar}
        assert_error {ERR wrong number of arguments for 'client|setinfo' command} {r client setinfo lib-name}
        r reset
        assert_match {*lib-name=redis-py lib-ver=1.2.3*} [r client info]
        r client setinfo lib-name ""
        r client setinfo lib-ver ""
        assert_match {*lib-name= lib-ver=*} [r client info]
    }

    # ---- CLIENT LIST and INFO --------------------------------------------------------------------------------------

    test {CLIENT ID counts upwards and is not used twice} {
        set first [redis_client]
        set a [$first client id]
        $first close
        set b [[redis_client] client id]
        assert_more $b $a
    }

    test {CLIENT INFO has the fields of Redis 8 in their order} {
        set names [lmap pair [split [string trim [r client info]] { }] { lindex [split $pair =] 0 }]
        assert_equal [list {*}{id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem
            multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread
            tot-net-in tot-net-out tot-cmds}] $names
    } {redis8}

    test {CLIENT INFO tells the truth} {
        set client [redis_client]
        set line [$client client info]
        assert_equal [$client client id] [client_field $line id]
        set local [fconfigure [$client channel] -sockname]
        assert_equal 127.0.0.1:[lindex $local 2] [client_field $line addr]
        assert_equal 127.0.0.1:[srv port] [client_field $line laddr]
        assert_equal N [client_field $line flags]
        assert_equal 0 [client_field $line db]
        assert_equal 2 [client_field $line resp]
        assert_equal -1 [client_field $line multi]
        assert_equal 0 [client_field $line watch]
        assert_equal 0 [client_field $line sub]
        assert_equal -1 [client_field $line redir]
        assert_equal default [client_field $line user]
        assert_equal client|info [client_field $line cmd]
        assert_equal r [client_field $line events]
        $client hello 3
        $client select 5
        $client echo x
        set line [client_line [$client client id]]
        assert_equal 3 [client_field $line resp]
        assert_equal 5 [client_field $line db]
        assert_equal client|id [client_field $line cmd]
    }

    test {CLIENT LIST counts bytes and commands of a connection} {
        set client [redis_client]
        $client ping
        $client echo hello
        set line [client_line [$client client id]]
        # PING 14, ECHO hello 25, CLIENT ID 24 bytes; +PONG 7, $5 hello 11, :N the rest.
        assert_equal 63 [client_field $line tot-net-in]
        assert_range [client_field $line tot-net-out] 21 28
        assert_equal 3 [client_field $line tot-cmds]
    } {redis8}

    test {CLIENT LIST shows partial input in qbuf} {
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        $client write "*2\r\n\$4\r\nECHO\r\n\$1000\r\n[string repeat x 300]"
        $client flush
        wait_for_condition 50 10 {[client_field [client_line $id] qbuf] > 0} else { fail "qbuf is empty" }
        assert_range [client_field [client_line $id] qbuf] 300 330
    }

    test {CLIENT LIST by id} {
        set client [redis_client]
        set id [$client client id]
        set lines [split [string trim [r client list id $id 999999 [r client id]]] \n]
        assert_equal [list $id [r client id]] [lmap line $lines {client_field $line id}]
        assert_equal {} [r client list id 999999]
        assert_error {ERR Invalid client ID} {r client list id one}
        assert_error {ERR syntax error} {r client list id}
    }

    test {CLIENT LIST by type} {
        assert_match {*id=[0-9]*} [r client list type normal]
        assert_equal {} [r client list type replica]
        assert_equal {} [r client list type MASTER]
        assert_equal {} [r client list type pubsub]
        assert_error {ERR Unknown client type 'foo'} {r client list type foo}
        assert_error {ERR syntax error} {r client list type}
        assert_error {ERR syntax error} {r client list foo bar}
    }

    test {CLIENT LIST is a verbatim text in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        foreach word {list info} {
            $client client $word
            assert_match {= {txt:id=*}} [$client tree] $word
        }
    }

    test {CLIENT LIST with the filters of Valkey 9} {
        set client [redis_client]
        $client client setname zaphod
        $client select 7
        set id [$client client id]
        foreach filter [list {name zaphod} {db 7} {not-id 1 2} {user default name zaphod} \
                {addr 127.0.0.1:%PORT} {laddr 127.0.0.1:%HERE skipme no} {ip 127.0.0.1} {flags N}] {
            set filter [string map [list %HERE [srv port] \
                %PORT [lindex [fconfigure [$client channel] -sockname] 2]] $filter]
            assert_match "*id=$id *" [r client list {*}$filter] $filter
        }
    } {hematite-only}

    # ---- CLIENT KILL -----------------------------------------------------------------------------------------------

    test {CLIENT KILL by address, the old form} {
        set client [redis_client]
        set addr [client_field [$client client info] addr]
        assert_equal OK [r client kill $addr]
        assert_closed $client
        assert_error {ERR No such client} {r client kill $addr}
        assert_error {ERR No such client} {r client kill nonsense}
    }

    test {CLIENT KILL by ID, ADDR, LADDR, USER, TYPE} {
        foreach filter {id addr laddr user type} {
            set client [redis_client]
            set line [$client client info]
            switch $filter {
                id { set value [client_field $line id] }
                addr { set value [client_field $line addr] }
                laddr { set value [client_field $line laddr] }
                user { set value default }
                type { set value normal }
            }
            assert_equal 1 [r client kill $filter $value] $filter
            assert_closed $client $filter
        }
        assert_equal PONG [r ping]
    }

    test {CLIENT KILL: all filters must hold} {
        set client [redis_client]
        set id [$client client id]
        assert_equal 0 [r client kill id $id type pubsub]
        assert_equal 0 [r client kill id $id addr 1.2.3.4:5]
        assert_equal 1 [r client kill id $id type normal user default skipme yes]
        assert_closed $client
    }

    test {CLIENT KILL SKIPME no ends the caller after its reply} {
        set client [redis_client]
        assert_equal 0 [$client client kill id [$client client id]]
        assert_equal 1 [$client client kill id [$client client id] skipme no]
        assert_closed $client
    }

    test {CLIENT KILL MAXAGE} {
        set client [redis_client]
        assert_equal 0 [r client kill maxage 1000]
        assert_error {ERR maxage is not an integer or out of range} {r client kill maxage x}
        assert_error {ERR maxage should be greater than 0} {r client kill maxage 0}
        wait_for_condition 50 100 {[client_field [client_line [$client client id]] age] >= 2} else {
            fail "the client does not grow older"
        }
        assert_equal 1 [r client kill maxage 1 id [$client client id]]
        assert_closed $client
    } {redis8}

    test {CLIENT KILL refuses nonsense} {
        assert_error {ERR wrong number of arguments for 'client|kill' command} {r client kill}
        assert_error {ERR client-id should be greater than 0} {r client kill id 0}
        assert_error {ERR client-id should be greater than 0} {r client kill id x}
        assert_error {ERR Unknown client type 'foo'} {r client kill type foo}
        assert_error {ERR No such user 'nosuch'} {r client kill user nosuch}
        assert_error {ERR syntax error} {r client kill skipme maybe}
        assert_error {ERR syntax error} {r client kill foo bar}
        assert_error {ERR syntax error} {r client kill id 1 addr}
    }

    # ---- CLIENT REPLY ----------------------------------------------------------------------------------------------

    test {CLIENT REPLY OFF, ON and SKIP} {
        set client [redis_deferring_client]
        $client client reply off
        $client echo 1
        $client nosuchcommand
        $client client reply on
        $client echo 2
        assert_equal OK [$client read]
        assert_equal 2 [$client read]
        $client client reply skip
        $client echo 3
        $client echo 4
        assert_equal 4 [$client read]
        # SKIP inside OFF changes nothing.
        $client client reply off
        $client client reply skip
        $client echo 5
        $client echo 6
        $client client reply on
        assert_equal OK [$client read]
        assert_error {ERR syntax error} {r client reply maybe}
    }

    # ---- CLIENT PAUSE ----------------------------------------------------------------------------------------------

    test {CLIENT PAUSE holds back everybody, the caller too, until its time is over} {
        set client [redis_deferring_client]
        set start [clock milliseconds]
        r client pause 200
        $client ping
        assert_equal {} [$client readall 100]
        assert_equal PONG [r ping]
        assert_equal PONG [$client read]
        assert_range [expr {[clock milliseconds] - $start}] 190 3000
    }

    test {A longer pause is not cut short by a later one, UNPAUSE ends both} {
        needs_commands set
        set client [redis_deferring_client]
        r client pause 100000 write
        r client pause 1 write
        $client set paused 1
        assert_equal {} [$client readall 60]
        r client unpause
        assert_equal OK [$client read]
        r del paused
    }

    test {CLIENT PAUSE WRITE lets reads pass} {
        needs_commands set get
        set client [redis_deferring_client]
        r client pause 100000 write
        $client ping
        assert_equal PONG [$client read]
        $client get paused
        assert_equal {} [$client read]
        $client client id
        set id [$client read]
        $client set paused 1
        wait_for_condition 50 10 {[s blocked_clients] == 1} else { fail "the write is not held back" }
        assert_equal b [client_field [client_line $id] flags]
        assert_equal {} [r get paused]
        r client unpause
        assert_equal OK [$client read]
        r del paused
    }

    test {CLIENT PAUSE refuses nonsense} {
        assert_error {ERR timeout is not an integer or out of range} {r client pause x}
        assert_error {ERR timeout is negative} {r client pause -1}
        assert_error {ERR CLIENT PAUSE mode must be WRITE or ALL} {r client pause 1 foo}
        assert_equal OK [r client unpause]
        assert_error {ERR wrong number of arguments for 'client|unpause' command} {r client unpause now}
    }

    # ---- CLIENT UNBLOCK --------------------------------------------------------------------------------------------

    test {CLIENT UNBLOCK} {
        needs_commands blpop
        foreach {word reply} {TIMEOUT {} ERROR {UNBLOCKED client unblocked via CLIENT UNBLOCK}} {
            set client [redis_deferring_client]
            $client client id
            set id [$client read]
            $client blpop nokey 0
            wait_for_condition 50 10 {[s blocked_clients] == 1} else { fail "not blocked" }
            assert_equal 1 [r client unblock $id $word]
            catch {$client read} result
            assert_equal $reply $result
            assert_equal 0 [r client unblock $id $word]
            $client close
        }
    }

    test {CLIENT UNBLOCK refuses nonsense} {
        assert_equal 0 [r client unblock 999999]
        assert_error {ERR value is not an integer or out of range} {r client unblock x}
        assert_error {ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR} {r client unblock 1 foo}
    }

    test {CLIENT UNBLOCK does not end a pause} {
        needs_commands set
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        r client pause 100000 write
        $client set paused 1
        wait_for_condition 50 10 {[s blocked_clients] == 1} else { fail "the write is not held back" }
        assert_equal 0 [r client unblock $id]
        assert_equal {} [$client readall 30]
        r client unpause
        assert_equal OK [$client read]
        r del paused
    }

    # ---- the small ones --------------------------------------------------------------------------------------------

    test {CLIENT NO-EVICT and NO-TOUCH show in the flags} {
        set client [redis_client]
        $client client no-evict on
        assert_equal e [client_field [$client client info] flags]
        $client client no-touch on
        assert_equal eT [client_field [$client client info] flags]
        $client client no-evict off
        $client client no-touch off
        assert_equal N [client_field [$client client info] flags]
        assert_error {ERR syntax error} {$client client no-evict maybe}
        assert_error {ERR syntax error} {$client client no-touch maybe}
    }

    test {CLIENT GETREDIR and TRACKINGINFO without tracking} {
        assert_equal -1 [r client getredir]
        assert_equal {flags off redirect -1 prefixes {}} [r client trackinginfo]
    }

    test {CLIENT HELP and unknown subcommands} {
        assert_match {CLIENT <subcommand> *} [lindex [r client help] 0]
        assert_match {*this help.} [lindex [r client help] end]
        assert_error {ERR unknown subcommand 'nosuch'. Try CLIENT HELP.} {r client nosuch}
        assert_error {ERR wrong number of arguments for 'client' command} {r client}
        assert_error {ERR wrong number of arguments for 'client|id' command} {r client id 1}
    }

    test {Many connections come and go} {
        set clients {}
        for {set i 0} {$i < 300} {incr i} { lappend clients [redis_deferring_client] }
        foreach client $clients { $client ping }
        foreach client $clients { assert_equal PONG [$client read] }
        assert_equal 301 [s connected_clients]
        foreach client $clients { $client close }
        wait_for_condition 100 20 {[s connected_clients] == 1} else { fail "clients are left" }
    }
}

start_server {tags {connection auth} overrides {requirepass secret}} {
    test {Without AUTH only a few commands are served} {
        assert_error {NOAUTH Authentication required.} {r ping}
        assert_error {NOAUTH Authentication required.} {r client id}
        assert_error {NOAUTH HELLO must be called with the client already authenticated*} {r hello 3}
        assert_equal RESET [r reset]
        assert_equal "+OK\r\n<closed>" [exchange "QUIT\r\n" 5000]
        # What is no command is told before who one is.
        assert_error {ERR unknown command 'nosuch'*} {r nosuch}
        assert_error {ERR wrong number of arguments for 'get' command} {r get}
    }

    test {AUTH with a wrong and with the right password} {
        assert_error {WRONGPASS invalid username-password pair or user is disabled.} {r auth wrong}
        assert_error {WRONGPASS invalid username-password pair or user is disabled.} {r auth default wrong}
        assert_error {WRONGPASS invalid username-password pair or user is disabled.} {r auth nosuch secret}
        assert_error {NOAUTH*} {r ping}
        assert_equal OK [r auth secret]
        assert_equal PONG [r ping]
        assert_error {WRONGPASS*} {r auth wrong}
        assert_equal PONG [r ping]
    }

    test {HELLO with AUTH} {
        set client [redis_client]
        assert_error {WRONGPASS*} {$client hello 3 auth default wrong}
        assert_equal 3 [dict get [$client hello 3 auth default secret setname me] proto]
        assert_equal me [$client client getname]
    }

    test {RESET forgets the authentication} {
        set client [redis_client]
        $client auth secret
        $client reset
        assert_error {NOAUTH*} {$client ping}
    }

    test {CONFIG SET requirepass takes effect at once for newcomers} {
        r config set requirepass other
        set client [redis_client]
        assert_error WRONGPASS* {$client auth secret}
        assert_equal OK [$client auth other]
        r config set requirepass ""
        assert_equal PONG [[redis_client] ping]
        r config set requirepass secret
        assert_error NOAUTH* {[redis_client] ping}
        assert_equal PONG [r ping]
    }
}
