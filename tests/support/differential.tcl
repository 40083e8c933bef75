# Comparing with an oracle: the same commands to two servers, the replies compared byte by byte.
#
# A script (tests/differential/*.cmds) has one command per line, quoted as in redis-cli; `#` starts a comment. It runs
# once over RESP2 and once over RESP3, each time against two fresh servers. Directives:
#
#   # @resp 2                  run over this protocol only (the default is both)
#   # @config NAME VALUE       a setting of both servers (before the first command)
#   # @needs NAME ...          skip the script when our server does not know these commands
#   # @client N                the next commands come from client N (client 1 is there from the start)
#   # @close                   close the current client
#   # @ignore-value REGEX reason...  from here on, matching texts within replies are equal (no spaces in REGEX: \s)
#   # @raw "bytes"             send these bytes and compare whatever comes back, the closing included
#   # @wait MS                 let time pass
# and for the next command (or @raw) only:
#   # @since 8                 older oracles do not decide: only a pinned reply is compared, if there is one
#   # @expect8 "bytes"         the reply of Redis 8, for older oracles (implies @since 8); \r\n written out
#   # @expect8-3 "bytes"       the same over RESP3, where it differs
#   # @until 8                 nor do oracles from this one on
#   # @redis-only              Valkey answers differently: it does not decide
#   # @valkey-only             we answer as Valkey does: Redis does not decide
#   # @numbers reason          any integer equals any other
#   # @unordered reason        the elements of the reply may come in any order
#   # @shape reason            only the types and the number of elements count
#   # @drop reason             the reply is not compared
#   # @replies N               N frames come (0: none; pushes count)
#
# `@since-all 8`, `@until-all 8`, `@redis-only-all` hold to the end of the script, `@end` ends them.
#
# Random mode: a generator (tests/differential/gen/NAME.tcl) makes commands from a seed, which is always printed. It
# defines `gen::NAME::command`, which returns a list: how to compare (exact, approx, moments, clock, unordered, errors, since8, drop), then
# the command; and may define `gen::NAME::audit`, commands whose replies must agree at the end. Instead of `command` it
# may define `gen::NAME::raw`, bytes for a connection of their own, or `gen::NAME::step` for a conversation of several
# clients (`gen::NAME::clients` says how many), which is one of
#
#   N COMMAND ...            client N sends these commands at once; a word @id4 is the id of client 4
#   reopen N                 client N leaves, and comes back
#   wait MS                  time passes
#
# and after each of which all clients must have heard the same, in the same order.

namespace eval diff {
    variable side
    array set side {}
    variable clients
    array set clients {}
    # The ids of the clients of a random conversation.
    variable ids
    array set ids {}
}
namespace eval gen {}

# ---- the oracle ----------------------------------------------------------------------------------------------------

proc diff::find_oracle {path} {
    if {$path eq {} && [info exists ::env(REDIS_ORACLE)]} { set path $::env(REDIS_ORACLE) }
    if {$path eq "none"} { return {} }
    if {$path eq {}} {
        # An installed redis-server; not a link to ourselves.
        foreach dir {/usr/bin /usr/local/bin /opt/redis/bin} {
            set found [file join $dir redis-server]
            if {[file executable $found] && [lsearch -exact [about_binary $found] hematite] < 0} {
                set path $found
                break
            }
        }
    }
    if {$path ne {} && ![file executable $path]} {
        puts stderr "no oracle at $path"
        exit 2
    }
    return [expr {$path eq {} ? {} : [file normalize $path]}]
}

# Kind and version as `--version` tells them: {redis 7.0.15}.
proc diff::about_binary {path} {
    if {[catch {exec $path --version 2>@1} text]} { return {unknown 0} }
    set version 0
    regexp {v=([0-9.]+)} $text -> version
    foreach kind {valkey hematite} {
        if {[string match -nocase *$kind* $text]} { return [list $kind $version] }
    }
    return [list redis $version]
}

# Which Redis the oracle speaks for: its major version; forks from Redis 7 count as 7.
proc diff::oracle_level {} {
    lassign [about_binary $::oracle_path] kind version
    return [expr {$kind eq "redis" ? [lindex [split $version .] 0] : 7}]
}

proc diff::oracle_is_redis {} { return [expr {[lindex [about_binary $::oracle_path] 0] eq "redis"}] }

# ---- two servers ---------------------------------------------------------------------------------------------------

proc diff::start {config} {
    variable side
    foreach name {ours oracle} path [list $::server_path $::oracle_path] {
        set side($name) [server::begin [list binary $path overrides $config no_leak_check 1]]
    }
}

# Ends both servers; returns what is wrong with ours.
proc diff::stop {} {
    variable side
    variable clients
    foreach name [array names clients] { catch {$clients($name) close} }
    array unset clients
    server::finish $side(oracle) 1
    return [server::finish $side(ours) 1]
}

proc diff::client {name number resp} {
    variable side
    variable clients
    if {![info exists clients($name,$number)]} {
        set client [server::new_client $side($name) 1]
        set clients($name,$number) $client
        if {$resp == 3} {
            $client hello 3
            $client read
        }
    }
    return $clients($name,$number)
}

# Closes a client, and waits until its server has noticed.
proc diff::close_client {name number resp} {
    variable side
    variable clients
    set client [client $name $number $resp]
    lassign [fconfigure [$client channel] -sockname] address - port
    $client close
    unset clients($name,$number)
    set witness [server::new_client $side($name) 0]
    wait_for_condition 500 10 {
        ![string match "* addr=$address:$port *" [$witness client list]]
    } else {
        fail "$name does not notice that a client has gone"
    }
    $witness close
}

# ---- scripts -------------------------------------------------------------------------------------------------------

proc diff::scripts {} {
    return [lsort [glob -nocomplain -directory [file join $::tests_dir differential] -tails *.cmds]]
}

# The directives that come before the first command, as a dict: resp, config, needs.
proc diff::header {text} {
    set header {resp {2 3} config {} needs {}}
    foreach line [split $text \n] {
        switch -regexp -- $line {
            {^# @resp } { dict set header resp [lrange $line 2 end] }
            {^# @config } { dict lappend header config {*}[words [string range $line 10 end]] }
            {^# @needs } { dict lappend header needs {*}[lrange $line 2 end] }
        }
    }
    return $header
}

# Runs a script; returns the report, empty when both agree. Counts the compared replies in `countvar`.
proc diff::run_script {path resp countvar} {
    upvar 1 $countvar count
    set text [read_file $path]
    start [dict get [header $text] config]
    set code [catch {conversation $path $text $resp count} report how]
    set trouble [stop]
    if {$code} { return -options $how $report }
    if {$trouble ne {}} { append report "\nour server: $trouble" }
    return $report
}

proc diff::conversation {path text resp countvar} {
    upvar 1 $countvar count
    set path [file tail $path]
    set level [oracle_level]
    set redis [oracle_is_redis]
    set number 1
    set lines 0
    set report {}
    set ignored {}
    set plain {since 0 until 1000 redis-only 0 valkey-only 0}
    set all $plain
    set next {}
    foreach line [split $text \n] {
        incr lines
        set line [string trim $line]
        if {$line eq {}} continue
        if {[string index $line 0] eq "#"} {
            if {![regexp {^# @([a-z0-9-]+)\s*(.*)$} $line -> word rest]} continue
            switch -exact -- $word {
                resp - config - needs {}
                client { set number $rest }
                close {
                    foreach name {ours oracle} { close_client $name $number $resp }
                }
                wait { pause $rest }
                ignore-value { lappend ignored [lindex [split $rest] 0] }
                since-all - until-all { dict set all [string range $word 0 end-4] $rest }
                redis-only-all { dict set all redis-only 1 }
                end { set all $plain }
                raw {
                    set bytes [lindex [words $rest] 0]
                    set rules [dict merge $all $next]
                    set next {}
                    if {[dict get $rules since] > $level || ![decides $rules $level $redis]} continue
                    append report [compare_raw "$path:$lines" $bytes]
                    incr count
                }
                since - until { dict set next $word $rest }
                expect8 - expect8-3 { dict set next $word [lindex [words $rest] 0] }
                redis-only - valkey-only - numbers - unordered - shape - drop { dict set next $word 1 }
                replies { dict set next replies $rest }
                default { error "$path:$lines: unknown directive @$word" }
            }
            continue
        }
        set argv [words $line]
        set rules [dict merge $all $next]
        set next {}
        set frames [dict_get $rules replies 1]
        foreach name {ours oracle} {
            set client [client $name $number $resp]
            $client send {*}$argv
            set trees($name) {}
            set raws($name) {}
            for {set i 0} {$i < $frames} {incr i} {
                if {[catch {$client tree} tree]} {
                    set tree [list - "<$tree>"]
                }
                lappend trees($name) $tree
                append raws($name) [resp::serialize $tree]
            }
        }
        if {[dict exists $rules drop]} continue
        set wanted $raws(oracle)
        set about oracle
        set others $trees(oracle)
        if {$level < 8} {
            if {$resp == 3 && [dict exists $rules expect8-3]} {
                set wanted [dict get $rules expect8-3]
                set about pinned
            } elseif {[dict exists $rules expect8]} {
                set wanted [dict get $rules expect8]
                set about pinned
            } elseif {[dict get $rules since] > $level} {
                continue
            }
        }
        if {$about eq "oracle" && ![decides $rules $level $redis]} continue
        incr count
        if {$raws(ours) eq $wanted} continue
        set ours [normal $trees(ours) $ignored $rules]
        if {$about eq "oracle"} {
            set wanted [normal $others $ignored $rules]
        }
        if {$ours ne $wanted} {
            append report [mismatch "$path:$lines (RESP$resp)" $line $ours $wanted $about]
        }
    }
    return $report
}

# Whether an oracle of this level and kind is asked.
proc diff::decides {rules level redis} {
    set other [expr {$redis ? "valkey-only" : "redis-only"}]
    return [expr {$level < [dict get $rules until] && ![dict get $rules $other]}]
}

# Arguments of a line, quoted as in redis-cli: "..." with escapes, '...' plain, else up to a blank.
proc diff::words {line} {
    set words {}
    set at 0
    set length [string length $line]
    while 1 {
        while {$at < $length && [string is space [string index $line $at]]} { incr at }
        if {$at >= $length} { return $words }
        set word {}
        while {$at < $length && ![string is space [set char [string index $line $at]]]} {
            incr at
            if {$char ne "\"" && $char ne "'"} {
                append word $char
                continue
            }
            while 1 {
                if {$at >= $length} { error "quotes left open: $line" }
                set inner [string index $line $at]
                incr at
                if {$inner eq $char} break
                if {$inner eq "\\" && $char eq "'" && [string index $line $at] eq "'"} {
                    set inner '
                    incr at
                } elseif {$inner eq "\\" && $char eq "\""} {
                    if {[regexp -start $at {\Ax([0-9a-fA-F]{2})} $line -> hex]} {
                        append word [format %c 0x$hex]
                        incr at 3
                        continue
                    }
                    set inner [string map [list n \n r \r t \t b \b a \a] [string index $line $at]]
                    incr at
                }
                append word $inner
            }
        }
        lappend words $word
    }
}

# The bytes of the trees after the normalisers.
proc diff::normal {trees ignored rules} {
    set out {}
    foreach tree $trees { append out [resp::serialize [normal_tree $tree $ignored $rules 1]] }
    return $out
}

proc diff::normal_tree {tree ignored rules {top 0}} {
    lassign $tree type value
    if {$type in {* % ~ >}} {
        set items [lmap item $value { normal_tree $item $ignored $rules }]
        if {$top && [dict exists $rules unordered]} { set items [lsort $items] }
        return [list $type $items]
    }
    if {[dict exists $rules shape]} { return [list $type {}] }
    if {$type eq ":" && [dict exists $rules numbers]} { return {: <number>} }
    foreach regexp $ignored { regsub -all -- $regexp $value <ignored> value }
    return [list $type $value]
}

# Both sides' bytes line by line, the common head and tail left out.
proc diff::mismatch {place command ours wanted about} {
    set mine [split_reply $ours]
    set other [split_reply $wanted]
    set head 0
    while {$head < [llength $mine] && [lindex $mine $head] eq [lindex $other $head]
            && $head < [llength $other]} { incr head }
    while {[llength $mine] > $head && [llength $other] > $head && [lindex $mine end] eq [lindex $other end]} {
        set mine [lrange $mine 0 end-1]
        set other [lrange $other 0 end-1]
    }
    set out "$place: $command\n"
    set before [lrange $mine [expr {max(0, $head - 3)}] [expr {$head - 1}]]
    if {$head > 3} { append out "      ... ([expr {$head - 3}] lines agree)\n" }
    foreach line $before { append out "      $line\n" }
    foreach line [lrange $other $head [expr {$head + 14}]] { append out "    - $line\n" }
    foreach line [lrange $mine $head [expr {$head + 14}]] { append out "    + $line\n" }
    append out "    (- [expr {$about eq {oracle} ? {the oracle} : {pinned}}], + ours)\n"
    return $out
}

proc diff::split_reply {bytes} {
    set lines [split [string map [list \r\n \uFFFF] $bytes] \uFFFF]
    if {[lindex $lines end] eq {}} { set lines [lrange $lines 0 end-1] }
    return [lmap line $lines { shown $line }]
}

# ---- raw bytes -----------------------------------------------------------------------------------------------------

proc diff::compare_raw {place bytes} {
    lassign [lindex [answers_to [list $bytes]] 0] ours wanted
    if {$ours eq $wanted} return
    return [mismatch $place "raw [shown $bytes]" $ours $wanted oracle]
}

# Sends each element on a connection of its own to both servers; returns pairs {ours oracle}. An answer ends with
# <closed> when the server closed. A server that is slow is asked again before a difference is believed.
proc diff::answers_to {frames} {
    variable side
    foreach name {ours oracle} {
        set clients($name) {}
        foreach frame $frames {
            set client [server::new_client $side($name) 1]
            catch {
                $client write $frame
                $client flush
            }
            lappend clients($name) $client
        }
        # Whoever answers this PING has served the sockets that were ready before it.
        foreach i {1 2} {
            [client $name 1 2] send PING
            [client $name 1 2] tree
        }
    }
    set pairs {}
    foreach mine $clients(ours) other $clients(oracle) {
        set a [$mine readall 1]
        set b [$other readall 1]
        set ends {}
        foreach patience {1 50 300 1000} {
            set ends [list [$mine eof 0] [$other eof 0]]
            if {$a eq $b && [lindex $ends 0] == [lindex $ends 1]} break
            append a [$mine readall $patience]
            append b [$other readall $patience]
        }
        lappend pairs [list $a[expr {[lindex $ends 0] ? {<closed>} : {}}] $b[expr {[lindex $ends 1] ? {<closed>} : {}}]]
        $mine close
        $other close
    }
    return $pairs
}

# ---- random mode ---------------------------------------------------------------------------------------------------

proc diff::generators {} {
    return [lmap file [lsort [glob -nocomplain -directory [file join $::tests_dir differential gen] -tails *.tcl]] {
        file rootname $file
    }]
}

# Runs `count` commands of a generator over one protocol; returns the report, empty when both agree.
proc diff::random {name seed count {resp 2}} {
    variable random_resp $resp
    uplevel #0 [list source [file join $::tests_dir differential gen $name.tcl]]
    expr {srand($seed)}
    start [expr {[info exists ::gen::${name}::config] ? [set ::gen::${name}::config] : {}}]
    set code [catch {
        if {[info commands ::gen::${name}::raw] ne {}} {
            random_frames $name $count
        } elseif {[info commands ::gen::${name}::step] ne {}} {
            random_conversation $name $count
        } else {
            random_commands $name $count
        }
    } report how]
    set trouble [stop]
    if {$code} { return -options $how $report }
    if {$trouble ne {}} { append report "\nour server: $trouble" }
    if {$report ne {}} { append report "\n(generator $name, seed $seed, RESP$resp)" }
    return $report
}

proc diff::random_commands {name count} {
    set history {}
    for {set done 0} {$done < $count} {incr done 50} {
        set batch {}
        for {set i 0} {$i < 50} {incr i} { lappend batch [::gen::${name}::command] }
        lappend history {*}$batch
        set report [compare_batch $batch $history]
        if {$report ne {}} { return $report }
    }
    if {[info commands ::gen::${name}::audit] ne {}} {
        return [compare_batch [::gen::${name}::audit] $history]
    }
    return {}
}

proc diff::compare_batch {batch history} {
    variable random_resp
    foreach side {ours oracle} {
        set client [client $side 1 $random_resp]
        foreach command $batch { $client write [resp::encode [lrange $command 1 end]] }
        $client flush
    }
    set position 0
    set base [expr {max(0, [llength $history] - [llength $batch])}]
    foreach command $batch {
        set mine [[client ours 1 $random_resp] tree]
        set other [[client oracle 1 $random_resp] tree]
        set argv [lrange $command 1 end]
        if {![agree [lindex $command 0] $mine $other]} {
            set out [mismatch "command [expr {$base + $position}]" [join [lmap word $argv { quoted $word }]] \
                [resp::serialize $mine] [resp::serialize $other] oracle]
            append out "    before it, on the same key:\n"
            set same {}
            foreach past [lrange $history 0 [expr {$base + $position - 1}]] {
                set word [lindex $argv 1]
                if {[string toupper [lindex $argv 0]] eq "OBJECT"} { set word [lindex $argv 2] }
                if {$word in [lrange $past 2 end]} {
                    lappend same "      [join [lmap word [lrange $past 1 end] { quoted $word }]]"
                }
            }
            return $out[join [lrange $same end-9 end] \n]
        }
        incr position
    }
    return {}
}

proc diff::quoted {word} {
    if {$word ne {} && ![regexp {[^[:graph:]]|["'\\]} $word]} { return $word }
    return "\"[resp::escape $word]\""
}

proc diff::agree {how mine other} {
    if {$mine eq $other || $how eq "drop"} { return 1 }
    switch -exact -- $how {
        since8 { return [expr {[oracle_level] < 8}] }
        approx {
            # Time passes between the two servers: numbers may differ a little.
            if {[lindex $mine 0] eq "*" && [lindex $other 0] eq "*"} {
                set pairs [lmap a [lindex $mine 1] b [lindex $other 1] { agree approx $a $b }]
                return [expr {[llength [lindex $mine 1]] == [llength [lindex $other 1]] && 0 ni $pairs}]
            }
            return [expr {[lindex $mine 0] eq ":" && [lindex $other 0] eq ":" && [lindex $mine 1] > 0
                && abs([lindex $mine 1] - [lindex $other 1]) < 5000}]
        }
        unordered { return [expr {[sorted_tree $mine] eq [sorted_tree $other]}] }
        errors { return [expr {[lindex $mine 0] eq "-" && [lindex $other 0] eq "-"}] }
        clock -
        moments {
            # Moments in milliseconds anywhere in the reply, or (clock) any number: they may differ a little.
            lassign $mine type value
            lassign $other type2 value2
            if {$type ne $type2} { return 0 }
            if {$type eq ":"} {
                set near [expr {abs($value - $value2) < 5000}]
                return [expr {$value == $value2 || $near && ($how eq "clock" || $value > 1000000000000)}]
            }
            if {$type ni {* % ~} || [llength $value] != [llength $value2]} { return 0 }
            return [expr {0 ni [lmap a $value b $value2 { agree $how $a $b }]}]
        }
    }
    return 0
}

# A tree whose aggregates have lost their order.
proc diff::sorted_tree {tree} {
    lassign $tree type value
    if {$type ni {* % ~ >}} { return $tree }
    return [list $type [lsort [lmap item $value { sorted_tree $item }]]]
}

proc diff::random_frames {name count} {
    for {set done 0} {$done < $count} {incr done 100} {
        set frames {}
        for {set i 0} {$i < 100} {incr i} { lappend frames [::gen::${name}::raw] }
        foreach frame $frames pair [answers_to $frames] {
            lassign $pair ours wanted
            # From a line without its end on, Redis guesses what was meant; Valkey gives up as we do.
            if {[oracle_is_redis] && [regexp {^(.*)-ERR Protocol error: invalid CRLF} $ours -> before]
                && [string equal -length [string length $before] $before $wanted]} continue
            if {$ours ne $wanted} {
                return [mismatch "a frame after $done" "raw \"[shown $frame]\"" $ours $wanted oracle]
            }
        }
    }
    return {}
}

# Client 0 is the witness: it takes no part, and tells when the server has served the others.
proc diff::random_conversation {name count} {
    variable random_resp
    set total [set ::gen::${name}::clients]
    gather $total
    set history {}
    for {set done 1} {$done <= $count} {incr done} {
        set step [::gen::${name}::step]
        # What somebody who waits sends in several parts may arrive in several parts much later: Tcl's sockets wait for the
        # acknowledgement of what nobody reads.
        if {[string is integer [lindex $step 0]] && [is_waiting [lindex $step 0]]} continue
        lappend history $step
        act $step
        set report [compare_heard $total]
        if {$report eq {} && $done % 20 == 0} { set report [compare_standing] }
        if {$report ne {}} {
            set past [lmap past [lrange $history end-29 end] { string cat "      " $past }]
            return "step $done of a conversation\n$report    the steps before it, and itself:\n[join $past \n]"
        }
    }
    return {}
}

# Opens the clients of a conversation. Their ids are the same on both sides, since they are part of what is heard.
proc diff::gather {total} {
    variable side
    foreach name {ours oracle} {
        set witness [client $name 0 2]
        foreach command {{client id} {debug set-active-expire 0}} {
            $witness send {*}$command
            lappend told($name) [lindex [$witness tree] 1]
        }
    }
    set next(ours) [lindex $told(ours) 0]
    set next(oracle) [lindex $told(oracle) 0]
    while {$next(ours) != $next(oracle)} {
        set name [expr {$next(ours) < $next(oracle) ? {ours} : {oracle}}]
        set passer [server::new_client $side($name) 0]
        set next($name) [$passer client id]
        $passer close
    }
    for {set number 1} {$number <= $total} {incr number} {
        foreach name {ours oracle} { join_in $name $number }
    }
}

proc diff::join_in {name number} {
    variable ids
    set client [client $name $number 2]
    $client send client id
    set ids($number) [lindex [$client tree] 1]
}

proc diff::is_waiting {number} {
    variable ids
    [client oracle 0 2] send client list id $ids($number)
    return [regexp { flags=\w*b} [lindex [[client oracle 0 2] tree] 1]]
}

proc diff::act {step} {
    variable ids
    switch -exact -- [lindex $step 0] {
        wait { pause [lindex $step 1] }
        reopen {
            foreach name {ours oracle} {
                close_client $name [lindex $step 1] 2
                join_in $name [lindex $step 1]
            }
        }
        default {
            foreach name {ours oracle} {
                set client [client $name [lindex $step 0] 2]
                foreach command [lrange $step 1 end] {
                    $client write [resp::encode [lmap word $command {
                        expr {[regexp {^@id(\d+)$} $word -> number] ? $ids($number) : $word}
                    }]]
                }
                $client flush
            }
        }
    }
}

# What clients have not heard yet may still be on its way where something has to time out or expire.
proc diff::compare_heard {total} {
    foreach name {ours oracle} { set heard($name) [lrepeat $total {}] }
    foreach patience {0 5 50 500} {
        pause $patience
        foreach name {ours oracle} {
            foreach i {1 2} {
                [client $name 0 2] send PING
                [client $name 0 2] tree
            }
            for {set at 0} {$at < $total} {incr at} {
                set client [client $name [expr {$at + 1}] 2]
                while {[$client pending]} { lset heard($name) $at end+1 [$client tree] }
            }
        }
        if {$heard(ours) eq $heard(oracle)} { return {} }
        set ours [lmap frames $heard(ours) { settled $frames }]
        set oracle [lmap frames $heard(oracle) { settled $frames }]
        if {$ours eq $oracle} { return {} }
    }
    set report {}
    set number 0
    foreach mine $ours other $oracle {
        incr number
        if {$mine eq $other} continue
        append report [mismatch "client $number" "what it heard" [join [lmap f $mine { resp::serialize $f }] {}] \
            [join [lmap f $other { resp::serialize $f }] {}] oracle]
    }
    return $report
}

# What a client heard, without what is an accident: the order of messages of several patterns.
proc diff::settled {frames} {
    set out {}
    set run {}
    set last {}
    foreach frame [concat $frames {{end {}}}] {
        set frame [plain_frame $frame]
        lassign $frame type items
        set kind [expr {$type in {* >} ? [lindex $items 0 1] : {}}]
        if {$kind ne "pmessage" || $last ne "pmessage"} {
            set out [concat $out [lsort $run]]
            set run {}
        }
        lappend run $frame
        set last $kind
    }
    return $out
}

# A frame without the particulars of HELLO, and with one null for all: a client that is told to forget everything gets here
# that of its own protocol, elsewhere that of the one who is spoken for.
proc diff::plain_frame {frame} {
    lassign $frame type items
    if {$type in {nil _}} { return {nil {}} }
    if {$type ni {* > %}} { return $frame }
    if {[lindex $items 0 1] eq "server"} { return {+ hello} }
    return [list $type [lmap item $items { plain_frame $item }]]
}

# What the server tells of its clients and its lookups.
proc diff::compare_standing {} {
    foreach name {ours oracle} {
        set witness [client $name 0 2]
        foreach {command pattern} {
            {info everything} {^(keyspace_hits|keyspace_misses|expired_keys|pubsub_\w+|pubsubshard_channels|blocked_clients|tracking_clients|tracking_total_prefixes|total_error_replies|errorstat_\w+|db\d):[^,]*}
            {client list} {^id=\d+ }
        } {
            $witness send {*}$command
            foreach line [split [lindex [$witness tree] 1] \n] {
                if {![regexp $pattern $line found]} continue
                if {[string match id=* $line]} {
                    if {[string match "*cmd=client|list *" $line]} continue
                    # Watched keys of a transaction that is lost already are forgotten sooner here.
                    regsub {(flags=\w*d.*) watch=\d+} $line {\1} line
                    set found [regexp -all -inline {(?:id|flags|db|sub|psub|ssub|multi|watch|cmd|redir|resp)=\S+} $line]
                }
                lappend lines($name) [string trim $found]
            }
        }
        # The reference's cron turns the list of clients round and round.
        set text($name) [join [lsort $lines($name)] \r\n]
    }
    if {$text(ours) eq $text(oracle)} { return {} }
    return [mismatch "INFO and CLIENT LIST" "" $text(ours) $text(oracle) oracle]
}

# What generators are made of.
proc gen::pick {list} { return [lindex $list [expr {int(rand() * [llength $list])}]] }
proc gen::int {low high} { return [expr {$low + int(rand() * ($high - $low + 1))}] }
proc gen::chance {percent} { return [expr {rand() * 100 < $percent}] }

# {weight thing weight thing ...}
proc gen::weighted {pairs} {
    set total 0
    foreach {weight thing} $pairs { incr total $weight }
    set at [expr {rand() * $total}]
    foreach {weight thing} $pairs {
        set at [expr {$at - $weight}]
        if {$at < 0} { return $thing }
    }
    return $thing
}
