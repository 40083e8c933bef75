# Scripts: random bodies of calls by redis.call and redis.pcall with random commands, right and wrong; values of every kind
# returned, raised, caught and raised again; both protocols inside and outside; functions; transactions of scripts.
#
# Answers whose order a reference's hash table decides are left out (large collections, several random members), and so is
# whatever shows an address. What a table of Lua holds is compared in the order in which `pairs` finds it, which is the same.

namespace eval gen::script {
    variable keys {k1 k2 l1 l2 s1 h1 z1 x1 n1 none}
    variable words {a b c 1 2 10 -7 {} 007 3.5 1e3 abc {f g} "\xff" "a\x00b" 9223372036854775807 "q\"uote" back\\slash}
    variable begun 0
    variable open 0
    # Of a script as "%s" stands for.
    variable show "local function show(v) local t = type(v) if t == 'table' then local o = {} for k, w in pairs(v) do\
        o\[#o + 1] = show(k) .. '=' .. show(w) end return '{' .. table.concat(o, ' ') .. '}' end if t == 'function' or t ==\
        'thread' or t == 'userdata' then return t end return t .. ':' .. tostring(v) end "
}

proc gen::script::key {} { variable keys; return [gen::pick $keys] }
proc gen::script::word {} { variable words; return [gen::pick $words] }

# A string as Lua has it.
proc gen::script::quote {text} {
    set out "'"
    foreach char [split $text {}] {
        scan $char %c code
        if {$char in {' \\} || $code < 32 || $code > 126} {
            append out "\\[format %03d $code]"
        } else {
            append out $char
        }
    }
    return "$out'"
}

# A command, as a list of words.
proc gen::script::call {} {
    set k [key]
    switch [gen::weighted {30 any 6 arity 3 unknown 3 forbidden 4 admin}] {
        arity { return [gen::pick [list GET {SET a} {INCR a b} {LPUSH l1} {HSET h1 f} {ZADD z1 1} {GET a b} {OBJECT} \
            {OBJECT FOO a} {CONFIG} {CONFIG FOO} {XADD x1} {DEL} {SELECT} {ECHO}]] }
        unknown { return [gen::pick {NOSUCH {NOSUCH a b} {{} a} {"get " a} {GET\r\n a} {CLIENT FOO} {get| a} {config|get a}}] }
        forbidden { return [gen::pick {{MULTI} {EXEC} {WATCH a} {SUBSCRIBE c} {EVAL {return 1} 0} {AUTH x} {HELLO 3} {RESET}
            {MONITOR} {SHUTDOWN} {SCRIPT LOAD x} {FUNCTION LIST} {DEBUG SLEEP 0} {SAVE} {BGSAVE} {PSUBSCRIBE a} {QUIT} {FCALL f 0}
            {SCRIPT KILL} {CLIENT REPLY OFF} {CONFIG SET maxmemory 0} {UNWATCH} {DISCARD}}] }
        admin { return [gen::pick [list {PING} {PING hi} {ECHO a} {DBSIZE} {SELECT 1} {SELECT 0} {SELECT x} {TYPE none} [list TYPE $k] \
            [list EXISTS $k none] {COMMAND COUNT x} {OBJECT ENCODING none} {TOUCH none} {CONFIG GET maxmemory} \
            {COMMAND GETKEYS get a} {PUBLISH c m} {SPUBLISH c m} {PUBSUB NUMSUB c} {CLIENT GETNAME} {SWAPDB 0 1}]] }
    }
    set w [word]
    set v [word]
    return [gen::pick [list [list SET $k $w] [list SET $k $w] [list GET $k] [list GET $k] [list SET $k $w GET] [list SET $k $w NX] \
        [list MGET $k none $k] [list APPEND $k $w] [list INCR n1] [list INCR $k] [list INCRBYFLOAT n1 $w] [list STRLEN $k] \
        [list GETRANGE $k 0 2] [list SETRANGE $k 2 $w] [list GETDEL $k] [list SETEX $k 1000 $w] [list PERSIST $k] \
        [list DEL $k] [list DEL $k $w] [list UNLINK $k none] [list RENAME $k [key]] [list COPY $k [key] REPLACE] \
        [list RPUSH l1 $w $v] [list LPUSH l2 $w] [list LPUSH $k $w] [list LRANGE l1 0 -1] [list LRANGE $k 0 3] [list LPOP l1] \
        [list RPOP l2 2] [list LPOP $k] [list LINDEX l1 0] [list LLEN $k] [list LREM l1 0 $w] [list LSET l1 0 $w] \
        [list LPOS l1 $w COUNT 0] [list LMOVE l1 l2 LEFT RIGHT] [list LTRIM l1 0 20] [list BLPOP l1 none 0] [list BLPOP none 0] \
        [list LMPOP 2 none l1 LEFT COUNT 2] [list LINSERT l1 BEFORE $w $v] [list BRPOPLPUSH none l1 0] [list BLMPOP 0 1 none LEFT] \
        [list SADD s1 [gen::int 0 20] [gen::int 0 20]] [list SREM s1 [gen::int 0 20]] [list SMEMBERS s1] [list SCARD $k] \
        [list SISMEMBER s1 $w] [list SMISMEMBER s1 1 2 $w] [list SADD $k 5] [list SINTER s1 s1] [list SINTERCARD 1 s1] \
        [list SUNIONSTORE s1 s1] [list HSET h1 $w $v] [list HSET h1 [gen::int 0 9] $v] [list HGETALL h1] [list HGETALL $k] \
        [list HGET h1 $w] [list HMGET h1 $w none $v] [list HKEYS h1] [list HVALS h1] [list HLEN h1] [list HDEL h1 $w] \
        [list HINCRBY h1 $w 2] [list HINCRBYFLOAT h1 $v 1.5] [list HRANDFIELD none] [list HSTRLEN h1 $w] [list HEXISTS h1 $w] \
        [list ZADD z1 [gen::int -9 9].5 $w] [list ZADD z1 $w $v] [list ZADD z1 INCR 1.5 $v] [list ZADD z1 NX INCR 1 $v] \
        [list ZINCRBY z1 $w $v] [list ZSCORE z1 $w] [list ZMSCORE z1 $w none $v] [list ZRANGE z1 0 -1] \
        [list ZRANGE z1 0 -1 WITHSCORES] [list ZRANGE $k 0 -1 REV WITHSCORES] [list ZRANK z1 $w] [list ZRANK z1 $v WITHSCORE] \
        [list ZPOPMIN z1] [list ZPOPMAX z1 2] [list ZREM z1 $w] [list ZCARD z1] [list ZMPOP 1 z1 MIN COUNT 2] [list BZPOPMIN none 0] \
        [list ZCOUNT z1 -inf +inf] [list ZRANGEBYSCORE z1 -inf inf WITHSCORES LIMIT 0 3] [list ZUNION 2 z1 s1 WITHSCORES] \
        [list XADD x1 [gen::int 1 99999]-1 f $w] [list XRANGE x1 - + COUNT 3] [list XLEN x1] [list XDEL x1 1-1] [list XREAD COUNT 2 STREAMS x1 0] \
        [list XREAD BLOCK 0 STREAMS x1 999999] [list XTRIM x1 MAXLEN 30] [list XGROUP CREATE x1 g 0] [list XINFO GROUPS none] \
        [list XREADGROUP GROUP g c COUNT 1 STREAMS x1 >] [list XPENDING x1 none] [list GEOADD $k 13.361389 38.115556 $w] \
        [list SETBIT $k 7 1] [list BITFIELD none GET u8 0] [list PFADD $k $w] [list PFCOUNT none] [list LCS k1 k2 IDX] [list LCS k1 k2 LEN] \
        [list SORT l1 ALPHA] [list SORT $k] [list SORT_RO l1 BY nosort] [list OBJECT FREQ $k] [list EXPIRE $k 10000] [list EXPIRETIME none]]]
}

# An argument of a call as an expression.
proc gen::script::argument {word} {
    if {[gen::chance 4]} {
        return [gen::pick {1 2.5 -3 1e20 0.1 1/0 -1/0 2^53 2^63 -0 3.0 1e15 123456789012 true false nil {{}} {{1, 2}} print redis.call
            tostring cjson.null #KEYS ARGV}]
    }
    if {[string is integer -strict $word] && ![string match {*[^0-9-]*} $word] && ![regexp {^-?0.} $word] && [gen::chance 40]} {
        return $word
    }
    return [quote $word]
}

# A call as an expression.
proc gen::script::invoke {{verb {}}} {
    if {$verb eq {}} { set verb [gen::pick {redis.call redis.call redis.pcall redis.pcall}] }
    if {[gen::chance 2]} { return "$verb\([gen::pick {{} {{}} nil true {unpack(ARGV)} {'get', nil, 'x'} {nil, 'get'}}])" }
    set args [lmap word [call] { argument $word }]
    return "$verb\([join $args {, }])"
}

# A value as an expression.
proc gen::script::value {{depth 0}} {
    if {$depth > 3 || [gen::chance 45]} {
        return [gen::pick [list [quote [word]] [gen::int -100 100] 1.5 -2.7 1e15 1e300 0/0 1/0 true false nil {''} print cjson.null \
            {{}} 2^53 -0 [quote [word]]]]
    }
    set v [list]
    for {set i [gen::int 1 4]} {$i > 0} {incr i -1} { lappend v [value [expr {$depth + 1}]] }
    set one [lindex $v 0]
    # Members that are tables stand in the order of their addresses: there is one of them.
    set simple [gen::pick [list [quote [word]] [gen::int -9 9] true false 1.5]]
    return [gen::pick [list "{[join $v {, }]}" "{[join $v {, }]}" "{[join $v {, }]}" \
        "{err = [quote [gen::pick {{X y} NOCODE {ERR a b} {-A b} {} "a\x00b" {WRONGTYPE x}}]]}" "{err = $one}" "{ok = [quote [word]]}" "{ok = $one}" \
        "{double = [gen::pick {1.5 0.1 3 1/0 -1/0 1e17 1e300 -0 'x' {{}}}]}" "{big_number = [quote [gen::pick {123 {} x -1}]]}" \
        "{verbatim_string = {string = [quote [word]], format = [quote [gen::pick {txt mkd x {} long}]]}}" "{verbatim_string = $one}" \
        "{map = {\[$simple] = $one}}" "{map = {a = $one, b = [lindex $v end]}}" "{map = $one}" "{set = {\[$simple] = true}}" "{set = {a = $one, b = 1, c = false}}" \
        "{set = $one}" "{map = {\[$one == nil and 1 or type($one) == 'number' and 2 or $one] = 1}}" "{$one, err = 'E x'}" "{$one, ok = 1}" "{n = $one, $one}" \
        "redis.error_reply([gen::pick [list [quote [gen::pick {{My Err} NOCODE {-X y} {} {-} "a b\n" {ERR}}]] 1 {} {{}} nil {'a', 'b'}]])" \
        "redis.status_reply([gen::pick [list [quote [word]] 1 {} nil {{}}]])" "setmetatable({$one}, {__index = function() return 1 end})"]]
}

# Statements.
proc gen::script::statement {} {
    switch [gen::weighted {8 add 5 pcall 2 xpcall 2 nested 2 resp 1 co 1 raise 2 fields 1 json 1 pack 1 loop 1 gsub 1 misc}] {
        add { return "r\[#r + 1] = [invoke]" }
        pcall { return [gen::pick [list "add(pcall(function() return [invoke] end))" "add(pcall(redis.call, [string range [invoke redis.call] 11 end-1]))" \
            "add(pcall(redis.pcall, [string range [invoke redis.pcall] 12 end-1]))" "add(pcall(error, [value]))" "add(pcall(function() [raise] end))"]] }
        xpcall { return "add(xpcall(function() [gen::pick [list "return [invoke]" [raise]]] end, function(e) return [gen::pick {e {show(e)} {{e}} type(e) {e.err} {e .. 'x'} nil}] end))" }
        nested { return "add(pcall(function() local ok, e = pcall(function() return [invoke redis.call] end) [gen::pick {{error(e)} {error(e, 0)} {error({err = e})} {error({err = type(e) == 'string' and e or 'none'})} {return ok, e} {if not ok then error(e) end return e} {return redis.error_reply(e)} {return e}}] end))" }
        resp { return "redis.setresp([gen::pick {2 3 3 3}])" }
        co { return "add(coroutine.resume(coroutine.create(function() local a = [invoke] coroutine.yield(a) [raise] end)))" }
        raise { if {[gen::chance 40]} { return "if #r > 2 then [raise] end" } else { return "r\[#r + 1] = [value]" } }
        fields { return "do local v = [invoke redis.pcall] r\[#r + 1] = type(v) == 'table' and (v.err or v.ok or v.map or v.set or v.double or #v) or v end" }
        json { return "add(pcall(function() return cjson.encode([invoke redis.pcall]) end))" }
        pack { return "add(pcall(function() return show(cmsgpack.unpack(cmsgpack.pack([invoke redis.pcall]))) end))" }
        loop { return "for i = 1, [gen::int 0 5] do r\[#r + 1] = redis.call([quote [gen::pick {INCR APPEND}]], [gen::pick {'n1' 'k1'}][gen::pick {{} {, i}}]) end" }
        gsub { return "add(pcall(function() return (('a1b'):gsub('%w', function(c) return [gen::pick {redis.call('GET', c) redis.pcall('INCR', 'l1') tostring(redis.call('STRLEN',c))}] end)) end))" }
        misc { return [gen::pick [list "r\[#r + 1] = show([invoke redis.pcall])" "r\[#r + 1] = show([invoke redis.pcall])" "r\[#r + 1] = [value]" "r\[#r + 1] = redis.sha1hex([value])" "r\[#r + 1] = #ARGV" \
            "r\[#r + 1] = tostring(KEYS\[1])" "r\[#r + 1] = redis.acl_check_cmd('get', 'k')" "r\[#r + 1] = {KEYS, ARGV}" "x = 1" "r\[#r + 1] = nosuch" \
            "redis.log(redis.LOG_DEBUG, 'x')" "r\[#r + 1] = loadstring('return ' .. [quote [value 3]])()" "redis.set_repl([gen::pick {0 1 2 3 7}])"]] }
    }
}

proc gen::script::raise {} {
    return [gen::pick [list "error([quote [gen::pick {{some text} {ERR x} {-X y} {}}]])" "error([quote [gen::pick {x {y z}}]], [gen::int 0 3])" "error([value])" "error({err = [quote [gen::pick {{My Err} NOCODE {} "a\x00b"}]]})" \
        "error()" "error(nil)" "error([invoke redis.pcall])" "local t = nil; t.x = 1" "local t = {} + 1" "return #nil" "nosuch()" "return 1 < 'x'" "return {} .. 'x'" "error({err = [value 2]})" \
        "assert(false)" "assert(nil, [quote [word]])" "assert(false, {err = 'A b'})" "error({[value 2], err = 'X y', source = 's', line = 7})" "redis.call('incr', 'l1')" "string.rep()" "('x'):bad()" "return unpack({}, 1, 1e8)"]]
}

proc gen::script::body {} {
    variable show
    switch [gen::weighted {4 direct 3 value 10 many 2 raise 2 shown 1 syntax 1 empty}] {
        direct { return "[gen::pick {{} {redis.setresp(3) } {redis.setresp(3) } {redis.setresp(2) }}]return [invoke]" }
        value { return "[gen::pick {{} {redis.setresp(3) }}]return [value]" }
        raise { return "[gen::pick {{} {redis.setresp(3) } "\n" "\n\n"}][raise]" }
        shown { return "$show[gen::pick {{} {redis.setresp(3) }}]return show([invoke redis.pcall])" }
        syntax { return [gen::pick {{return x x} {return 'a} local {if x} {for i = 1} {return 1 +} {end} {x = = 1} {return "a
b"} {goto x} {return 1 return 2} {local function} {return [[a} {--[[ x} {return 0x} {return 1..2} {~= 1} {return ...} {"x"} {x.y} {local a <const> = 1}}] }
        empty { return [gen::pick {{} {return} {-- x} {;} {do end} {return nil, 1} {return 1, 2}}] }
    }
    set out "${show}local r = {} local function add(...) for i = 1, select('#', ...) do r\[#r + 1] = (select(i, ...)) == nil and 'nil' or (select(i, ...)) end end "
    for {set i [gen::int 1 5]} {$i > 0} {incr i -1} { append out [statement] [gen::pick {{ } "\n"}] }
    return "${out}return [gen::pick {r r r show(r) #r unpack(r) cjson.encode(r)}]"
}

proc gen::script::eval {} {
    set body [body]
    if {[gen::chance 6]} {
        set body "[gen::pick {{#!lua} {#!lua flags=no-writes} {#!lua flags=allow-oom,allow-stale} {#!lua flags=allow-cross-slot-keys} {#!lua flags=bad}
            {#!js} {#!lua name=x} {#!lua flags=no-writes,no-cluster} {#!}}]\n$body"
    }
    set verb [gen::pick {EVAL EVAL EVAL EVAL EVAL EVAL eval EVAL_RO}]
    set args {}
    for {set i [gen::pick {0 0 0 1 2 3}]} {$i > 0} {incr i -1} { lappend args [gen::pick [list [key] [word]]] }
    set count [expr {[gen::chance 95] ? [gen::int 0 [llength $args]] : [gen::pick {-1 x 5 {} 1.5 99999999999999999999}]}]
    return [list exact $verb $body $count {*}$args]
}

proc gen::script::library {} {
    variable show
    set name [gen::pick {one two}]
    set code "#!lua name=$name\n"
    if {[gen::chance 8]} { append code [gen::pick {{x x} {error('x')} {redis.call('get', 'x')} {a = 1} {return 1} {redis.register_function('bad-name', print)}}] \n }
    append code "local function f(KEYS, ARGV) [body] end\n"
    append code "redis.register_function[gen::pick [list "('f$name', f)" "{function_name = 'f$name', callback = f, flags = {'no-writes'}}" "{function_name = 'f$name', callback = f, description = 'd'}"]]"
    return [list exact FUNCTION LOAD {*}[gen::pick {REPLACE REPLACE {}}] $code]
}

proc gen::script::command {} {
    variable begun
    variable open
    incr begun
    if {$begun == 1} { return {exact FUNCTION FLUSH} }
    switch [gen::weighted {60 eval 4 library 8 fcall 2 list 3 script 3 multi 4 plain 2 sha 1 flush}] {
        eval { return [eval] }
        library { return [library] }
        fcall {
            set args {}
            for {set i [gen::pick {0 0 1 2}]} {$i > 0} {incr i -1} { lappend args [gen::pick [list [key] [word]]] }
            return [list exact [gen::pick {FCALL FCALL FCALL fcall_ro}] [gen::pick {fone ftwo FONE none}] [gen::int 0 [llength $args]] {*}$args]
        }
        list { return [gen::pick {{exact FUNCTION LIST LIBRARYNAME one} {exact FUNCTION LIST LIBRARYNAME two WITHCODE} {exact FUNCTION DELETE one} {exact FUNCTION STATS}
            {exact FUNCTION DELETE none} {exact FUNCTION FOO} {exact FUNCTION KILL}}] }
        script { return [gen::pick [list {exact SCRIPT KILL} {exact SCRIPT FOO} [list exact SCRIPT LOAD [body]] {exact SCRIPT EXISTS x e0e1f9fabfc9d4800c877a703b823ac0578ff8db} {exact SCRIPT LOAD "return 1"}]] }
        multi {
            set open [expr {!$open}]
            return [expr {$open ? {exact MULTI} : {exact EXEC}}]
        }
        sha { return [list exact [gen::pick {EVALSHA EVALSHA_RO}] [gen::pick {e0e1f9fabfc9d4800c877a703b823ac0578ff8db E0E1F9FABFC9D4800C877A703B823AC0578FF8DB x ffffffffffffffffffffffffffffffffffffffff}] 0] }
        flush { return [gen::pick {{exact SCRIPT FLUSH} {exact FLUSHALL} {exact SCRIPT FLUSH ASYNC} {exact SELECT 0} {exact DEL l1 l2 h1 s1 z1 x1}}] }
    }
    set plain [call]
    while {[string toupper [lindex $plain 0]] ni {SET GET DEL LPUSH RPUSH HSET SADD ZADD INCR LRANGE HGETALL}} { set plain [call] }
    return [list exact {*}$plain]
}

# What the figures of INFO say of calls and errors, too.
proc gen::script::audit {} {
    set out {{drop EXEC} {exact SELECT 0} {exact DBSIZE}}
    foreach key {k1 k2 l1 l2 s1 h1 z1 x1 n1} {
        lappend out [list exact TYPE $key] [list since8 DEBUG DIGEST-VALUE $key]
    }
    set stats {local o = {} for name, calls, rejected, failed in redis.call('info', 'commandstats'):gmatch('cmdstat_(%S-):calls=(%d+),.-rejected_calls=(%d+),failed_calls=(%d+)') do o[#o + 1] = name .. ' ' .. calls .. ' ' .. rejected .. ' ' .. failed end table.sort(o) return o}
    set errors {local o = {} for name, count in redis.call('info', 'errorstats'):gmatch('errorstat_(%S-):count=(%d+)') do o[#o + 1] = name:gsub('[\128-\255]+', '?') .. ' ' .. count end table.sort(o) return o}
    lappend out [list since8 EVAL $stats 0] [list since8 EVAL $errors 0]
    return $out
}
