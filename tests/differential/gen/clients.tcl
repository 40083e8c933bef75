# Several clients at once: transactions and what breaks them, channels and patterns, events, caching in all its modes, and
# calls that wait for keys. The clients send now one command, now a few; what each hears, and in which order, is compared.
#
# Left out is what has no order (leaving all channels at once), and what differs on purpose: CLIENT REPLY SKIP and OFF inside
# MULTI, null for a client of another protocol (README), fields that expire unseen, and the event of an expired key that an
# empty result would replace.

namespace eval gen::clients {
    variable clients 5
    variable config {enable-debug-command yes notify-keyspace-events KEA}
    variable keys {k:a k:b kb x:1 x:2 h}
    variable channels {c1 c2 news.a news.b __keyspace@0__:k:a __keyevent@0__:del __redis__:invalidate}
    variable patterns {c* news.* * __key*__:* __keyevent@?__:e* {[cn]*1}}
    variable shards {s1 s2 c1}
    # A key is about to expire: both servers must have seen it before anything else happens.
    variable due 0
}

proc gen::clients::step {} {
    variable clients
    variable due
    if {$due} {
        set due 0
        return {wait 5}
    }
    set number [gen::int 1 $clients]
    if {[gen::chance 1]} { return [list reopen $number] }
    set step [list $number [command]]
    while {[gen::chance 15]} { lappend step [command] }
    set due [regexp { (px|pexpire|exec) } " [join $step] "]
    return $step
}

proc gen::clients::command {} {
    return [[gen::weighted {45 data 10 listening 8 publishing 12 transaction 14 caching 4 connection 3 classes 4 waiting}]]
}

proc gen::clients::key {} { variable keys; return [gen::pick $keys] }
proc gen::clients::channel {} { variable channels; return [gen::pick $channels] }
proc gen::clients::pattern {} { variable patterns; return [gen::pick $patterns] }
proc gen::clients::shard {} { variable shards; return [gen::pick $shards] }
proc gen::clients::someone {} { variable clients; return @id[gen::int 1 $clients] }

proc gen::clients::listening {} {
    return [gen::pick [list \
        [list subscribe [channel]] [list subscribe [channel] [channel]] {subscribe} [list psubscribe [pattern]] \
        [list ssubscribe [shard]] [list ssubscribe [shard] [shard]] [list unsubscribe [channel]] \
        [list punsubscribe [pattern]] [list sunsubscribe [shard]]]]
}

proc gen::clients::publishing {} {
    return [gen::pick [list \
        [list publish [channel] m[gen::int 0 9]] [list publish [channel] m[gen::int 0 9]] [list spublish [shard] m] \
        {pubsub numpat} [list pubsub numsub [channel] nosuch] [list pubsub shardnumsub [shard]] {publish c1}]]
}

proc gen::clients::transaction {} {
    return [gen::pick [list {multi} {multi} {exec} {exec} {exec} {discard} [list watch [key]] [list watch [key] h l] \
        {unwatch} {nosuch} {get} {exec x} {watch}]]
}

proc gen::clients::caching {} {
    return [gen::pick [list \
        {client tracking on} {client tracking on} {client tracking off} {client tracking on noloop} \
        {client tracking on optin} {client tracking on optout} {client tracking on bcast} \
        {client tracking on bcast noloop} {client tracking on bcast prefix k:} \
        {client tracking on bcast prefix k: prefix x:} {client tracking on bcast prefix k} \
        [list client tracking on redirect [someone]] [list client tracking on bcast redirect [someone]] \
        {client caching yes} {client caching no} {client trackinginfo} {client getredir} \
        [list get [key]] [list get [key]] [list mget [key] [key]]]]
}

proc gen::clients::connection {} {
    return [gen::pick {{hello 3} {hello 3} {hello 2} {reset} {client reply on} {ping} {ping x} {client no-touch on}
        {client getname} {select 0} {select 1}}]
}

proc gen::clients::classes {} {
    return [list config set notify-keyspace-events \
        [gen::pick {KEAmn KEAmn KEA {} Kg$ Exe KElshzxetdmno AKE KEnm Kx E$}]]
}

proc gen::clients::waiting {} {
    return [gen::pick [list {blpop l 0} {brpop l l2 0} {blmove l l2 left left 0} {bzpopmin z 0} \
        {xread block 0 streams st $} {blmpop 0 1 l left} [list client unblock [someone]] \
        [list client unblock [someone] error] {rpush l a b c} {zadd z 1 a 2 b}]]
}

proc gen::clients::data {} {
    return [[gen::pick {strings strings keyspace keyspace collections collections streams scripts}]]
}

proc gen::clients::strings {} {
    set key [key]
    return [gen::pick [list \
        [list set $key [gen::int 0 99]] [list set $key x ex 1000] [list set $key y px 2] [list set $key z keepttl] \
        [list setnx $key v] [list getset $key q] [list set $key v xx get] [list get $key] [list getex $key px 1] \
        [list getex $key persist] [list getdel $key] [list incr $key] [list incrbyfloat $key 1.5] [list append $key x] \
        [list mset $key 1 [key] 2] [list msetnx $key 1 [key] 2] [list mget $key [key] [key]] [list strlen $key] \
        [list setrange $key 2 zz] [list getrange $key 0 1] [list setbit $key 3 1] [list bitfield $key set u4 0 3] \
        [list pfadd $key a] [list pfmerge $key [key]]]]
}

proc gen::clients::keyspace {} {
    set key [key]
    return [gen::pick [list \
        [list del $key] [list del $key [key]] [list unlink $key] [list exists $key $key] [list type $key] \
        [list rename $key [key]] [list renamenx $key [key]] [list copy $key [key]] [list copy $key [key] replace] \
        [list copy $key $key db 1] [list move $key 1] {swapdb 0 1} {dbsize} [list expire $key 100] [list pexpire $key 2] \
        [list pexpireat $key 1] [list persist $key] [list ttl $key] [list touch $key] [list expire $key -1] \
        [list object encoding $key] {del l s z h st} {flushdb} {flushall}]]
}

proc gen::clients::collections {} {
    return [gen::pick [list \
        [list lpush l [gen::int 0 9]] {rpush l a b} {lpop l} {rpop l 2} {lrem l 0 a} {ltrim l 0 1} {lmove l l2 left right} \
        {linsert l before a q} {lset l 0 w} {lrange l 0 -1} {lmpop 2 l l2 left} {lpushx l2 r} {sort l alpha store l2} \
        {sort l by nosort get k:*} {sadd s a b} [list sadd s [gen::int 0 5]] {srem s a} {smove s s2 a} \
        {sinterstore s3 s s2} {sunionstore s3 s s2} {sdiffstore s3 s s2} {scard s} {zadd z 1 a} {zadd z xx 2 a} \
        {zincrby z 2 c} {zrem z a} {zpopmin z} {zpopmax z 5} {zrangestore z2 z 0 -1} {zunionstore z2 2 z s} \
        {zremrangebyscore z 0 5} {zmpop 1 z min} {geoadd g 1 1 m} {zrange z 0 -1 withscores} \
        [list hset h [gen::int 0 3] v] {hdel h 0 1} {hdel h 0 1 2 3 n} {hincrby h n 1} {hsetnx h 0 q} \
        {hexpire h 100 fields 1 0} {hpersist h fields 1 0} {hget h 0} {hgetdel h fields 1 2} \
        {hsetex h ex 100 fields 1 0 v} {hexpire h 0 fields 1 2} {hlen h} {hmget h 0 1}]]
}

proc gen::clients::streams {} {
    return [gen::pick [list \
        [list xadd st [gen::int 1 1000000]-1 f v] {xtrim st maxlen 2} {xdel st 1-1} {xgroup create st g $ mkstream} \
        {xgroup destroy st g} {xgroup createconsumer st g c} {xgroup delconsumer st g c} {xsetid st 9999999-1} \
        {xreadgroup group g c count 1 streams st >} {xack st g 1-1} {xautoclaim st g c 0 -} {xlen st}]]
}

proc gen::clients::scripts {} {
    set key [key]
    return [gen::pick [list \
        [list eval {redis.call('set', KEYS[1], 's') redis.call('publish', 'c1', 'script') return redis.call('get', KEYS[1])} 1 $key] \
        [list eval {redis.setresp(3) redis.call('del', KEYS[1]) redis.call('incr', KEYS[2]) return {1, 2}} 2 $key [key]] \
        [list eval_ro {return redis.call('get', KEYS[1])} 1 $key] \
        [list eval_ro {return redis.call('get', ARGV[1])} 1 $key [key]] {eval {return redis.pcall('spublish', 's1', 'm')} 0}]]
}
