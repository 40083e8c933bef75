# What a server without replicas and outside of a cluster answers: ROLE, WAIT, WAITAOF, REPLICAOF, FAILOVER, CLUSTER.

start_server {tags {replicas}} {
    test {ROLE of a primary without replicas} {
        lassign [r role] role offset replicas
        assert_equal {master {}} [list $role $replicas]
        assert_equal 1 [string is wideinteger -strict $offset]
    }

    test {WAIT without replicas} {
        assert_equal 0 [r wait 0 0]
        assert_equal 0 [r wait 1 10]
        assert_error {ERR timeout is negative} {r wait 1 -1}
        r multi
        r wait 1 0
        assert_equal 0 [r exec]
        assert_equal 0 [r eval {return redis.call('wait', 1, 0)} 0]
    } {redis8}

    test {WAIT ends by CLIENT UNBLOCK} {
        foreach {how answer} {timeout 0 error {UNBLOCKED *}} {
            set client [redis_deferring_client]
            $client client id
            set id [$client read]
            $client wait 1 0
            wait_for_condition 50 100 {[s blocked_clients] == 1} else {fail "the client does not wait"}
            r client unblock $id $how
            catch {$client read} got
            assert_match $answer $got
        }
    }

    test {REPLICAOF NO ONE, FAILOVER and CLUSTER of a primary} {
        assert_equal OK [r replicaof no one]
        assert_equal OK [r slaveof NO ONE]
        assert_error {ERR Invalid master port} {r replicaof a b}
        assert_error {ERR No failover in progress.} {r failover abort}
        assert_error {ERR FAILOVER requires connected replicas.} {r failover}
        foreach line {{cluster info} {cluster myid} readonly readwrite asking} {
            assert_error {ERR This instance has cluster support disabled} {r {*}$line}
        }
    }

    test {min-replicas-to-write stops writes} {
        with_config {min-replicas-to-write 1} {
            assert_error {NOREPLICAS Not enough good replicas to write.} {r set k v}
            assert_equal {} [r get k]
        }
        assert_equal OK [r set k v]
    }
}

start_server {tags {replicas redis8} overrides {appendonly yes appendfsync everysec}} {
    test {WAITAOF waits for the own file} {
        r set k v
        assert_equal {1 0} [r waitaof 1 0 0]
        assert_equal {1 0} [r waitaof 1 0 0]
        assert_equal 0 [lindex [r waitaof 0 1 10] 1]
        assert_error {ERR value is out of range, value must between 0 and 1} {r waitaof 2 0 0}
    }

    test {WAITAOF in vain tells how far the own file is by then} {
        set client [redis_deferring_client]
        $client client id
        set id [$client read]
        $client set k x
        $client read
        $client waitaof 0 1 0
        wait_for_condition 50 100 {[s blocked_clients] == 1} else {fail "the client does not wait"}
        # It waits for what its own client has written.
        r set k y
        assert_equal {1 0} [r waitaof 1 0 0]
        assert_equal 1 [r client unblock $id]
        assert_equal {1 0} [$client read]
        $client close
    }

    test {WAITAOF ends when the file is switched off} {
        with_config {appendfsync no} {
            set client [redis_deferring_client]
            $client set k w
            $client read
            $client waitaof 1 0 0
            wait_for_condition 50 100 {[s blocked_clients] == 1} else {fail "the client does not wait"}
            r config set appendonly no
            catch {$client read} got
            assert_match {ERR WAITAOF cannot be used *} $got
        }
    }
}
