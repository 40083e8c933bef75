# Programs and libraries of users against the server: redis-cli, redis-benchmark, redis-py.

proc need_program {name} {
    set path [lindex [auto_execok $name] 0]
    if {$path eq {}} { skip "$name is not installed" }
    return $path
}

proc cli {args} {
    return [exec timeout 60 [need_program redis-cli] -h 127.0.0.1 -p [srv port] {*}$args 2>@1]
}

proc cli_input {input args} {
    return [exec timeout 60 [need_program redis-cli] -h 127.0.0.1 -p [srv port] {*}$args << $input 2>@1]
}

start_server {tags {clients redis-cli}} {
    test {redis-cli: a command, errors} {
        assert_equal PONG [cli ping]
        assert_equal {hello world} [cli echo "hello world"]
        assert_match {ERR unknown command*} [cli nosuch]
    }

    test {redis-cli: many commands through a pipe} {
        set input {}
        set wanted {}
        for {set i 0} {$i < 500} {incr i} {
            append input "echo $i\n"
            lappend wanted $i
        }
        assert_equal [join $wanted \n] [cli_input $input]
    }

    test {redis-cli over RESP3} {
        assert_match {*1# "timeout" => "0"*} [cli --no-raw -3 config get timeout]
        assert_match {*proto*3*} [cli -3 hello]
    }

    test {redis-cli --pipe} {
        set input {}
        for {set i 0} {$i < 1000} {incr i} { append input [resp::encode [list echo $i]] }
        assert_match {*errors: 0, replies: 1000*} [cli_input $input --pipe]
    }

    test {redis-cli: binary output} {
        assert_equal "\"a\\x00\\xff\"" [cli_input "echo \"a\\x00\\xff\"\n" --no-raw]
    }

    test {redis-cli: names and AUTH} {
        r config set requirepass secret
        assert_equal PONG [cli -a secret --no-auth-warning ping]
        assert_match {*NOAUTH*} [cli ping]
        assert_match {*WRONGPASS*} [cli -a wrong --no-auth-warning ping]
        r config set requirepass ""
    }

    test {redis-cli: INFO and CLIENT LIST} {
        assert_match {*redis_version:*} [cli info server]
        assert_match {*cmd=client|list*} [cli client list]
    }
}

start_server {tags {clients redis-cli} overrides {unixsocket s.sock}} {
    test {redis-cli over a unix socket} {
        assert_equal PONG [exec timeout 60 [need_program redis-cli] -s [srv unixsocket] ping 2>@1]
    }

    test {redis-cli SHUTDOWN} {
        cli shutdown nosave
        assert_equal 0 [wait_exit]
    }
}

start_server {tags {clients redis-benchmark}} {
    test {redis-benchmark: inline and bulk PING, pipelined} {
        set bench [need_program redis-benchmark]
        set out [exec timeout 60 $bench -h 127.0.0.1 -p [srv port] -t ping -n 20000 -c 50 -P 16 -q 2>@1]
        assert_match {*PING_INLINE: * requests per second*PING_MBULK: * requests per second*} $out
        assert_no_match *rror* $out
        wait_for_condition 100 20 {[s connected_clients] == 1} else { fail "clients are left" }
    }

    test {redis-benchmark: SET and GET} {
        set bench [need_program redis-benchmark]
        needs_commands set get
        set out [exec timeout 60 $bench -h 127.0.0.1 -p [srv port] -t set,get -n 20000 -c 20 -P 16 -r 1000 -q 2>@1]
        assert_match {*SET: * requests per second*GET: * requests per second*} $out
        assert_no_match *rror* $out
    }
}

# ---- redis-py --------------------------------------------------------------------------------------------------------

proc python {script} {
    set python [need_program python3]
    set ::env(PYTHONPATH) [file join [file dirname $::tests_dir] target python]
    if {[catch {exec $python -c "import redis" 2>@1} why]} { skip "redis-py is not installed" }
    return [exec timeout 60 $python -c $script [srv port] 2>@1]
}

start_server {tags {clients redis-py}} {
    foreach protocol {2 3} {
        test "redis-py over RESP$protocol" {
            set out [python "
import sys, redis
c = redis.Redis(port=int(sys.argv\[1\]), protocol=$protocol, client_name='py', decode_responses=True)
print(c.ping(), c.echo('hello'), c.client_getname())
print(c.info('server')\['tcp_port'\], c.config_get('timeout'))
p = c.pipeline(transaction=False)
for i in range(100): p.echo(str(i))
print(p.execute() == \[str(i) for i in range(100)\])
try:
    c.execute_command('NOSUCH')
except redis.ResponseError as e:
    print('refused', str(e).split(',')\[0\])
print(len(c.client_list()), c.command_count() > 10)
c.close()
"]
            set lines [split $out \n]
            assert_equal {True hello py} [lindex $lines 0]
            assert_equal "[srv port] {'timeout': '0'}" [lindex $lines 1]
            assert_equal True [lindex $lines 2]
            assert_equal {refused unknown command 'NOSUCH'} [lindex $lines 3]
            assert_match {* True} [lindex $lines 4]
        }
    }

    test {redis-py: binary values} {
        set out [python "
import sys, redis
c = redis.Redis(port=int(sys.argv\[1\]))
b = bytes(range(256)) * 100
print(c.echo(b) == b)
"]
        assert_equal True $out
    }

    test {redis-py: SET and GET} {
        needs_commands set get
        assert_equal True [python "
import sys, redis
c = redis.Redis(port=int(sys.argv\[1\]))
c.set('k', b'\\x00\\xff', ex=100)
print(c.get('k') == b'\\x00\\xff' and 90 < c.ttl('k') <= 100)
"]
    }
}
