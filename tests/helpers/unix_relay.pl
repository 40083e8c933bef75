#!/usr/bin/perl
# Carries bytes between standard input/output and a unix socket, for tests written in Tcl, which has no unix sockets.
# Usage: unix_relay.pl PATH
use strict;
use warnings;
use Socket;

my $path = shift or die "usage: unix_relay.pl PATH\n";
socket(my $sock, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
connect($sock, pack_sockaddr_un($path)) or die "connect $path: $!\n";

my ($in_open, $buf) = (1, '');
while (1) {
    my $ready = '';
    vec($ready, fileno($sock), 1) = 1;
    vec($ready, fileno(STDIN), 1) = 1 if $in_open;
    select($ready, undef, undef, undef);
    if ($in_open && vec($ready, fileno(STDIN), 1)) {
        my $n = sysread(STDIN, $buf, 65536);
        if (!$n) { $in_open = 0; shutdown($sock, 1); }
        else { send_all($sock, $buf) or last; }
    }
    if (vec($ready, fileno($sock), 1)) {
        my $n = sysread($sock, $buf, 65536);
        last if !$n;
        send_all(*STDOUT, $buf) or last;
    }
}

sub send_all {
    my ($out, $data) = @_;
    while (length $data) {
        my $n = syswrite($out, $data);
        return 0 if !defined $n;
        substr($data, 0, $n) = '';
    }
    return 1;
}
