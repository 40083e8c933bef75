start_server {tags {connection}} {
    test {PING answers} {
        assert_equal PONG [r ping]
        assert_equal hello [r ping hello]
    }
    start_server {overrides {requirepass x}} {
        test {nested} { assert_error NOAUTH* {r ping}; r auth x; assert_equal PONG [r -1 ping] ; assert_equal 1 2}
    }
    test s { assert_equal 1 [s connected_clients]; redis_client; redis_client; assert_equal 3 [s connected_clients] ; r nosuch}
    test skipit {skip "no reason"}
}
