# The slow log.

start_server {tags {slowlog} overrides {slowlog-log-slower-than 1000000}} {
    test {Fast commands are not in it} {
        r ping
        assert_equal 0 [r slowlog len]
        assert_equal {} [r slowlog get]
    }

    test {An entry: id, time, duration, arguments, address, name} {
        r client setname slow
        r config set slowlog-log-slower-than 20000
        set before [clock seconds]
        r debug sleep 0.05
        r config set slowlog-log-slower-than 1000000
        assert_equal 1 [r slowlog len]
        set entry [lindex [r slowlog get] 0]
        assert_equal 6 [llength $entry]
        lassign $entry id time duration argv addr name
        assert_range $time $before [clock seconds]
        assert_range $duration 50000 5000000
        assert_equal {debug sleep 0.05} $argv
        assert_match 127.0.0.1:* $addr
        assert_equal slow $name
        r client setname ""
    }

    test {Ids go on, RESET empties} {
        r config set slowlog-log-slower-than 0
        r ping
        r config set slowlog-log-slower-than 1000000
        set ids [lmap entry [r slowlog get] { lindex $entry 0 }]
        assert_equal $ids [lsort -integer -decreasing $ids]
        set last [lindex $ids 0]
        assert_equal OK [r slowlog reset]
        assert_equal 0 [r slowlog len]
        r debug sleep 0
        r config set slowlog-log-slower-than 0
        r ping
        r config set slowlog-log-slower-than 1000000
        assert_more [lindex [r slowlog get] end 0] $last
    }

    test {The length is bounded, also after it was lowered} {
        r config set slowlog-log-slower-than 0 slowlog-max-len 10
        for {set i 0} {$i < 30} {incr i} { r echo $i }
        assert_equal 10 [r slowlog len]
        assert_equal {echo 29} [lindex [r slowlog get] 1 3]
        r config set slowlog-max-len 3
        r ping
        assert_equal 3 [r slowlog len]
        r config set slowlog-log-slower-than 1000000 slowlog-max-len 128
    }

    test {SLOWLOG GET with a count} {
        r slowlog reset
        r config set slowlog-log-slower-than 0
        for {set i 0} {$i < 20} {incr i} { r echo $i }
        r config set slowlog-log-slower-than 1000000
        assert_equal 10 [llength [r slowlog get]]
        assert_equal 3 [llength [r slowlog get 3]]
        assert_equal 0 [llength [r slowlog get 0]]
        assert_equal [r slowlog len] [llength [r slowlog get -1]]
        assert_equal [r slowlog len] [llength [r slowlog get 1000]]
        assert_error {ERR count should be greater than or equal to -1} {r slowlog get -2}
        assert_error {ERR count should be greater than or equal to -1} {r slowlog get x}
    }

    test {Long arguments and many of them are cut} {
        r slowlog reset
        r config set slowlog-log-slower-than 0
        r echo [string repeat a 300]
        catch {r del {*}[lrepeat 50 x]}
        r config set slowlog-log-slower-than 1000000
        set entries [r slowlog get -1]
        assert_contains [lmap entry $entries { lindex $entry 3 }] \
            [list echo "[string repeat a 128]... (172 more bytes)"]
    }

    test {More than 32 arguments are summed up} {
        needs_commands del
        r slowlog reset
        r config set slowlog-log-slower-than 0
        r del {*}[lrepeat 50 x]
        r config set slowlog-log-slower-than 1000000
        set entry [lindex [r slowlog get -1] 0]
        assert_equal [list del {*}[lrepeat 30 x] {... (20 more arguments)}] [lindex $entry 3]
    }

    test {A negative threshold switches it off} {
        r slowlog reset
        r config set slowlog-log-slower-than -1
        r debug sleep 0.02
        assert_equal 0 [r slowlog len]
        r config set slowlog-log-slower-than 1000000
    }

    test {Passwords are not kept} {
        r slowlog reset
        r config set slowlog-log-slower-than 0
        catch {r auth sesame}
        catch {r auth default sesame}
        catch {r hello 2 auth default sesame}
        r config set requirepass sesame
        r config set requirepass ""
        r config set slowlog-log-slower-than 1000000
        set text [r slowlog get -1]
        assert_no_match *sesame* $text
        assert_match {*config set requirepass (redacted)*} $text
    }

    test {Commands that were refused are not logged} {
        r slowlog reset
        r config set slowlog-log-slower-than 0
        catch {r nosuch}
        catch {r echo}
        r config set slowlog-log-slower-than 1000000
        assert_no_match *nosuch* [r slowlog get -1]
        assert_no_match *echo* [r slowlog get -1]
    }
}
