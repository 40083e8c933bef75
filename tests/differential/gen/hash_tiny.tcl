# Hashes as `hash` makes them, under thresholds so small that every encoding is passed through again and again.

source [file join [file dirname [info script]] hash.tcl]
namespace eval gen::hash_tiny {}

proc gen::hash_tiny::command {} {
    set gen::hash::tiny 1
    return [gen::hash::command]
}

proc gen::hash_tiny::audit {} { return [gen::hash::audit] }
