#!/usr/bin/perl
# Opens many connections, sends a PING on each, and keeps them until a line comes on the standard input.
# Usage: idle_connections.pl HOST PORT COUNT
use strict;
use warnings;
use Socket;

my ($host, $port, $count) = @ARGV;
my $address = pack_sockaddr_in($port, inet_aton($host));
my @open;
$| = 1;
for (1 .. $count) {
    socket(my $sock, PF_INET, SOCK_STREAM, 0) or fail("socket: $!");
    connect($sock, $address) or fail("connect: $!");
    syswrite($sock, "PING\r\n") or fail("write: $!");
    sysread($sock, my $reply, 64) or fail("no reply: $!");
    $reply eq "+PONG\r\n" or fail("reply: $reply");
    push @open, $sock;
}
print "ready\n";
<STDIN>;

sub fail {
    print "@_\n";
    exit 1;
}
