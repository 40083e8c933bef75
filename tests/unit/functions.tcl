# Functions on the running server.

proc library {name code} { return "#!lua name=$name\n$code" }

start_server {tags {scripting}} {
    test {A library is loaded, called, replaced and deleted} {
        r function load [library counter {
            local step = 2
            local function up(keys, args) return redis.call('incrby', keys[1], args[1] or step) end
            redis.register_function('up', up)
            redis.register_function{function_name = 'peek', callback = function(keys) return redis.call('get', keys[1]) end,
                flags = {'no-writes'}, description = 'looks'}
        }]
        assert_equal 2 [r fcall up 1 n]
        assert_equal 12 [r fcall UP 1 n 10]
        assert_equal 12 [r fcall_ro peek 1 n]
        assert_error {ERR Can not execute a script with write flag*} {r fcall_ro up 1 n}
        assert_error {ERR Library 'counter' already exists} {r function load [library counter {}]}
        r function load replace [library counter {redis.register_function('up', function() return 'new' end)}]
        assert_equal new [r fcall up 0]
        assert_error {ERR Function not found} {r fcall peek 1 n}
        r function delete counter
        assert_error {ERR Function not found} {r fcall up 0}
    }

    test {What does not load leaves what was there alone} {
        r function load [library good {redis.register_function('f', function() return 1 end)}]
        foreach code {
            {redis.register_function('f', function() return 2 end) error('x')}
            {redis.register_function('f', function() return 2 end) redis.register_function('f', function() end)}
            {while true do end}
            {x x}
            {}
        } {
            assert_error {ERR *} {r function load replace [library good $code]}
        }
        assert_error {ERR Function F already exists} {
            r function load [library other {redis.register_function('F', function() end)}]
        }
        assert_equal 1 [r fcall f 0]
        assert_equal 1 [llength [r function list]]
        r function flush
    }

    test {Libraries go from one server to another in a payload} {
        r function load [library one {redis.register_function('a', function() return 'a' end)}]
        r function load [library two {redis.register_function('b', function() return 'b' end)}]
        set payload [r function dump]
        r function flush
        r function restore $payload
        assert_equal {a b} [list [r fcall a 0] [r fcall b 0]]
        assert_error {ERR Library * already exists} {r function restore $payload}
        r function restore $payload replace
        r function load [library three {redis.register_function('c', function() return 'c' end)}]
        r function restore $payload flush
        assert_error {ERR Function not found} {r fcall c 0}
        assert_error {ERR DUMP payload version or checksum are wrong} {r function restore [string range $payload 1 end]}
        assert_equal 2 [llength [r function list]]
        r function flush
    }

    test {Libraries can be forgotten in the background} {
        for {set i 0} {$i < 70} {incr i} {
            r function load [library l$i "redis.register_function('f$i', function() return $i end)"]
        }
        set freed [s lazyfreed_objects]
        r function flush async
        assert_equal {} [r function list]
        wait_for_condition 500 10 {[s lazyfreed_objects] >= $freed + 70} else { fail "they are not freed" }
        assert_error {ERR Function not found} {r fcall f1 0}
        r function load [library l1 {redis.register_function('f1', function() return 'new' end)}]
        assert_equal new [r fcall f1 0]
        r function flush
    }

    test {A slow function can be seen and killed} {
        r function load [library slow {redis.register_function('spin', function() while true do end end)}]
        set client [redis_deferring_client]
        with_config {busy-reply-threshold 10} {
            $client fcall spin 1 key arg
            wait_for_condition 500 10 {[catch {r ping} answer]} else { fail "it is never slow" }
            assert_match {BUSY *FUNCTION KILL*} $answer
            set stats [dict get [r function stats] running_script]
            assert_equal spin [dict get $stats name]
            assert_equal {fcall spin 1 key arg} [dict get $stats command]
            assert_error {BUSY *} {r script kill}
            assert_equal OK [r function kill]
            assert_error {*killed by user*} {$client read}
        }
        assert_equal {} [dict get [r function stats] running_script]
        r function flush
    }

    test {Functions keep their state apart from scripts} {
        r function load [library state {
            local calls = 0
            redis.register_function('count', function() calls = calls + 1 return calls end)
            redis.register_function('keys', function() return KEYS end)
        }]
        assert_equal {1 2 3} [list [r fcall count 0] [r fcall count 0] [r fcall count 0]]
        r eval {return 1} 1 k
        assert_error {*nonexistent global variable 'KEYS'*} {r fcall keys 0}
        assert_equal 1 [s number_of_libraries]
        assert_equal 2 [s number_of_functions]
        r function flush
    }
}
