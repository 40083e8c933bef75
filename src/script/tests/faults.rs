//! Faults of scripting, in Redis, Valkey or Lua, that have become known by a number, and what is
//! like them.
//!
//! | number | what it was | test |
//! |---|---|---|
//! | CVE-2014-5461 | fixed parameters before `...` outgrew the stack | `the_stack_of_lua_does_not_overflow` |
//! | CVE-2015-4335 | bytecode was run | `neither_bytecode_nor_system_libraries_are_run` |
//! | CVE-2015-8080, CVE-2018-11219, CVE-2020-14147 | sizes in formats of `struct` | `sizes_in_the_libraries_do_not_overflow` |
//! | CVE-2018-11218, CVE-2022-24834 | lengths in `cmsgpack` and `cjson` | the same |
//! | CVE-2021-32626 | answers and arguments outgrew the stack | `the_stack_of_lua_does_not_overflow` |
//! | CVE-2021-32672 | the debugger read beyond its input | `there_is_no_debugger` |
//! | CVE-2022-0543 | a library of the system was loaded | `neither_bytecode_nor_system_libraries_are_run` |
//! | CVE-2022-24735 | what a script left behind ran as another user's | `scripts_leave_nothing_behind`, `raised_tables_are_no_way_out` |
//! | CVE-2022-24736 | a crafted script led to a null pointer | `no_source_is_too_much_for_the_compiler` |
//! | CVE-2022-36021, CVE-2024-31228 | patterns took forever, or the stack | `patterns_for_names_come_to_an_end`, `bombs_end_in_an_error` |
//! | CVE-2024-31449 | digits of `bit.tohex` | `sizes_in_the_libraries_do_not_overflow` |
//! | CVE-2024-46981, CVE-2025-49844 | the collector freed what was in use | `the_collector_takes_nothing_from_the_compiler` |
//! | CVE-2025-46817 | results of `unpack` were counted wrong | `unpack_counts_right` |
//! | CVE-2025-46818 | metatables of basic types were open | `metatables_of_basic_types_are_closed` |
//! | CVE-2025-46819 | brackets of long strings | `brackets_of_long_strings_end_with_the_source` |
//! | CVE-2025-67733 | texts of errors were no replies of the protocol | `errors_stay_one_reply` |

use super::with_room;
use crate::config::Config;
use crate::server::testing::TestServer;

/// CVE-2025-46818: metatables of basic types were open, and what one user put there ran as another.
#[test]
fn metatables_of_basic_types_are_closed() {
    let mut t = TestServer::new();
    t.fails("getmetatable('').__index = function() end", "Attempt to modify a readonly table");
    t.fails("getmetatable('').__tostring = function() end", "Attempt to modify a readonly table");
    t.fails("rawset(getmetatable(''), '__index', 1)", "Attempt to modify a readonly table");
    t.fails("setmetatable(getmetatable(''), {})", "Attempt to modify a readonly table");
    t.fails("getmetatable('').__index.rep = 1", "Attempt to modify a readonly table");
    for value in ["1", "true", "nil", "redis.call", "cjson.null"] {
        t.fails(&format!("getmetatable({value}).__index = 1"), "a nil value");
        t.fails(&format!("setmetatable({value}, {{}})"), "table expected");
    }
    assert_eq!(t.lua("return ('abc'):upper()"), "$3\r\nABC\r\n");
}

/// CVE-2022-0543: a library of the system was loaded by `package.loadlib`. CVE-2015-4335: bytecode
/// was run.
#[test]
fn neither_bytecode_nor_system_libraries_are_run() {
    let mut t = TestServer::new();
    t.fails("return package.loadlib('x', 'y')", "nonexistent global variable 'package'");
    assert_eq!(
        t.lua("return {loadstring(string.dump(function() return 1 end))}"),
        "*0\r\n",
        "nil, and the reason"
    );
    assert_eq!(
        t.lua("local n, e = loadstring('\\27Lua') return e"),
        "$58\r\n[string \"\u{1b}Lua\"]:1: unexpected symbol near 'char(27)'\r\n"
            .replace("$58", "$52")
    );
    let pieces = "local d = string.dump(function() return 1 end) local n = 0 \
                  return {load(function() n = n + 1 if n > 1 then return nil end return d end)}";
    assert_eq!(t.lua(pieces), "*0\r\n");
    t.fails("\x1bLua", "unexpected symbol near 'char(27)'");
    assert!(t.load("#!lua name=l\n").starts_with("-ERR No functions registered"));
}

/// CVE-2025-46817: counting the results of `unpack` overflowed.
#[test]
fn unpack_counts_right() {
    let mut t = TestServer::new();
    let big = [
        "1, 10000",
        "0, 2147483647",
        "-2147483648, 2147483647",
        "-1, 2147483647",
        "2147483647 - 8000, 2147483647",
        "1, 1e300",
    ];
    for range in big {
        let answer = t.lua(&format!("return {{unpack({{1,2,3}}, {range})}}"));
        let is_fine = answer.contains("too many results to unpack") || answer == "*0\r\n";
        assert!(is_fine, "{range}: {answer}");
    }
    assert_eq!(t.lua("return {unpack({1,2,3}, 2, 3)}"), "*2\r\n:2\r\n:3\r\n");
    assert_eq!(
        t.lua("local t = {} for i = 1, 7000 do t[i] = i end return #{unpack(t)}"),
        ":7000\r\n"
    );
    assert_eq!(t.lua("local t = {} for i = 1, 7999 do t[i] = i end return redis.call('rpush', 'l', unpack(t))"), ":7999\r\n");
}

/// CVE-2024-46981, CVE-2025-49844: the collector freed what the compiler, or a finalizer, still
/// held.
#[test]
fn the_collector_takes_nothing_from_the_compiler() {
    let mut t = TestServer::new();
    let body = "collectgarbage('setpause', 0) collectgarbage('setstepmul', 100000) local n = 0 \
                for i = 1, 200 do local name = '=' .. ('n'):rep(50) .. i \
                local f = loadstring('return function() return \"' .. ('x'):rep(100) .. i .. '\" end', name) \
                local g = load((function() local k = 0 return function() k = k + 1 collectgarbage() \
                return ({'local a', ' = ' .. i, ' return a'})[k] end end)(), name) \
                if f()() == ('x'):rep(100) .. i and g() == i then n = n + 1 end end return n";
    assert_eq!(t.lua(body), ":200\r\n");
    t.fails("return newproxy(true)", "nonexistent global variable 'newproxy'");
    // Tables have no finalizers.
    assert_eq!(
        t.lua("setmetatable({}, {__gc = function() error('x') end}) collectgarbage() return 1"),
        ":1\r\n"
    );
}

/// CVE-2015-8080, CVE-2018-11219, CVE-2020-14147: sizes in formats of `struct` overflowed.
/// CVE-2018-11218, CVE-2022-24834: so did lengths in cmsgpack and cjson. CVE-2024-31449: and the
/// digits of `bit.tohex`.
#[test]
fn sizes_in_the_libraries_do_not_overflow() {
    with_room(|| {
        let mut t = TestServer::new();
        t.fails("return struct.pack('i99999999999', 1)", "integral size overflow");
        t.fails("return struct.pack('I2147483648', 1)", "integral size overflow");
        t.fails("return struct.pack('i33', 1)", "larger than limit of 32");
        t.fails("return struct.unpack('c2147483647', 'a', 2147483647)", "data string too short");
        t.fails("return struct.unpack('bc0', '\\255abc')", "data string too short");
        t.fails("return struct.unpack('b', 'a', -2147483648)", "data string too short");
        t.fails("return struct.unpack('i32', 'x')", "data string too short");
        assert_eq!(t.lua("return struct.size('c2147483647c2147483647')"), ":4294967294\r\n");
        for input in [
            "\\221\\255\\255\\255\\255",
            "\\223\\255\\255\\255\\255",
            "\\219\\255\\255\\255\\255",
            "\\218\\255",
        ] {
            t.fails(&format!("return cmsgpack.unpack('{input}')"), "Missing bytes in input.");
        }
        t.fails("return cmsgpack.unpack_limit('\\1', -1)", "Invalid request to unpack");
        t.fails("return cmsgpack.unpack_one('\\1', 2147483647)", "greater than input length");
        t.fails("return cmsgpack.unpack(('\\145'):rep(100000) .. '\\1')", "stack overflow");
        t.fails("return cmsgpack.unpack(('\\1'):rep(9000))", "too many return values at once");
        t.fails("local t = {} t.t = t return cjson.encode(t)", "excessive nesting (1001)");
        t.fails("return cjson.decode(('['):rep(1001))", "too many nested data structures (1001)");
        t.fails(
            "cjson.decode_max_depth(2147483647) return cjson.decode(('['):rep(100000))",
            "too many nested",
        );
        let text = t.lua("return #cjson.encode(('\\\\'):rep(100000))");
        assert_eq!(text, ":200002\r\n");
        assert_eq!(
            t.lua("return {bit.tohex(255, -2147483648), bit.tohex(255, 2147483647)}"),
            "*2\r\n$8\r\n000000FF\r\n$8\r\n000000ff\r\n"
        );
    });
}

#[test]
fn bombs_end_in_an_error() {
    with_room(|| {
        let mut conf = Config::default();
        conf.script.memory_limit = 32 << 20;
        let mut t = TestServer::with(conf);
        t.fails("return ('x'):rep(1e9)", "not enough memory");
        t.fails("local s = 'x' while true do s = s .. s end", "not enough memory");
        t.fails(
            "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
            "not enough memory",
        );
        t.fails("local s = ('a'):rep(1e6) return s:gsub('a', s)", "not enough memory");
        t.fails(
        "return (('a?'):rep(40) .. ('a'):rep(40)):match(('a?'):rep(40) .. ('a'):rep(40) .. 'b')",
        "pattern too complex",
    );
        t.fails("return (('x'):rep(50)):find(('(x'):rep(40))", "too many captures");
        t.fails("local function f() return 1 + f() end return f()", "stack overflow");
        t.fails(
            "local function f() return pcall(f) end local t = {} t[1] = t error(t)",
            "-ERR unknown error",
        );
        t.fails(
            "local t = {} for i = 1, 1e5 do t[i] = '(' end return loadstring(table.concat(t))()",
            "",
        );
        let deep = t.lua("local t = {} t[1] = t return t");
        assert!(deep.ends_with("*1\r\n-ERR reached lua stack limit\r\n"));
        assert_eq!(t.lua("return 1"), ":1\r\n");
    });
}

/// CVE-2021-32626: answers and arguments outgrew the stack of Lua.
#[test]
fn the_stack_of_lua_does_not_overflow() {
    let mut t = TestServer::new();
    let filled = "local t = {} for i = 1, 7990 do t[i] = i end ";
    assert_eq!(t.lua(&format!("{filled}return #{{unpack(t)}}")), ":7990\r\n");
    assert_eq!(t.lua(&format!("{filled}return redis.call('del', unpack(t))")), ":0\r\n");
    assert_eq!(t.lua(&format!("{filled}return redis.pcall('nosuch', unpack(t))")).len(), 47);
    for call in [
        "cmsgpack.pack",
        "bit.bor",
        "struct.pack",
        "cjson.encode",
        "redis.error_reply",
        "redis.log",
        "redis.setresp",
        "math.random",
        "redis.sha1hex",
        "string.rep",
        "rawset",
        "setmetatable",
        "select",
        "pcall",
        "table.insert",
    ] {
        t.lua(&format!("{filled}return {{pcall({call}, unpack(t))}}"));
        assert_eq!(t.lua("return 1"), ":1\r\n", "after {call}");
    }
    // Each fixed parameter without an argument is a nil, and all of them are moved.
    let names = (0..150).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    let body = format!(
        "local function f({names}, ...) return p149 == nil and select('#', ...) end \
                        local function deep(n) if n == 0 then return f() end return (deep(n - 1)) end return {{f(), f(1), deep(100), (coroutine.wrap(function() return f() end))()}}"
    );
    assert_eq!(t.lua(&body), "*4\r\n:0\r\n:0\r\n:0\r\n:0\r\n");
    // Elements of elements of an answer, a thousand times over.
    t.run("RPUSH l a");
    assert_eq!(
        t.lua(
            "local t = {} for i = 1, 3000 do t[i] = redis.call('lrange', 'l', 0, -1) end return #t"
        ),
        ":3000\r\n"
    );
}

/// CVE-2025-46819: brackets of long strings were counted beyond the end of the source.
#[test]
fn brackets_of_long_strings_end_with_the_source() {
    let mut t = TestServer::new();
    for source in [
        "'['..e",
        "'[['",
        "'['..e..'['",
        "'['..e..'['..']'..e",
        "'--['..e",
        "'--['..e..'[x'",
        "'x='..e",
    ] {
        for count in [0, 1, 2, 100, 100_000] {
            let body = format!("local e = ('='):rep({count}) return type(loadstring({source}))");
            let answer = t.lua(&body);
            assert!(
                answer.starts_with("$3\r\nnil") || answer.starts_with("$8\r\nfunction"),
                "{body}: {answer}"
            );
        }
    }
    t.fails(
        "return loadstring('return [=[' .. ('x'):rep(1000) .. ']==]')()",
        "attempt to call a nil value",
    );
}

/// What was raised is asked for its text, and told where that was: what is shared must not be
/// written to, and a metatable that raises an error itself ends the process in Redis 8.2.
#[test]
fn raised_tables_are_no_way_out() {
    let mut t = TestServer::new();
    let refused = "-ERR err_handler_def:10: Attempt to modify a readonly table script: ";
    for shared in ["redis", "_G", "string", "getmetatable('')"] {
        t.fails(&format!("error({shared})"), refused);
        let rest = format!(
            "return {{tostring(rawget({shared}, 'source')), tostring(rawget({shared}, 'line'))}}"
        );
        assert_eq!(t.lua(&rest), "*2\r\n$3\r\nnil\r\n$3\r\nnil\r\n", "{shared}");
    }
    t.fails("error(setmetatable({}, {__index = {err = 'A b'}}))", "-A b script: ");
    t.fails(
        "error(setmetatable({}, {__index = function() error('in') end}))",
        "-ERR unknown error script: ",
    );
    t.fails(
        "error(setmetatable({}, {__index = function() return redis.call('nosuch') end}))",
        "-ERR unknown",
    );
    t.fails(
        "local ok, e = pcall(error, setmetatable({}, {__index = function() error('in') end})) return e",
        "-ERR user_script:1: in script: ",
    );
    let answer = t.lua("return {pcall(error, {err = {1}})}");
    assert_eq!(answer, "*3\r\n$-1\r\n*0\r\n*1\r\n:1\r\n", "the field is a third result");
    t.fails("error(cjson.null)", "-ERR userdata: (nil) script: ");
    t.fails("error(redis.call)", "-ERR function: 0x");
}

/// CVE-2022-24735: what a script left behind ran as somebody else's.
#[test]
fn scripts_leave_nothing_behind() {
    let mut t = TestServer::new();
    t.lua("KEYS[1] = 'x' ARGV.y = 1 return 1");
    assert_eq!(t.lua("return {#KEYS, #ARGV, tostring(ARGV.y)}"), "*3\r\n:0\r\n:0\r\n$3\r\nnil\r\n");
    t.fails("getmetatable(KEYS).__index = 1", "a nil value");
    t.lua("redis.setresp(3) redis.set_repl(redis.REPL_NONE) return redis.call('select', 5)");
    assert_eq!(
        t.lua("return tostring(redis.call('get', 'none'))"),
        "$5\r\nfalse\r\n",
        "RESP2 again"
    );
    t.propagated();
    t.lua("return redis.call('set', 'k', 'v')");
    assert_eq!(t.propagated(), ["set k v"]);
    assert_eq!(t.run("EXISTS k"), ":1\r\n");
}

/// Sources of any size, as expressions of Lua.
const SOURCES: &[&str] = &[
    "('local a = 1 '):rep(N)",
    "'local ' .. ('a,'):rep(N) .. 'a = 1'",
    "('a,'):rep(N) .. 'a = 1'",
    "'local a = ' .. ('{'):rep(N) .. ('}'):rep(N)",
    "'return ' .. ('('):rep(N) .. '1' .. (')'):rep(N)",
    "'return ' .. ('-'):rep(N) .. '1'",
    "'return ' .. ('not '):rep(N) .. '1'",
    "'return ' .. ('1 + '):rep(N) .. '1'",
    "'return ' .. ('1 .. '):rep(N) .. '1'",
    "'return ' .. ('2 ^ '):rep(N) .. '1'",
    "'return ' .. ('true and '):rep(N) .. '1'",
    "('do '):rep(N) .. ('end '):rep(N)",
    "('while true do '):rep(N) .. ('break end '):rep(N)",
    "('function f() '):rep(N) .. ('end '):rep(N)",
    "'return ' .. ('function() return '):rep(N) .. '1' .. (' end'):rep(N)",
    "('if true then else'):rep(N) .. ' end'",
    "'function f(' .. ('a,'):rep(N) .. 'a) end'",
    "'function f(' .. ('a,'):rep(N) .. '...) return arg end return f()'",
    "'return f' .. ('()'):rep(N)",
    "'return a' .. ('.a'):rep(N)",
    "'return a' .. ('[a'):rep(N) .. (']'):rep(N)",
    "'return a' .. (':a()'):rep(N)",
    "'return {' .. ('1,'):rep(N) .. '}'",
    "'return {' .. ('[1]=2;'):rep(N) .. '}'",
    "'return ' .. ('1,'):rep(N) .. '1'",
    "'f(' .. ('1,'):rep(N) .. '1)'",
    "('local function f() end '):rep(N)",
    "'x = \"' .. ('\\\\255'):rep(N) .. '\"'",
    "'return ' .. ('9'):rep(N)",
    "'return 0x' .. ('f'):rep(N)",
    "'return 1e' .. ('9'):rep(N)",
    "('a'):rep(N) .. ' = 1'",
    "'--[' .. ('='):rep(N) .. '['",
    "('\\n'):rep(N) .. 'x x'",
    "('repeat local a = function() return a end '):rep(N) .. ('until a '):rep(N)",
    "'local t = {} for ' .. ('a,'):rep(N) .. 'a in pairs(t) do end'",
    "'goto x ' .. (';'):rep(N)",
    "('x'):rep(N)",
    "('('):rep(N)",
];

/// CVE-2022-24736. Sources at the limits of the compiler: each is refused or runs.
#[test]
fn no_source_is_too_much_for_the_compiler() {
    with_room(|| {
        let mut conf = Config::default();
        conf.script.memory_limit = 64 << 20;
        let mut t = TestServer::with(conf);
        for source in SOURCES {
            for count in [1, 59, 60, 61, 199, 200, 201, 249, 250, 251, 256, 1000, 20_000] {
                if count > 1000 && source.contains("else") {
                    continue; // Lua goes along the list of jumps to the end once for each of them.
                }
                let body = format!(
                    "local N = {count} local f, e = loadstring({source}) \
                     if not f then return #e > 0 and 1 end return type(f) == 'function' and 1"
                );
                let answer = t.lua(&body);
                let is_fine = answer == ":1\r\n" || answer.contains("not enough memory");
                assert!(is_fine, "{count}: {source}: {answer}");
            }
            assert_eq!(t.lua("return 1"), ":1\r\n", "after {source}");
        }
    });
}

/// CVE-2022-36021, CVE-2024-31228.
#[test]
fn patterns_for_names_come_to_an_end() {
    let mut t = TestServer::new();
    t.load(&format!("#!lua name={}\nredis.register_function('f', function() end)", "a".repeat(60)));
    for pattern in
        ["*a".repeat(40) + "b", "*".repeat(100_000), "\\[".repeat(5000), "[".repeat(5000)]
    {
        let answer = t.run(&format!("FUNCTION LIST LIBRARYNAME \"{pattern}\""));
        assert!(answer.starts_with('*'), "{answer}");
    }
}

/// CVE-2021-32672.
#[test]
fn there_is_no_debugger() {
    let mut t = TestServer::new();
    for mode in ["YES", "SYNC"] {
        assert!(t.run(&format!("SCRIPT DEBUG {mode}")).starts_with("-ERR There is no debugger"));
    }
    assert_eq!(t.run("SCRIPT DEBUG NO"), "+OK\r\n");
    assert_eq!(t.lua("redis.breakpoint() redis.debug('x') return 1"), ":1\r\n");
}

/// CVE-2025-67733: line ends and NULs in texts of errors made what came behind look like replies of
/// their own.
#[test]
fn errors_stay_one_reply() {
    let mut t = TestServer::new();
    for text in [
        "a\\r\\n+OK\\r\\nb",
        "a\\0\\r\\n+OK\\r\\n",
        "\\r\\n",
        "\\n",
        "\\0",
        "E \\r",
        "-\\r\\n:1",
        "E a\\0\\n",
    ] {
        for body in [
            "error('T')",
            "error('T', 0)",
            "error({err = 'T'})",
            "return {err = 'T'}",
            "return {ok = 'T'}",
            "return redis.error_reply('T')",
            "return redis.status_reply('T')",
            "return redis.call('T')",
            "return redis.call('get', 'T', 'T')",
            "return redis.call('config', 'T')",
            "return redis.pcall('client', 'T')",
            "return redis.call('xread', 'T', 'T', 'T')",
            "return {big_number = 'T'}",
            "return loadstring('T')()",
            "local x = {} return x['T'].y",
            "assert(false, 'T')",
            "return {double = 1, err = 'T'}",
        ] {
            let body = body.replace('T', text);
            let answer = t.lua(&body);
            let lines = answer.matches("\r\n").count();
            let is_one = lines == 1 || answer.starts_with('$') && lines >= 2;
            assert!(is_one && answer.ends_with("\r\n"), "{body}: {answer:?}");
            if !answer.starts_with('$') {
                assert!(!answer[..answer.len() - 2].contains(['\r', '\n']), "{body}: {answer:?}");
            }
            let inside = t.lua(&format!("return {{pcall(function() {body} end), 7}}"));
            assert!(
                inside.ends_with("\r\n:7\r\n") || inside.starts_with('*'),
                "{body}: {inside:?}"
            );
        }
    }
}
