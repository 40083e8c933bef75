# COMMAND, what is counted per command and per error, rename-command.

proc stat_of {name} { return [info_field [r info commandstats] cmdstat_$name] }

proc counters {name} {
    set counters {calls 0 rejected_calls 0 failed_calls 0}
    foreach pair [split [stat_of $name] ,] {
        lassign [split $pair =] key value
        dict set counters $key $value
    }
    return [list [dict get $counters calls] [dict get $counters rejected_calls] [dict get $counters failed_calls]]
}

start_server {tags {commands}} {
    test {COMMAND and COMMAND COUNT agree} {
        assert_equal [r command count] [llength [r command]]
        assert_equal [r command count] [llength [r command info]]
    }

    test {COMMAND INFO of one command} {
        lassign [lindex [r command info ping] 0] name arity flags first last step categories tips specs subcommands
        assert_equal {ping -1 0 0 0} [list $name $arity $first $last $step]
        assert_same_members {fast} $flags
        assert_same_members {@fast @connection} $categories
        assert_equal {request_policy:all_shards response_policy:all_succeeded} $tips
        assert_equal {{} {}} [list $specs $subcommands]
    }

    test {COMMAND INFO of a command with keys} {
        needs_commands set
        lassign [lindex [r command info SET] 0] name arity flags first last step categories tips specs subcommands
        assert_equal {set -3 1 1 1} [list $name $arity $first $last $step]
        assert_same_members {write denyoom} $flags
        assert_same_members {@write @string @slow} $categories
        set spec [lindex $specs 0]
        assert_equal {type index spec {index 1}} [dict get $spec begin_search]
        assert_equal {type range spec {lastkey 0 keystep 1 limit 0}} [dict get $spec find_keys]
    }

    test {COMMAND INFO of subcommands} {
        lassign [lindex [r command info config|get] 0] name arity flags
        assert_equal {config|get -3} [list $name $arity]
        assert_same_members {admin noscript loading stale} $flags
        set subcommands [lindex [r command info client] 0 9]
        assert_contains [lmap subcommand $subcommands { lindex $subcommand 0 }] client|kill
        assert_equal {{} {}} [r command info nosuch config|nosuch]
    }

    test {COMMAND INFO uses sets in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client command info ping
        set info [lindex [$client tree] 1 0 1]
        assert_equal [list {$} : ~ : : : ~ ~ ~ ~] [lmap item $info { lindex $item 0 }]
    }

    test {The subcommands of a container are an array in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client command info config
        set last [lindex [$client tree] 1 0 1 9]
        assert_equal {* 5} [list [lindex $last 0] [llength [lindex $last 1]]]
        $client command
        foreach info [lindex [$client tree] 1] {
            set last [lindex $info 1 9]
            if {[lindex $last 0] ne {*}} { assert_equal {~ 0} [list [lindex $last 0] [llength [lindex $last 1]]] }
        }
    } {redis8}

    test {Every command has its documentation, every documented command exists} {
        set docs [r command docs]
        set names [lmap info [r command] { lindex $info 0 }]
        assert_same_members $names [dict keys $docs]
        dict for {name doc} $docs {
            if {[dict_get $doc group {}] eq "module"} continue
            foreach field {summary since group} { assert {[dict exists $doc $field]} "$name: $field" }
        }
    }

    test {COMMAND DOCS of some} {
        set docs [r command docs ping nosuch config|get]
        assert_equal {ping config|get} [dict keys $docs]
        assert_equal connection [dict get $docs ping group]
        assert_equal 1.0.0 [dict get $docs ping since]
        assert_equal message [dict get [lindex [dict get $docs ping arguments] 0] name]
        assert_equal {} [r command docs nosuch]
    }

    test {COMMAND DOCS is a map of maps in RESP3} {
        set client [redis_deferring_client]
        $client hello 3
        $client read
        $client command docs ping
        set tree [$client tree]
        assert_equal {% %} [list [lindex $tree 0] [lindex $tree 1 1 0]]
    }

    test {COMMAND LIST and its filters} {
        set all [r command list]
        assert_equal [lsort $all] [lsort -unique $all]
        assert_contains $all ping
        assert_same_members {client} [lsearch -all -inline [r command list filterby pattern client*] client]
        assert_contains [r command list filterby pattern config*] config|get
        assert_contains [r command list filterby aclcat admin] config|set
        assert {"ping" ni [r command list filterby aclcat admin]}
        assert_equal {} [r command list filterby module nosuch]
        assert_equal {} [r command list filterby aclcat nosuch]
        assert_error {ERR syntax error} {r command list filterby foo bar}
        assert_error {ERR syntax error} {r command list bad filterby pattern}
    }

    test {COMMAND GETKEYS} {
        foreach {words keys} {
            {get k} k
            {mset a 1 b 2} {a b}
            {del a b c} {a b c}
            {eval s 2 a b c} {a b}
            {memory usage k} k
            {xread count 1 streams a b 0 0} {a b}
            {zunionstore d 2 a b} {d a b}
            {sort k store d} {k d}
            {migrate h 1 k 0 1} k
            {migrate h 1 {} 0 1 keys a b} {a b}
        } {
            if {[lindex [r command info [lindex $words 0]] 0] eq {}} continue
            assert_equal $keys [r command getkeys {*}$words] $words
        }
        assert_error {ERR The command has no key arguments} {r command getkeys ping}
        assert_error {ERR Invalid command specified} {r command getkeys nosuch a}
        assert_error {ERR The command has no key arguments} {r command getkeys config get x}
    } {redis8}

    test {COMMAND GETKEYS with too few arguments} {
        needs_commands get
        assert_error {ERR Invalid number of arguments specified for command} {r command getkeys get}
    }

    test {COMMAND GETKEYSANDFLAGS} {
        needs_commands set get
        assert_equal {{k {RO access}}} [r command getkeysandflags get k]
        assert_equal {{k {OW update}}} [r command getkeysandflags set k v]
        assert_equal {{k {RW access update}}} [r command getkeysandflags set k v get]
    }

    test {Unknown commands are quoted with their arguments, cut} {
        assert_error {ERR unknown command 'foo', with args beginning with: } {r foo}
        assert_error {ERR unknown command 'foo', with args beginning with: 'a' 'b c' } {r foo a "b c"}
        assert_error {ERR unknown command 'foo', with args beginning with: 'a  b' } {r foo "a\r\nb"}
        assert_error "ERR unknown command '\xff', with args beginning with: " {r \xff}
        set long [string repeat x 300]
        assert_error "ERR unknown command '[string repeat x 128]', with args beginning with: " {r $long}
        assert_error "ERR unknown command 'foo', with args beginning with: '[string repeat x 128]' " {r foo $long}
        catch {r foo {*}[lrepeat 100 abcdefgh]} error
        assert_less [string length $error] 210
    }

    # ---- statistics ------------------------------------------------------------------------------------------------

    test {Per command: calls, refusals, failures} {
        r config resetstat
        r echo a
        r echo b
        catch {r echo}
        catch {r echo a b}
        catch {r select 99}
        assert_equal {2 2 0} [counters echo]
        assert_equal {1 0 1} [counters select]
        assert_match {calls=2,usec=*,usec_per_call=*,rejected_calls=2,failed_calls=0} [stat_of echo]
        r client id
        assert_equal {1 0 0} [counters client|id]
        catch {r client nosuch}
        catch {r nosuch}
        assert_equal {} [stat_of nosuch]
        assert_equal {} [stat_of client|nosuch]
    }

    test {Commands refused for want of authentication} {
        r config resetstat
        r config set requirepass x
        set client [redis_client]
        catch {$client ping}
        assert_equal {0 1 0} [counters ping]
        r config set requirepass ""
    }

    test {Errors are counted by their first word} {
        r config resetstat
        assert_equal 0 [s total_error_replies]
        catch {r nosuch}
        catch {r echo}
        catch {r auth nosuch user}
        catch {r hello 9}
        assert_match {*errorstat_ERR:count=2*} [r info errorstats]
        assert_match {*errorstat_WRONGPASS:count=1*} [r info errorstats]
        assert_match {*errorstat_NOPROTO:count=1*} [r info errorstats]
        assert_equal 4 [s total_error_replies]
    }

    test {total_commands_processed counts} {
        set before [s total_commands_processed]
        r ping
        r ping
        assert_equal [expr {$before + 3}] [s total_commands_processed]
    }

    test {The arity of subcommands} {
        assert_error {ERR wrong number of arguments for 'config' command} {r config}
        assert_error {ERR wrong number of arguments for 'config|get' command} {r config get}
        assert_error {ERR wrong number of arguments for 'config|resetstat' command} {r config resetstat x}
        assert_error {ERR unknown subcommand 'foo'. Try CONFIG HELP.} {r config foo}
        assert_error "ERR unknown subcommand '\xff ?'. Try CONFIG HELP." {r config "\xff\r\n"}
    }

    test {Names of commands ignore case, nothing else} {
        assert_equal PONG [r PiNg]
        assert_error {ERR unknown command*} {r "ping "}
        assert_error {ERR unknown command*} {r config|get x}
        assert_error {ERR unknown command*} {r "ping\x00"}
    }
}

start_server {tags {commands} config_lines {
    {rename-command PING pang}
    {rename-command CONFIG ""}
    {rename-command ECHO "an echo"}
}} {
    test {rename-command} {
        assert_error {ERR unknown command 'ping'*} {r ping}
        assert_equal PONG [r pang]
        assert_error {ERR unknown command 'config'*} {r config get x}
        assert_equal x [r "an echo" x]
        assert_equal {} [lindex [r command info ping] 0]
        assert_error {ERR wrong number of arguments for 'ping' command} {r pang a b}
    }
}
