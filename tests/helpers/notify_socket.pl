#!/usr/bin/perl
# Plays systemd's notification socket: prints the datagrams that come, one per line. Usage: notify_socket.pl PATH
use strict;
use warnings;
use Socket;

my $path = shift or die "usage: notify_socket.pl PATH\n";
socket(my $sock, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($sock, pack_sockaddr_un($path)) or die "bind $path: $!\n";
$| = 1;
print "listening\n";
while (defined recv($sock, my $message, 4096, 0)) {
    $message =~ s/\n/ /g;
    print "$message\n";
}
