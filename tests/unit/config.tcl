# Configuration: CONFIG GET, SET, RESETSTAT and REWRITE, the file's syntax, the command line.

proc config_lines_of {path} {
    return [split [string trimright [read_file $path] \n] \n]
}

start_server {tags {config}} {
    # ---- CONFIG GET ------------------------------------------------------------------------------------------------

    test {CONFIG GET by name, case ignored} {
        assert_equal {maxclients 10000} [r config get maxclients]
        # A name without wildcard comes back as it was asked for.
        assert_equal {MaxClients 10000} [r config get MaxClients]
        assert_equal {maxclients 10000} [r config get MaxClient*]
        assert_equal {} [r config get nosuchparameter]
    }

    test {CONFIG GET with patterns and several of them} {
        assert_same_members {slowlog-log-slower-than slowlog-max-len} [dict keys [r config get slowlog-*]]
        assert_same_members {port timeout} [dict keys [r config get port timeout]]
        # A parameter that several patterns match comes once.
        assert_equal 4 [llength [r config get slowlog-* *slowlog-max-len slowlog-max-len {slowlog-[lm]*}]]
        assert_more [llength [r config get *]] 200
    }

    test {CONFIG GET is a map in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client config get timeout
        assert_equal % [lindex [$client tree] 0]
    }

    test {CONFIG GET knows aliases} {
        assert_equal {slave-priority 100} [r config get slave-priority]
        assert_equal {replica-priority 100} [r config get replica-priority]
        assert_contains [dict keys [r config get hash-max-*]] hash-max-ziplist-entries
        assert_contains [dict keys [r config get hash-max-*]] hash-max-listpack-entries
    }

    test {CONFIG GET shows values as the file would have them} {
        foreach {name value} {
            save {} appendonly no appendfsync everysec maxmemory 0 maxmemory-policy noeviction databases 16
            client-output-buffer-limit {normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60}
            notify-keyspace-events {} loglevel verbose proto-max-bulk-len 536870912 tcp-backlog 511
            client-query-buffer-limit 1073741824 oom-score-adj no oom-score-adj-values {0 200 800}
            latency-tracking-info-percentiles {50 99 99.9} unixsocket {} unixsocketperm 0 supervised no
        } {
            assert_equal [string map [list \n { }] $value] [config_get $name] $name
        }
    }

    # ---- CONFIG SET ------------------------------------------------------------------------------------------------

    test {CONFIG SET one and several} {
        assert_equal OK [r config set slowlog-max-len 77]
        assert_equal 77 [config_get slowlog-max-len]
        assert_equal OK [r config set slowlog-max-len 78 TIMEOUT 5 slowlog-log-slower-than 99]
        assert_equal {78 5 99} [list [config_get slowlog-max-len] [config_get timeout] \
            [config_get slowlog-log-slower-than]]
        r config set slowlog-max-len 128 timeout 0 slowlog-log-slower-than 10000
    }

    test {CONFIG SET is all or nothing} {
        foreach {pairs error} {
            {slowlog-max-len 5 nosuch 1}
                {ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'}
            {slowlog-max-len 5 timeout x}
                {ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer}
            {slowlog-max-len 5 databases 3}
                {ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config}
            {slowlog-max-len 5 slowlog-max-len 6}
                {ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - duplicate parameter}
            {slowlog-max-len 5 timeout}
                {ERR syntax error}
        } {
            assert_error $error {r config set {*}$pairs} $pairs
            assert_equal 128 [config_get slowlog-max-len] $pairs
        }
    }

    test {CONFIG SET undoes what was applied when a later one fails} {
        set blocker [socket -server {apply {args {}}} -myaddr 127.0.0.1 0]
        set taken [lindex [fconfigure $blocker -sockname] 2]
        assert_error {ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port*} \
            {r config set slowlog-max-len 5 maxclients 50 port $taken}
        close $blocker
        assert_equal 128 [config_get slowlog-max-len]
        assert_equal 10000 [config_get maxclients]
        assert_equal PONG [[redis_client] ping]
    }

    test {Memory values have units} {
        foreach {text bytes} {
            1 1 1b 1 1k 1000 1kb 1024 1KB 1024 2m 2000000 2mb 2097152 1g 1000000000 1gb 1073741824 0 0
        } {
            r config set maxmemory $text
            assert_equal $bytes [config_get maxmemory] $text
        }
        foreach bad {1x 1.5gb {1 kb} -1kb} {
            assert_error {ERR CONFIG SET failed*} {r config set maxmemory $bad} $bad
        }
    }

    test {Percentages where they are allowed} {
        r config set maxmemory-clients 5%
        assert_equal 5% [config_get maxmemory-clients]
        r config set maxmemory-clients 10mb
        assert_equal 10485760 [config_get maxmemory-clients]
        assert_error {ERR CONFIG SET failed*} {r config set maxmemory-clients 101%}
        assert_error {ERR CONFIG SET failed*} {r config set maxmemory 5%}
        r config set maxmemory-clients 0
    }

    test {Booleans, enumerations and numbers are checked} {
        foreach {name value error} {
            appendonly maybe {argument must be 'yes' or 'no'}
            loglevel loud {argument(s) must be one of the following: debug, verbose, notice, warning*}
            maxmemory-policy lru {argument(s) must be one of the following: volatile-lru, *}
            timeout -1 {argument must be between 0 and 2147483647 inclusive}
            timeout 1.5 {argument couldn't be parsed into an integer}
            timeout {} {argument couldn't be parsed into an integer}
            unixsocketperm 700 {can't set immutable config}
            tcp-keepalive x {argument couldn't be parsed into an integer}
            oom-score-adj-values {1 2} {wrong number of arguments}
            save {10} {Invalid save parameters}
            client-output-buffer-limit {normal 1 2} {Wrong number of arguments in buffer limit configuration.}
            client-output-buffer-limit {foo 1 2 3} {Invalid client class specified in buffer limit configuration.}
        } {
            assert_error "ERR CONFIG SET failed (possibly related to argument '$name') - $error" \
                {r config set $name $value}
        }
    }

    test {hz is brought into its bounds} {
        r config set hz 100000
        assert_equal 500 [config_get hz]
        r config set hz 10
    }

    test {client-output-buffer-limit: classes one by one, aliases} {
        r config set client-output-buffer-limit {normal 1mb 2mb 3 replica 1gb 0 0}
        assert_equal {normal 1048576 2097152 3 slave 1073741824 0 0 pubsub 33554432 8388608 60} \
            [config_get client-output-buffer-limit]
        r config set client-output-buffer-limit {normal 0 0 0 slave 268435456 67108864 60}
    }

    test {save: several points, cleared by the empty text} {
        r config set save "900 1 300 10"
        assert_equal {900 1 300 10} [config_get save]
        r config set save "60 5"
        assert_equal {60 5} [config_get save]
        r config set save ""
        assert_equal {} [config_get save]
    }

    test {notify-keyspace-events has a canonical form} {
        r config set notify-keyspace-events gKE\$lshzxetd
        assert_equal AKE [config_get notify-keyspace-events]
        r config set notify-keyspace-events Elg
        assert_equal glE [config_get notify-keyspace-events]
        assert_error {ERR CONFIG SET failed*Invalid event class character*} {r config set notify-keyspace-events Q}
        r config set notify-keyspace-events ""
    }

    test {Immutable parameters} {
        foreach name {databases daemonize pidfile logfile tcp-backlog unixsocket supervised cluster-enabled \
                always-show-logo syslog-enabled io-threads} {
            assert_error "ERR CONFIG SET failed (possibly related to argument '$name') - can't set immutable config" \
                {r config set $name 1}
        }
    }

    test {CONFIG HELP, unknown subcommands} {
        assert_match {CONFIG <subcommand> *} [lindex [r config help] 0]
        assert_error {ERR unknown subcommand 'nosuch'. Try CONFIG HELP.} {r config nosuch}
    }

    # ---- CONFIG RESETSTAT ------------------------------------------------------------------------------------------

    test {CONFIG RESETSTAT} {
        catch {r nosuch}
        r ping
        assert_more [s total_commands_processed] 1
        assert_match {*cmdstat_ping:*} [r info commandstats]
        assert_match {*errorstat_ERR:*} [r info errorstats]
        assert_equal OK [r config resetstat]
        assert_less [s total_commands_processed] 3
        assert_no_match {*cmdstat_ping:*} [r info commandstats]
        assert_no_match {*errorstat_*} [r info errorstats]
        assert_equal 0 [s total_connections_received]
        assert_equal 0 [s rejected_connections]
        assert_equal 0 [s total_error_replies]
    }
}

start_server {tags {config} overrides {enable-protected-configs no enable-debug-command no}} {
    test {Protected parameters} {
        assert_error {ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config} \
            {r config set dir /tmp}
        assert_error {ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config} \
            {r config set dbfilename x.rdb}
        assert_error {ERR CONFIG SET failed*can't set immutable config} {r config set enable-protected-configs yes}
        assert_error {ERR DEBUG command not allowed. If the enable-debug-command option*} {r debug sleep 0}
    }
}

start_server {tags {config} overrides {enable-protected-configs local enable-debug-command local}} {
    test {Protected parameters for local connections} {
        assert_equal OK [r config set dbfilename x.rdb]
        assert_error {ERR CONFIG SET failed (possibly related to argument 'dbfilename') - dbfilename can't be a path*} \
            {r config set dbfilename a/b}
        assert_error {ERR CONFIG SET failed (possibly related to argument 'dir') - *} {r config set dir /nosuch/dir}
        assert_equal OK [r debug sleep 0]
    }
}

# ---- the file --------------------------------------------------------------------------------------------------------

start_server {tags {config} config_lines {
    {# a comment}
    {   # another after blanks}
    {}
    "\t"
    {TIMEOUT 17}
    {   slowlog-max-len   33   }
    {requirepass "a \"b\" \x41\n"}
    {proc-title-template 'one {title}'}
    {save 100 1}
    {save 200 2 300 3}
    {maxclients 50}
    {maxclients 60}
    "loglevel debug\r"
    {client-output-buffer-limit normal 1mb 0 0}
    {client-output-buffer-limit pubsub 2mb 0 0}
    {include extra*.conf}
    {include one.conf}
    {rename-command FLUSHALL ""}
    {oom-score-adj-values 1 2 3}
} dir_files {extra1.conf {tcp-keepalive 11
} extra2.conf {tcp-keepalive 12
} one.conf {hz 33
# no newline at the end
lfu-log-factor 7}} no_leak_check 1} {
    test {The syntax of the file} {
        r auth "a \"b\" A\n"
        foreach {name value} {
            timeout 17 slowlog-max-len 33 proc-title-template {one {title}} maxclients 60 loglevel debug
            tcp-keepalive 12 hz 33 lfu-log-factor 7 oom-score-adj-values {1 2 3}
            client-output-buffer-limit {normal 1048576 0 0 slave 268435456 67108864 60 pubsub 2097152 0 0}
        } {
            assert_equal $value [config_get $name] $name
        }
        assert_match {*100 1 200 2 300 3} [config_get save]
        assert_equal "a \"b\" A\n" [config_get requirepass]
        assert_error {ERR unknown command 'FLUSHALL'*} {r FLUSHALL}
    }
}

# What is refused at start: the lines of the file, and what is said.
foreach {name lines number quoted reason} {
    "an unknown directive" {"timeout 1" "nosuch"} 2 nosuch {Bad directive or wrong number of arguments}
    "a directive without value" {"# one" "" "timeout"} 3 timeout {wrong number of arguments}
    "a directive with too much" {"timeout 1 2"} 1 {timeout 1 2} {wrong number of arguments}
    "a word for a number" {"timeout soon"} 1 {timeout soon} {argument couldn't be parsed into an integer}
    "a number out of bounds" {"port 70000"} 1 {port 70000} {argument must be between 0 and 65535 inclusive}
    "a bad boolean" {"appendonly on"} 1 {appendonly on} {argument must be 'yes' or 'no'}
    "a bad choice" {"loglevel loud"} 1 {loglevel loud} {argument(s) must be one of the following: *}
    "quotes left open" {"requirepass \"abc"} 1 {requirepass "abc} {Unbalanced quotes in configuration line}
    "text after quotes" {"requirepass \"abc\"def"} 1 {requirepass "abc"def} {Unbalanced quotes in configuration line}
    "bad save points" {"save 60"} 1 {save 60} {Invalid save parameters}
    "renaming nothing" {"rename-command NOSUCH x"} 1 {rename-command NOSUCH x} {No such command in rename-command}
    "renaming onto another" {"rename-command PING ECHO"} 1 {rename-command PING ECHO} {Target command name already exists}
} {
    test "The start is refused: $name" {
        set path [scratch_file bad.conf [join $lines \n]\n]
        set run [run_server [list $path --port 0]]
        assert_equal 1 [dict get $run status]
        set said [split [string trim [dict get $run output]] \n]
        set at [lsearch -glob $said {*FATAL CONFIG FILE ERROR*}]
        assert {$at >= 0} [join $said |]
        assert_match "\\*\\*\\* FATAL CONFIG FILE ERROR (*) \\*\\*\\*" [lindex $said $at]
        assert_equal "Reading the configuration file, at line $number" [lindex $said $at+1]
        assert_equal ">>> '$quoted'" [lindex $said $at+2]
        assert_match $reason [lindex $said $at+3]
    } {config}
}

test {The start is refused: an unknown directive with one argument} {
    # Redis 8 keeps such lines for modules and names them later, without the line.
    set run [run_server [list [scratch_file bad.conf "timeout 1\nnosuch yes\n"] --port 0]]
    assert_equal 1 [dict get $run status]
    assert_match "*at line 2\n>>> 'nosuch yes'\nBad directive or wrong number of arguments*" [dict get $run output]
} {config hematite-only}

test {The start is refused: no such file} {
    set run [run_server [list /nosuch/redis.conf]]
    assert_equal 1 [dict get $run status]
    assert_match {*Fatal error, can't open config file '/nosuch/redis.conf': No such file or directory*} \
        [dict get $run output]
} {config}

test {The start is refused: include of a missing file} {
    set path [scratch_file bad.conf "include /nosuch/other.conf\n"]
    set run [run_server [list $path]]
    assert_equal 1 [dict get $run status]
    assert_match {*Fatal error, can't open config file '/nosuch/other.conf': No such file or directory*} \
        [dict get $run output]
} {config}

test {Long lines and many directives are read} {
    set lines {}
    for {set i 0} {$i < 2000} {incr i} { append lines "timeout $i\n" }
    append lines "requirepass [string repeat x 500]\n" "nosuch\n"
    set run [run_server [list [scratch_file big.conf $lines]]]
    assert_match {*at line 2002*} [dict get $run output]
} {config}

# ---- the command line ------------------------------------------------------------------------------------------------

start_server {tags {config} overrides {timeout 5 maxclients 55} args {--timeout 9 --SLOWLOG-max-len 44
    --client-output-buffer-limit normal 1mb 2mb 3 --save 60 1 300 5 --loglevel debug --proc-title-template {a b}
    --requirepass {}}} {
    test {Options of the command line go over the file} {
        foreach {name value} {
            timeout 9 maxclients 55 slowlog-max-len 44 save {60 1 300 5} loglevel debug proc-title-template {a b}
            client-output-buffer-limit {normal 1048576 2097152 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60}
        } {
            assert_equal $value [config_get $name] $name
        }
        assert_equal [srv config] [s config_file]
    }
}

start_server {tags {config} stdin "timeout 21\nslowlog-max-len 22\n" args {--slowlog-max-len 23 -}} {
    test {A dash reads more of the configuration from the standard input} {
        assert_equal 21 [config_get timeout]
        assert_equal 23 [config_get slowlog-max-len]
    }
}

foreach {name arguments pattern} {
    "an unknown option" {--nosuch} {*>>> 'nosuch'*Bad directive or wrong number of arguments*}
    "an option without value" {--port} {*>>> 'port'*wrong number of arguments*}
    "a bad value" {--port abc} {*>>> 'port "abc"'*argument couldn't be parsed into an integer*}
    "a value too much" {--timeout 1 2} {*>>> 'timeout "1" "2"'*wrong number of arguments*}
} {
    test "The command line is refused: $name" {
        set run [run_server $arguments]
        assert_equal 1 [dict get $run status]
        assert_match $pattern [dict get $run output]
    } {config}
}

# ---- CONFIG REWRITE --------------------------------------------------------------------------------------------------

start_server {tags {config} overrides {save <none>} config_lines {
    {# The first comment}
    {timeout 5}
    {}
    {# A comment before slowlog}
    {slowlog-max-len 100}
    {save 100 1}
    {save 200 2}
    {rename-command FLUSHALL ""}
    {# The last comment}
}} {
    test {CONFIG REWRITE changes what changed and keeps the rest} {
        set before [config_lines_of [srv config]]
        r config set timeout 6 maxmemory 10mb requirepass "two words\n\"x\"" loglevel warning
        assert_equal OK [r config rewrite]
        r config set requirepass ""
        set after [config_lines_of [srv config]]
        foreach line {{# The first comment} {timeout 6} {# A comment before slowlog} {slowlog-max-len 100}
                {# The last comment} {save 100 1} {save 200 2} {loglevel warning}
                {maxmemory 10mb} {# Generated by CONFIG REWRITE} {requirepass "two words\n\"x\""}} {
            assert_contains $after $line
        }
        assert {"timeout 5" ni $after}
        assert {"loglevel verbose" ni $after}
        # Lines that stay do so in their order; of lines for one name Redis fills the places it finds.
        set kept [lmap line $before { if {$line ne {} && $line in $after} { set line } else continue }]
        set order [lmap line $after { if {$line ne {} && $line in $before} { set line } else continue }]
        assert_equal $kept $order
        # Nothing is written that has its default and was not there.
        assert_equal -1 [lsearch -glob $after tcp-backlog*]
    }

    test {CONFIG REWRITE again changes nothing} {
        r config rewrite
        set once [read_file [srv config]]
        r config rewrite
        assert_equal $once [read_file [srv config]]
    }

    test {CONFIG REWRITE keeps a line whose value went back to its default} {
        r config set maxmemory 0 save ""
        r config rewrite
        set lines [config_lines_of [srv config]]
        assert_contains $lines {maxmemory 0}
        assert_contains $lines {save ""}
        assert {"save 100 1" ni $lines}
    }

    test {What was rewritten is what a restart reads} {
        r config set slowlog-max-len 321 save "10 20 30 40" notify-keyspace-events KEA \
            client-output-buffer-limit "pubsub 5mb 6mb 7" proc-title-template "{title} \"q\" {listen-addr}" \
            oom-score-adj-values "5 6 7" latency-tracking-info-percentiles "10 20.5" maxmemory-clients 3%
        set names {slowlog-max-len save notify-keyspace-events client-output-buffer-limit proc-title-template
            oom-score-adj-values latency-tracking-info-percentiles maxmemory-clients timeout}
        set before [lmap name $names { config_get $name }]
        r config rewrite
        restart_server
        assert_equal $before [lmap name $names { config_get $name }]
        assert_error {ERR unknown command*} {r FLUSHALL}
        r config rewrite
        restart_server
        assert_equal $before [lmap name $names { config_get $name }]
        r config set save ""
    }

    test {CONFIG REWRITE replaces the file, never half of it} {
        set inode [file stat [srv config] stat; set stat(ino)]
        r config set timeout 8
        r config rewrite
        file stat [srv config] stat
        assert_not_equal $inode $stat(ino)
        assert_equal {} [glob -nocomplain [file join [srv dir] *.tmp*] [file join [srv dir] *-conf*]]
    }

    test {CONFIG REWRITE into a folder that is gone} {
        set dir [file dirname [srv config]]
        file rename $dir $dir.away
        set code [catch {r config rewrite} reply]
        file rename $dir.away $dir
        assert_equal 1 $code
        assert_match {ERR Rewriting config file: *} $reply
        assert_equal PONG [r ping]
    }
}

start_server {tags {config} bare 1 args {--port 0 --unixsocket s.sock} ready log no_leak_check 1} {
    test {CONFIG REWRITE without a file} {
        set client [unix_client [file join [srv dir] s.sock]]
        assert_error {ERR The server is running without a config file} {$client config rewrite}
        # The defaults of a server without any file.
        assert_equal {save {3600 1 300 100 60 10000}} [$client config get save]
        $client config set save ""
    }
}

# ---- Who may come in ----------------------------------------------------------------------------------------------

start_server {tags {config} config_lines {{user default on >examplepw ~* &* +@all}}} {
    test {A user line with a password locks the server} {
        set client [redis_client]
        assert_error {NOAUTH Authentication required.} {$client set k v}
        assert_error {WRONGPASS *} {$client auth nope}
        assert_equal OK [$client auth examplepw]
        assert_equal {requirepass {}} [$client config get requirepass]
    }

    test {CONFIG REWRITE keeps the user line, once} {
        set client [redis_client]
        $client auth examplepw
        $client config rewrite
        $client config rewrite
        set users [lsearch -all -inline [config_lines_of [srv config]] {user *}]
        assert_equal 1 [llength $users]
        assert_match {user default on *#911087166f77ea6a8b34055320d5ade374acb7d752b2dfd9e78b95bcb6dcd3af ~\* &\* +@all} \
            [lindex $users 0]
        # A new password takes the place of the old one, there and in the file.
        $client config set requirepass other
        $client config rewrite
        assert_error {WRONGPASS *} {[redis_client] auth examplepw}
        assert_equal OK [[redis_client] auth other]
        set users [lsearch -all -inline [config_lines_of [srv config]] {user *}]
        assert_equal 1 [llength $users]
        assert_match {*#d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa *} [lindex $users 0]
    }
}

foreach {line password} {
    {user default on nopass sanitize-payload ~* &* +@all} {}
    {user default on nopass ~* &* +@all} {}
    {requirepass foo} foo
    {user default on sanitize-payload #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae ~* &* +@all} foo
} {
    start_server [list tags {config} config_lines [list $line {aclfile ""} {min-replicas-to-write 0}]] {
        test "Starts as CONFIG REWRITE wrote it: $line" {
            set client [redis_client]
            if {$password ne {}} {
                assert_error {NOAUTH *} {$client ping}
                assert_equal OK [$client auth $password]
            }
            assert_equal PONG [$client ping]
        }
    }
}

foreach {lines reason} {
    {{user app on bogus}} {Error in user declaration 'app': Syntax error}
    {{user default on #abc ~* &* +@all}} {Error in user declaration 'default': The password hash must be exactly 64*}
    {{user default on nopass} {user default on}} {Error in user declaration 'default': Duplicate user found*}
    {{aclfile /nowhere/users.acl}} {}
    {{user default on nopass ~* &* +@all} {aclfile /nowhere/users.acl}} {}
} {
    test "A configuration that is wrong about users stops the start: $lines" {
        set path [scratch_file c.conf "port [free_port]\n[join $lines \n]\n"]
        set run [run_server [list $path]]
        assert_equal 1 [dict get $run status]
        assert_match *$reason* [dict get $run output]
    } {config}
}

# ---- What cannot be kept ------------------------------------------------------------------------------------------

foreach {line reason} {
    {replicaof 127.0.0.1 1} {replication is not supported yet}
    {cluster-enabled yes} {cluster mode is not supported yet}
    {aclfile users.acl} {ACL files are not supported yet}
    {user app on >x ~* +@all} {users other than 'default' are not supported yet}
    {user default on nopass ~app:* +@read} {a default user with restrictions is not supported yet}
} {
    test "A wish that cannot be kept stops the start: $line" {
        set path [scratch_file c.conf "port [free_port]\n\n$line\n"]
        set run [run_server [list $path]]
        assert_equal 1 [dict get $run status]
        assert_match "*at line 3\n>>> '[string map {* \\*} $line]'\n$reason\n" [dict get $run output]
    } {config hematite-only}
}

start_server {tags {config} config_lines {{io-threads 4} {io-threads-do-reads yes} {lua-replicate-commands no}}} {
    test {Retired directives are passed over, and CONFIG does not know them} {
        assert_equal PONG [r ping]
        assert_equal {io-threads 4} [r config get io-threads*]
        assert_error {ERR Unknown option *} {r config set io-threads-do-reads yes}
    } {redis8}
}

start_server {tags {config hematite-only} args {--io-threads-do-reads yes --events-per-io-thread 2}} {
    test {Retired directives are passed over as arguments} {
        assert_equal PONG [r ping]
        wait_for_log {*'io-threads-do-reads' is retired*}
    }

    test {CONFIG SET takes a name and its alias for one parameter} {
        assert_error {*argument 'hash-max-listpack-entries') - duplicate parameter} {
            r config set hash-max-ziplist-entries 10 hash-max-listpack-entries 20
        }
        assert_error {*argument 'busy-reply-threshold') - duplicate parameter} {
            r config set lua-time-limit 1 busy-reply-threshold 2
        }
        assert_equal {hash-max-listpack-entries 512} [r config get hash-max-listpack-entries]
    }

    test {CONFIG SET refuses what cannot be kept} {
        assert_error {*Active defragmentation cannot be enabled*} {r config set activedefrag yes}
        assert_error {*Invalid locale name*} {r config set locale-collate en_US.UTF-8}
    }

    test {Hidden parameters are shown by their names only} {
        foreach {name value} {
            enable-debug-assert no io-threads-always-active no cluster-message-gossip-perc 10
            min-io-threads-avoid-copy-reply 7 min-string-size-avoid-copy-reply 16384
            min-string-size-avoid-copy-reply-threaded 65536 client-default-resp 2 req-res-logfile {}
        } {
            assert_equal [list $name $value] [r config get $name]
            assert_equal {} [r config get $name*]
        }
    }
}

test {A server that listens nowhere does not start} {
    foreach arguments {{--bind ""} {--port 0}} {
        set run [run_server [concat [list --port [free_port]] $arguments]]
        assert_equal 1 [dict get $run status]
        assert_match {*Configured to not listen anywhere, exiting.*} [dict get $run output]
    }
} {config}

start_server {tags {config hematite-only} config_lines {{req-res-logfile calls.log} {client-default-resp 3}}} {
    test {Requests and their replies are logged} {
        set client [redis_deferring_client]
        $client set k v
        $client read
        $client nosuch
        catch {$client read}
        $client get k
        $client read
        $client config get timeout
        assert_equal % [lindex [$client tree] 0]
        set text [read_file [file join [srv dir] calls.log]]
        set from [string first "3\r\nset\r\n1\r\nk\r\n" $text]
        set end "12\r\n__argv_end__\r\n"
        assert_match "3\r\nset\r\n1\r\nk\r\n1\r\nv\r\n${end}+OK\r\n6\r\nnosuch\r\n${end}-ERR unknown command*3\r\nget\r\n1\r\nk\r\n${end}\$1\r\nv\r\n6\r\nconfig\r\n3\r\nget\r\n7\r\ntimeout\r\n${end}%1\r\n*" \
            [string range $text $from end]
    }
}
