# The client library of the tests: RESP2 and RESP3 over plain Tcl channels.
#
# A client is a command. What it does not recognise as a word of its own it sends to the server:
#
#     set c [resp::open 127.0.0.1 6379]        $c set key value        -> OK
#     $c close
#
# Words of its own: close, channel, deferred ?0|1?, timeout ?ms?, resp3, read, readraw, tree, pushes, attribute,
# write BYTES, flush, send ARGS, readall ?ms?, readline, readbytes N, eof, half_close, pending.
#
# Three shapes of use:
#   blocking    the reply is the result of the command; an error reply is a Tcl error with its text
#   deferring   the command only sends; `$c read` reads one reply later (pushes included)
#   raw         `$c write BYTES` and `$c readall`, `$c readline`, `$c readbytes`
#
# The channel is always non-blocking underneath: reads wait in the event loop, so that every wait has an end
# (`timeout`, 10 s by default) and that a pipeline larger than the socket buffers cannot deadlock.
#
# A reply is first a tree, {type value}, whose types are named by the bytes of the protocol: + - : $ * % ~ , # ( = > _
# plus `nil` for RESP2's two nulls; `plain` turns a tree into what a test wants to compare:
#   null -> {}   boolean -> 1|0   map -> key value key value   verbatim -> its text   error inside an array -> its text

namespace eval resp {
    variable last 0
    variable state
    array set state {}
    variable tick 0
}

# Bytes to send: text beyond Latin-1 can only be meant as UTF-8, everything else is bytes already.
proc resp::bytes {text} {
    if {[regexp {[^\u0000-\u00ff]} $text]} {
        return [encoding convertto utf-8 $text]
    }
    return $text
}

proc resp::encode {argv} {
    set out "*[llength $argv]\r\n"
    foreach arg $argv {
        set arg [bytes $arg]
        append out "\$[string length $arg]\r\n" $arg "\r\n"
    }
    return $out
}

# Opens a client over TCP. `deferred` 1 makes it a deferring one.
proc resp::open {host port {deferred 0}} {
    return [attach [socket $host $port] $deferred]
}

# Opens a client over a unix socket. Tcl knows no unix sockets; perl, which every Debian has, relays the bytes.
proc resp::open_unix {path {deferred 0}} {
    set helper [file join $::tests_dir helpers unix_relay.pl]
    return [attach [::open [list | perl $helper $path 2>/dev/null] r+] $deferred]
}

# Makes a client of a channel that is open already.
proc resp::attach {chan {deferred 0}} {
    variable last
    variable state
    set id [incr last]
    # -buffersize is how much one turn reads at most; big replies are common in tests of limits.
    fconfigure $chan -translation binary -encoding binary -blocking 0 -buffering full \
        -buffersize 65536
    set state($id,chan) $chan
    set state($id,buf) {}
    set state($id,at) 0
    set state($id,deferred) $deferred
    set state($id,timeout) 10000
    set state($id,pushes) {}
    set state($id,attribute) {}
    set state($id,owner) {}
    set name ::resp::client$id
    interp alias {} $name {} ::resp::call $id
    return $name
}

proc resp::call {id word args} {
    variable state
    if {![info exists state($id,chan)]} {
        error "this client is closed"
    }
    switch -exact -- $word {
        close {
            set chan $state($id,chan)
            array unset state $id,*
            interp alias {} ::resp::client$id {}
            catch {fconfigure $chan -blocking 0}
            catch {close $chan}
            return {}
        }
        channel { return $state($id,chan) }
        deferred { if {[llength $args]} {set state($id,deferred) [lindex $args 0]}
            return $state($id,deferred) }
        timeout { if {[llength $args]} {set state($id,timeout) [lindex $args 0]}
            return $state($id,timeout) }
        pushes { set all $state($id,pushes); set state($id,pushes) {}; return $all }
        attribute { return $state($id,attribute) }
        resp3 { put $id [encode {HELLO 3}]; push $id; return [answer [frame $id]] }
        read { return [answer [frame $id]] }
        readraw { set raw {}; frame $id raw; return $raw }
        tree { return [frame $id] }
        write { put $id [lindex $args 0]; return {} }
        flush { push $id; return {} }
        send { put $id [encode $args]; push $id; return {} }
        readall { return [readall $id {*}$args] }
        readline { return [line $id] }
        readbytes { return [take $id [lindex $args 0]] }
        eof { return [eof_within $id {*}$args] }
        half_close { push $id; close $state($id,chan) write; return {} }
        pending { pump $id; return [expr {[string length $state($id,buf)] - $state($id,at)}] }
    }
    put $id [encode [list $word {*}$args]]
    push $id
    if {$state($id,deferred)} {
        return {}
    }
    while 1 {
        set tree [frame $id]
        if {[lindex $tree 0] ne ">" || [string match -nocase *subscribe $word]} {
            return [answer $tree]
        }
        lappend state($id,pushes) [plain $tree]
    }
}

# ---- from tree to value --------------------------------------------------------------------------------------------

# What a blocking command returns: the plain value, or a Tcl error for an error reply.
proc resp::answer {tree} {
    lassign $tree type value
    if {$type eq "-" || $type eq "!"} {
        return -code error -errorcode {RESP ERROR} $value
    }
    return [plain $tree]
}

proc resp::plain {tree} {
    lassign $tree type value
    switch -exact -- $type {
        * - ~ - > {
            set out {}
            foreach item $value { lappend out [plain $item] }
            return $out
        }
        % {
            set out {}
            foreach {key item} $value { lappend out [plain $key] [plain $item] }
            return $out
        }
        # { return [expr {$value eq "t"}] }
        = { return [string range $value 4 end] }
        nil - _ { return {} }
    }
    return $value
}

# The bytes of a tree: used after normalising, see differential.tcl.
proc resp::serialize {tree} {
    lassign $tree type value
    switch -exact -- $type {
        nil { return "$value\r\n" }
        _ { return "_\r\n" }
        \$ - ! - = { return "$type[string length $value]\r\n$value\r\n" }
        * - ~ - > - % - | {
            set count [llength $value]
            if {$type in {% |}} { set count [expr {$count / 2}] }
            set out "$type$count\r\n"
            foreach item $value { append out [serialize $item] }
            return $out
        }
    }
    return "$type$value\r\n"
}

# ---- frames --------------------------------------------------------------------------------------------------------

# Reads one frame and returns its tree; appends its bytes to the caller's variable `rawvar`.
proc resp::frame {id {rawvar {}}} {
    if {$rawvar ne {}} { upvar 1 $rawvar raw }
    set line [line $id]
    append raw $line "\r\n"
    set type [string index $line 0]
    set rest [string range $line 1 end]
    switch -exact -- $type {
        + - - - : - , - # - ( { return [list $type $rest] }
        _ { return [list _ {}] }
        \$ - ! - = {
            if {$rest eq "-1"} { return [list nil \$-1] }
            set value [take $id $rest]
            append raw $value [take $id 2]
            return [list $type $value]
        }
        * - ~ - > - % {
            if {$rest eq "-1"} { return [list nil *-1] }
            if {$type eq "%"} { set rest [expr {$rest * 2}] }
            set items {}
            for {set i 0} {$i < $rest} {incr i} { lappend items [frame $id raw] }
            return [list $type $items]
        }
        | {
            variable state
            set items {}
            for {set i 0} {$i < $rest * 2} {incr i} { lappend items [frame $id raw] }
            set state($id,attribute) [plain [list % $items]]
            return [frame $id raw]
        }
    }
    error "not a reply of the protocol: [escape $line]"
}

# ---- bytes in and out ----------------------------------------------------------------------------------------------

proc resp::put {id data} {
    variable state
    if {[catch {puts -nonewline $state($id,chan) $data} err]} {
        error "I/O error writing to the server: $err"
    }
}

proc resp::push {id} {
    variable state
    if {[catch {flush $state($id,chan)} err]} {
        error "I/O error writing to the server: $err"
    }
}

# Takes what the socket has. Returns 1 when something came, 0 when nothing is there now, -1 at the end of the stream.
proc resp::pump {id} {
    variable state
    set chan $state($id,chan)
    if {[catch {read $chan} data]} { return -1 }
    if {$data ne {}} {
        if {$state($id,at) > 0} {
            set state($id,buf) [string range $state($id,buf) $state($id,at) end]
            set state($id,at) 0
        }
        append state($id,buf) $data
        return 1
    }
    return [expr {[eof $chan] ? -1 : 0}]
}

# Waits until the channel is readable, `ms` at most. True when it is.
proc resp::readable {id ms} {
    variable state
    variable tick
    set chan $state($id,chan)
    set key [namespace current]::woken([incr tick])
    set $key {}
    set timer [after [expr {max(0, $ms)}] [list set $key timeout]]
    fileevent $chan readable [list set $key ready]
    vwait $key
    after cancel $timer
    fileevent $chan readable {}
    set how [set $key]
    unset $key
    return [expr {$how eq "ready"}]
}

# Like pump, but waits; an end of stream or of patience is an error.
proc resp::more {id} {
    variable state
    set got [pump $id]
    if {$got > 0} return
    if {$got == 0} {
        if {![readable $id $state($id,timeout)]} {
            error "no reply within $state($id,timeout) ms"
        }
        set got [pump $id]
    }
    if {$got < 0} {
        return -code error -errorcode {RESP EOF} "I/O error reading reply: connection closed"
    }
}

proc resp::line {id} {
    variable state
    while {[set end [string first "\r\n" $state($id,buf) $state($id,at)]] < 0} {
        more $id
    }
    set line [string range $state($id,buf) $state($id,at) [expr {$end - 1}]]
    set state($id,at) [expr {$end + 2}]
    return $line
}

proc resp::take {id count} {
    variable state
    while {[string length $state($id,buf)] - $state($id,at) < $count} {
        more $id
    }
    set end [expr {$state($id,at) + $count}]
    set data [string range $state($id,buf) $state($id,at) [expr {$end - 1}]]
    set state($id,at) $end
    return $data
}

# Everything up to the end of the stream, or what came before `ms` passed without a byte.
proc resp::readall {id {ms 10000}} {
    variable state
    while 1 {
        set got [pump $id]
        if {$got < 0} break
        if {$got == 0 && ![readable $id $ms]} break
    }
    set data [string range $state($id,buf) $state($id,at) end]
    set state($id,buf) {}
    set state($id,at) 0
    return $data
}

# True when the server closes the connection within `ms` (bytes that come before are dropped).
proc resp::eof_within {id {ms 5000}} {
    set until [expr {[clock milliseconds] + $ms}]
    while 1 {
        set got [pump $id]
        if {$got < 0} { return 1 }
        if {$got == 0 && ![readable $id [expr {$until - [clock milliseconds]}]]} { return 0 }
        if {[clock milliseconds] > $until} { return 0 }
    }
}

# Bytes made visible, in the manner of redis-cli: "\r\n", "\x00", "\"".
proc resp::escape {data} {
    set out {}
    foreach char [split $data {}] {
        scan $char %c code
        switch -exact -- $char {
            "\r" { append out {\r} }
            "\n" { append out {\n} }
            "\t" { append out {\t} }
            "\\" { append out {\\} }
            "\"" { append out {\"} }
            default {
                if {$code < 32 || ($code > 126 && $code < 256)} {
                    append out [format {\x%02x} $code]
                } else {
                    append out $char
                }
            }
        }
    }
    return $out
}
