//! Scripts against a server in a box: conversions, effects, what a script must not be able to do,
//! and those faults of other servers' scripting that have become known by a number.

use crate::config::Config;
use crate::server::testing::TestServer;

mod faults;

impl TestServer {
    /// The answer to a script without keys.
    fn lua(&mut self, body: &str) -> String {
        self.lua_as(self.client, body)
    }

    fn lua_as(&mut self, client: crate::base::slab::Id, body: &str) -> String {
        let len = body.len();
        let bytes = format!("*3\r\n$4\r\nEVAL\r\n${len}\r\n{body}\r\n$1\r\n0\r\n");
        self.send(client, bytes.as_bytes());
        String::from_utf8_lossy(&self.receive(client)).into_owned()
    }

    fn load(&mut self, code: &str) -> String {
        let len = code.len();
        let bytes = format!("*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n${len}\r\n{code}\r\n");
        self.send(self.client, bytes.as_bytes());
        String::from_utf8_lossy(&self.receive(self.client)).into_owned()
    }

    /// The script fails, says this, and the server lives.
    fn fails(&mut self, body: &str, with: &str) {
        let answer = self.lua(body);
        assert!(answer.starts_with('-') && answer.contains(with), "{body}: {answer}");
        assert_eq!(self.lua("return 1"), ":1\r\n", "after {body}");
    }
}

/// The thread of a test has a quarter of the stack that a server has, and functions that are not
/// optimized need more of it.
fn with_room(work: fn()) {
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(work);
    thread.expect("a thread").join().expect("no panic in there");
}

#[test]
fn values_become_replies_and_replies_values() {
    let mut t = TestServer::new();
    let cases = [
        ("return {1,2,nil,4}", "*2\r\n:1\r\n:2\r\n"),
        ("return 3.99", ":3\r\n"),
        ("return 1e300", ":-9223372036854775808\r\n"),
        ("return {ok='fine'}", "+fine\r\n"),
        ("return {err='My Err'}", "-My Err\r\n"),
        ("return {true,false,'x'}", "*3\r\n:1\r\n$-1\r\n$1\r\nx\r\n"),
        ("return {double=3.5}", "$3\r\n3.5\r\n"),
        ("return {map={a=1}}", "*2\r\n$1\r\na\r\n:1\r\n"),
        ("return redis.call('set','k',0.1)", "+OK\r\n"),
        ("return redis.call('get','k')", "$3\r\n0.1\r\n"),
        ("return tostring(redis.call('get','none'))", "$5\r\nfalse\r\n"),
        ("redis.setresp(3) return tostring(redis.call('get','none'))", "$3\r\nnil\r\n"),
        (
            "redis.call('hset','h','f','v') redis.setresp(3) return redis.call('hgetall','h').map.f",
            "$1\r\nv\r\n",
        ),
        ("return redis.call('hgetall','h')", "*2\r\n$1\r\nf\r\n$1\r\nv\r\n"),
        ("local t = {} t[1] = {{}} return t", "*1\r\n*1\r\n*0\r\n"),
    ];
    for (body, want) in cases {
        assert_eq!(t.lua(body), want, "{body}");
    }
    t.run("HELLO 3");
    let cases = [
        ("redis.setresp(3) return redis.call('hgetall','h')", "%1\r\n$1\r\nf\r\n$1\r\nv\r\n"),
        ("redis.setresp(3) return false", "#f\r\n"),
        ("return false", "_\r\n"),
        ("return {set={a=true}}", "~1\r\n$1\r\na\r\n"),
        ("return {big_number='12'}", "(12\r\n"),
        ("return {verbatim_string={format='txt',string='x'}}", "=5\r\ntxt:x\r\n"),
    ];
    for (body, want) in cases {
        assert_eq!(t.lua(body), want, "{body}");
    }
}

#[test]
fn errors_are_told_as_redis_tells_them() {
    let mut t = TestServer::new();
    let sha = "206396248e12c6e742fd7296250433c8d7343b74";
    let want = format!(
        "-ERR Unknown Redis command called from script script: {sha}, on @user_script:1.\r\n"
    );
    assert_eq!(t.lua("return redis.call('nosuch')"), want);
    assert_eq!(
        t.lua("return redis.pcall('nosuch')"),
        "-ERR Unknown Redis command called from script\r\n"
    );
    assert_eq!(
        t.lua("return x x"),
        "-ERR Error compiling script (new function): user_script:1: '<eof>' expected near 'x'\r\n"
    );
    t.fails("\n\nerror('x')", "-ERR user_script:3: x script: ba81d70c");
    t.fails("error({err='My Err'})", "-My Err script: a059ab70");
    t.fails("error({})", "-ERR unknown error script: ");
    t.fails("error()", "-ERR nil script: ");
    assert_eq!(
        t.lua("return {pcall(redis.call, 'nosuch')}"),
        "*2\r\n$-1\r\n$44\r\nERR Unknown Redis command called from script\r\n"
    );
    assert_eq!(t.run("EVALSHA abc 0"), "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    assert_eq!(t.run("EVAL 'return 1' x"), "-ERR value is not an integer or out of range\r\n");
    assert_eq!(t.run("EVAL 'return 1' -1"), "-ERR Number of keys can't be negative\r\n");
    assert_eq!(
        t.run("EVAL 'return 1' 1"),
        "-ERR Number of keys can't be greater than number of args\r\n"
    );
}

#[test]
fn an_error_is_counted_once_where_it_arose() {
    let mut t = TestServer::new();
    t.run("LPUSH l a");
    t.lua("return redis.call('incr','l')");
    t.lua("return redis.pcall('incr','l')");
    t.lua("error('x')");
    t.lua("redis.pcall('incr','l') return 1");
    let errors = &t.srv.stats.errors;
    assert_eq!((errors.get("WRONGTYPE"), errors.get("ERR")), (Some(&3), Some(&1)));
    let eval = t.srv.commands.find(b"eval").expect("there");
    assert_eq!((t.srv.stats.command(eval).calls, t.srv.stats.command(eval).failed), (4, 3));
    // As Redis 8.2 counts errors inside an answer: each that was one before, and all others
    // together.
    for (body, failed) in [
        ("return {redis.pcall('incr','l'), redis.pcall('multi')}", 2),
        ("return {{err='A b'}, {err='C d'}}", 1),
        ("return {map={a={err='A b'}, b=redis.pcall('get')}}", 2),
        ("return {redis.pcall('nosuch').err}", 0),
    ] {
        let before = t.srv.stats.command(eval).failed;
        t.lua(body);
        assert_eq!(t.srv.stats.command(eval).failed - before, failed, "{body}");
    }
    t.lua("return {{err='ONEWORD'}}");
    assert_eq!(t.srv.stats.errors.get("ONEWORD"), None);
    t.run("CONFIG RESETSTAT");
    t.lua("return {{err='in\\nside x'}}");
    t.lua("error({err='a:b\\r\\nrole:none x'})");
    let info = t.run("INFO errorstats");
    assert!(
        info.contains("errorstat_a_b__role_none:count=1\r\nerrorstat_in:count=1\r\n"),
        "{info}"
    );
}

#[test]
fn what_a_script_writes_is_told_as_one_transaction() {
    let mut t = TestServer::new();
    t.propagated();
    t.lua("redis.call('set','a',1) redis.call('get','a') redis.call('incr','a')");
    assert_eq!(t.propagated(), ["MULTI", "set a 1", "incr a", "EXEC"]);
    t.lua("redis.call('set','a',1)");
    assert_eq!(t.propagated(), ["set a 1"]);
    t.lua("redis.call('select',1) redis.call('sadd','s','x') return redis.call('spop','s')");
    assert_eq!(t.propagated().len(), 4);
    t.lua("redis.set_repl(redis.REPL_NONE) redis.call('set','b',1)");
    assert!(t.propagated().is_empty());
    t.lua("redis.set_repl(redis.REPL_REPLICA) redis.call('set','b',2) redis.call('getdel','b')");
    let mut aof = vec![];
    crate::feed::drain(&mut t.srv.unit, Some(&mut aof), None);
    assert!(!String::from_utf8_lossy(&aof).contains("set"), "told to replicas only");
    t.propagated();
    t.lua("redis.call('set','c',1) error('x')");
    assert_eq!(t.propagated(), ["set c 1"], "what was done is done");
    assert_eq!(t.run("GET c"), "$1\r\n1\r\n");
    assert_eq!(t.run("EXISTS s"), ":0\r\n", "the database was the script's own");
}

#[test]
fn keys_that_scripts_touch_are_watched_and_waited_for() {
    let mut t = TestServer::new();
    let other = t.connect();
    t.run("WATCH k");
    t.lua_as(other, "return redis.call('set','k','v')");
    t.run("MULTI");
    t.run("PING");
    assert_eq!(t.run("EXEC"), "*-1\r\n");
    assert_eq!(t.run("BLPOP l 0"), "");
    t.lua_as(
        other,
        "redis.call('rpush','l','a') redis.call('lpop','l') redis.call('rpush','l','b')",
    );
    let client = t.client;
    assert_eq!(t.receive(client), b"*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
    assert_eq!(t.lua("return redis.call('blpop','none',0)"), "$-1\r\n", "nobody waits in there");
}

#[test]
fn scripts_are_cached_and_the_oldest_of_eval_are_dropped() {
    let mut t = TestServer::new();
    let loaded = t.run("SCRIPT LOAD 'return 7'");
    let sha = loaded.split("\r\n").nth(1).expect("a digest").to_owned();
    for n in 0..520 {
        assert_eq!(t.lua(&format!("return {n}")), format!(":{n}\r\n"));
    }
    assert_eq!(t.srv.script.cache.len(), 501);
    assert_eq!(t.srv.script.evicted, 19, "the one that was loaded counts not, and is there once");
    assert_eq!(t.run(&format!("EVALSHA {} 0", sha.to_uppercase())), ":7\r\n");
    assert_eq!(t.run(&format!("SCRIPT SHOW {sha}")), "$8\r\nreturn 7\r\n");
    assert_eq!(t.run(&format!("SCRIPT EXISTS {sha} abc")), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(t.run("SCRIPT FLUSH"), "+OK\r\n");
    assert!(t.run(&format!("EVALSHA {sha} 0")).starts_with("-NOSCRIPT"));
}

#[test]
fn machines_are_closed_by_another_thread() {
    let mut t = TestServer::new();
    t.srv.keyspace.lazyfree.start("", || {}).expect("a thread");
    for round in 1..=5 {
        for n in 0..100 {
            t.lua(&format!("return {n} .. ARGV[1]"));
        }
        t.load("#!lua name=l\nlocal t = {} redis.register_function('f', function() t[1] = 1 return t end)");
        assert_eq!(t.run("SCRIPT FLUSH ASYNC"), "+OK\r\n");
        assert_eq!(t.run("FUNCTION FLUSH ASYNC"), "+OK\r\n");
        assert_eq!(t.lua("return 7"), ":7\r\n");
        while t.srv.keyspace.lazyfree.pending() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(
            t.srv.keyspace.lazyfree.freed(),
            101 * round + round - 1,
            "and what was run since"
        );
        assert_eq!(t.run("EXISTS k"), ":0\r\n");
    }
}

#[test]
fn flags_and_forms_that_only_read_are_honoured() {
    let mut t = TestServer::new();
    let refused = "-ERR Write commands are not allowed from read-only scripts.";
    assert!(t.run("EVAL_RO \"return redis.call('set','a','b')\" 0").starts_with(refused));
    t.fails("#!lua flags=no-writes\nreturn redis.call('set','a','b')", "read-only scripts");
    assert_eq!(
        t.run("EVAL_RO \"#!lua\\nreturn 1\" 0"),
        "-ERR Can not execute a script with write flag using *_ro command.\r\n"
    );
    assert_eq!(t.run("EVAL_RO \"#!lua flags=no-writes\\nreturn 1\" 0"), ":1\r\n");
    assert_eq!(t.run("EXISTS a"), ":0\r\n");
}

#[test]
fn libraries_are_loaded_called_dumped_and_restored() {
    let mut t = TestServer::new();
    let code = "#!lua name=lib\nredis.register_function('f', function(k, a) return {k[1], a[1]} end)\n\
                redis.register_function{function_name='g', callback=function() return redis.call('set','x','y') end, \
                flags={'no-writes'}, description='d'}";
    assert_eq!(t.load(code), "$3\r\nlib\r\n");
    assert_eq!(t.load(code), "-ERR Library 'lib' already exists\r\n");
    assert_eq!(t.run("FCALL F 1 key arg"), "*2\r\n$3\r\nkey\r\n$3\r\narg\r\n");
    assert!(t.run("FCALL g 0").starts_with("-ERR Write commands are not allowed from read-only"));
    assert!(t.run("FCALL_RO f 0").starts_with("-ERR Can not execute a script with write flag"));
    assert_eq!(
        t.load("#!lua name=other\nredis.register_function('G', function() end)"),
        "-ERR Function G already exists\r\n"
    );
    assert_eq!(t.srv.script.libraries.len(), 1, "all or nothing");
    let payload = crate::persist::rdb::save::functions_payload(t.srv.script.libraries.codes());
    let payload = payload.expect("memory");
    assert_eq!(t.run("FUNCTION FLUSH"), "+OK\r\n");
    assert_eq!(t.run("FCALL f 0"), "-ERR Function not found\r\n");
    let restore = |t: &mut TestServer, payload: &[u8], policy: &str| {
        let mut bytes =
            format!("*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n${}\r\n", payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(format!("\r\n${}\r\n{policy}\r\n", policy.len()).as_bytes());
        let client = t.client;
        t.send(client, &bytes);
        String::from_utf8_lossy(&t.receive(client)).into_owned()
    };
    assert_eq!(restore(&mut t, &payload, "APPEND"), "+OK\r\n");
    assert_eq!(restore(&mut t, &payload, "APPEND"), "-ERR Library lib already exists\r\n");
    assert_eq!(restore(&mut t, &payload, "REPLACE"), "+OK\r\n");
    assert_eq!(restore(&mut t, &payload, "FLUSH"), "+OK\r\n");
    for at in 0..payload.len() {
        let mut bad = payload.clone();
        bad[at] ^= 1;
        let wanted = "-ERR DUMP payload version or checksum are wrong\r\n";
        assert_eq!(restore(&mut t, &bad, "REPLACE"), wanted);
    }
    assert_eq!(t.run("FCALL f 1 k a"), "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert_eq!(t.run("FUNCTION DELETE lib"), "+OK\r\n");
    assert_eq!(t.propagated().len(), 6, "load, flush, three times restore, delete");
}

#[test]
fn while_a_library_is_loaded_there_is_little_to_be_had() {
    let mut t = TestServer::new();
    let mut fails = |code: &str, with: &str| {
        let answer = t.load(&format!("#!lua name=l\n{code}"));
        assert!(
            answer.starts_with("-ERR Error registering functions: ") && answer.contains(with),
            "{code}: {answer}"
        );
        assert!(t.srv.script.libraries.is_empty());
    };
    fails("redis.call('ping')", "nonexistent global variable 'call'");
    fails("math.random()", "nonexistent global variable 'math'");
    fails("a = 1", "Attempt to modify a readonly table");
    fails(
        "redis.register_function('f', function() end) error('x')",
        "nonexistent global variable 'error'",
    );
    fails(
        "redis.register_function('f', 1)",
        "second argument to redis.register_function must be a function",
    );
}

// -- what a script must not be able to do ---------------------------------------------------------

#[test]
fn nothing_that_is_shared_can_be_changed() {
    let mut t = TestServer::new();
    let changes = [
        "x = 1",
        "print = 1",
        "_G.x = 1",
        "redis.call = nil",
        "string.format = nil",
        "cjson.decode = nil",
        "os.clock = nil",
        "KEYS = 1",
        "setmetatable(_G, {})",
        "setmetatable(redis, {})",
        "rawset(_G, 'x', 1)",
        "rawset(redis, 'x', 1)",
        "table.insert(redis, 1)",
        "getmetatable(_G).__index = 1",
        "setmetatable(getmetatable(_G), {})",
        "loadstring('y = 1')()",
        "local f = next(redis) redis[f] = 1",
    ];
    for change in changes {
        t.fails(change, "Attempt to modify a readonly table");
    }
    // The real tables are handed out by nobody.
    assert_eq!(t.lua("for k in pairs(redis) do rawget(redis, k) end return rawget(redis, 'call') == redis.call"), ":1\r\n");
    assert_eq!(t.lua("local _, s = pairs(redis) return s == redis"), ":1\r\n");
    assert_eq!(t.lua("return tostring(getmetatable(redis))"), "$3\r\nnil\r\n");
    t.fails("return foo", "Script attempted to access nonexistent global variable 'foo'");
    for name in [
        "print", "dofile", "loadfile", "require", "newproxy", "setfenv", "getfenv", "io", "debug",
        "package", "module",
    ] {
        t.fails(&format!("return {name}"), "nonexistent global variable");
    }
    t.fails("return os.time()", "a nil value");
}

fn with_deprecated() -> TestServer {
    let mut conf = Config::default();
    conf.script.lua_deprecated_api = true;
    TestServer::with(conf)
}

/// `lua-enable-deprecated-api`, which once had no effect. Answers of Redis 8.2.
#[test]
fn deprecated_functions_come_back() {
    let mut t = with_deprecated();
    let cases = [
        ("local f = setfenv(function() return y end, {y = 5}) return f()", ":5\r\n"),
        ("setfenv(1, {}) return 1", ":1\r\n"),
        ("return getfenv(0) == _G and getfenv(string.format) == _G and 1", ":1\r\n"),
        ("return coroutine.wrap(function() return getfenv(0) == _G and 1 end)()", ":1\r\n"),
        ("return type(newproxy()) .. type(getmetatable(newproxy()))", "$11\r\nuserdatanil\r\n"),
        (
            "local p = newproxy(true) getmetatable(p).__index = function(_, k) return k .. 1 end \
             return p.x",
            "$2\r\nx1\r\n",
        ),
        (
            "local p = newproxy(true) getmetatable(p).__tostring = function() return 'p' end \
             return tostring(p)",
            "$1\r\np\r\n",
        ),
        (
            "local p = newproxy(true) return getmetatable(newproxy(p)) == getmetatable(p) and 1",
            ":1\r\n",
        ),
    ];
    for (script, answer) in cases {
        assert_eq!(t.lua(script), answer, "{script}");
    }
    let failures = [
        ("getfenv().x = 1", "Attempt to modify a readonly table"),
        ("rawset(getfenv(0), 'x', 1)", "Attempt to modify a readonly table"),
        ("setfenv(redis.call, {})", "'setfenv' cannot change environment of given object"),
        ("setfenv(50, {})", "bad argument #1 to 'setfenv' (invalid level)"),
        ("setfenv(-1, {})", "bad argument #1 to 'setfenv' (level must be non-negative)"),
        ("setfenv({}, {})", "bad argument #1 to 'setfenv' (number expected, got table)"),
        ("setfenv(1)", "bad argument #2 to 'setfenv' (table expected, got no value)"),
        ("return getfenv(50)", "bad argument #1 to 'getfenv' (invalid level)"),
        ("newproxy(1)", "bad argument #1 to 'newproxy' (boolean or proxy expected)"),
        ("newproxy(newproxy())", "bad argument #1 to 'newproxy' (boolean or proxy expected)"),
        ("newproxy(cjson.null)", "bad argument #1 to 'newproxy' (boolean or proxy expected)"),
        ("return print", "nonexistent global variable 'print'"),
    ];
    for (script, error) in failures {
        t.fails(script, error);
    }
    assert!(
        t.run("CONFIG SET lua-enable-deprecated-api no").contains("can't set immutable config")
    );
}

/// In Redis a script that sets the environment of level 0 breaks all scripts after it, and
/// finalizers run at any time.
#[test]
fn deprecated_functions_reach_no_further_than_the_script() {
    let mut t = with_deprecated();
    t.fails("setfenv(0, {})", "the environment of the thread is read-only");
    t.fails("coroutine.wrap(function() setfenv(0, {}) end)()", "is read-only");
    assert_eq!(t.lua("return redis.call('ping')"), "+PONG\r\n");
    let refused = "finalizers are not supported";
    t.fails("getmetatable(newproxy(true)).__gc = function() end", refused);
    t.fails(
        "rawset(getmetatable(newproxy(true)), '__gc', 1)",
        "Attempt to modify a readonly table",
    );
    t.fails("setmetatable(getmetatable(newproxy(true)), {})", "Attempt to modify a readonly table");
    let churn = "for i = 1, 1000 do local p = newproxy(true) getmetatable(p).__len = function() \
                 return i end assert(#p == i) end collectgarbage() return 1";
    assert_eq!(t.lua(churn), ":1\r\n");
}

/// Whatever libraries read, they answer or raise an error; what was read can be written and read
/// again.
#[test]
fn libraries_take_any_bytes() {
    use proptest::test_runner::{Config as Cases, TestRunner};
    let script = "local a, b = ARGV[1], ARGV[2] \
        local ok, value = pcall(cjson.decode, a) \
        if ok then local again, text = pcall(cjson.encode, value) \
          if again then assert(cjson.encode(cjson.decode(text)) == text or text:find('\"')) end end \
        local ok, value = pcall(cmsgpack.unpack, a) \
        if ok then local packed = cmsgpack.pack(value) \
          assert(cmsgpack.pack(cmsgpack.unpack(packed)) == packed or type(value) == 'table') end \
        pcall(cmsgpack.unpack_one, a, #b) pcall(cmsgpack.unpack_limit, a, #b, 1) \
        pcall(struct.unpack, b, a) pcall(struct.size, b) pcall(struct.pack, b, 1, a, -1, b, 1e300) \
        pcall(string.find, a, b) pcall(string.gsub, a, b, b) pcall(loadstring, a) return 1";
    let mut t = TestServer::new();
    let mut runner =
        TestRunner::new(Cases { cases: 400, failure_persistence: None, ..Cases::default() });
    let json = "[\\[\\]{}\",:0-9a-z.e\\\\ -]{0,40}";
    let format = "[<>!bBhHlLiIcsfdx0-9 %.*+?()\\[\\]^$-]{0,12}";
    let any = proptest::collection::vec(proptest::num::u8::ANY, 0..40);
    let inputs = (any, json, format, proptest::bool::ANY);
    let t = std::cell::RefCell::new(&mut t);
    let result = runner.run(&inputs, |(bytes, json, format, is_json)| {
        let a = if is_json { json.into_bytes() } else { bytes };
        let words: [&[u8]; 5] = [b"EVAL", script.as_bytes(), b"0", &a, format.as_bytes()];
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend_from_slice(word);
            request.extend(b"\r\n");
        }
        let mut t = t.borrow_mut();
        let client = t.client;
        t.send(client, &request);
        let answer = String::from_utf8_lossy(&t.receive(client)).into_owned();
        proptest::prop_assert_eq!(answer, ":1\r\n");
        Ok(())
    });
    result.expect("no input breaks a library");
}

#[test]
fn chance_is_the_same_on_every_server() {
    let mut t = TestServer::new();
    let body = "math.randomseed(42) return {tostring(math.random()), math.random(100), math.random(5, 10)}";
    assert_eq!(t.lua(body), "*3\r\n$16\r\n0.74452500033403\r\n:35\r\n:5\r\n");
}

#[test]
fn monitors_see_the_script_and_what_it_does() {
    let mut t = TestServer::new();
    let watcher = t.connect();
    t.run_as(watcher, "MONITOR");
    t.lua("return redis.call('set','k','v')");
    let seen = String::from_utf8_lossy(&t.receive(watcher)).into_owned();
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines[0].contains("\"EVAL\"") && !lines[0].contains("lua]"), "{seen}");
    assert!(lines[1].ends_with("lua] \"set\" \"k\" \"v\""), "{seen}");
}
