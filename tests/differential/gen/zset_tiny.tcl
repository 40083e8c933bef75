# Sorted sets as `zset` makes them, under thresholds so small that both encodings are passed through again and again.

source [file join [file dirname [info script]] zset.tcl]
namespace eval gen::zset_tiny {}

proc gen::zset_tiny::command {} {
    set gen::zset::tiny 1
    return [gen::zset::command]
}

proc gen::zset_tiny::audit {} { return [gen::zset::audit] }
