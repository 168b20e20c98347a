#!/usr/bin/perl
# Writes points as the Perl clients of 2012 do: AnyEvent::Redis to the server that Set::ConsistentHash's ring picks.
# Arguments: name=host:port=weight …. For each of 40 hosts and 5 metrics one point into its own key by the key's place,
# and one into group:<host>:<metric> by the place of the group <host>.
use strict;
use warnings;
use AnyEvent;
use AnyEvent::Redis;
use Digest::MD5 qw(md5);
use Digest::SHA qw(sha1);

my (%servers, %points);
for (@ARGV) {
    my ($name, $host, $port, $weight) = /^(\w+)=([\d.]+):(\d+)=(\d+)$/ or die "bad argument $_";
    $servers{$name} = AnyEvent::Redis->new(host => $host, port => $port, on_error => sub { die "$name: @_" });
    $points{unpack("V", sha1("$name-$_"))} = $name for 1 .. 100 * $weight;
}
my @sorted = sort { $a <=> $b } keys %points;
my @buckets;
my $at = 0;
for my $i (0 .. 1023) {
    $at++ while $at < @sorted && $sorted[$at] < $i * 2**22;
    $buckets[$i] = $points{ $sorted[ $at % @sorted ] };
}
sub server { $servers{ $buckets[ unpack("N", md5($_[0])) % 1024 ] } }

my $done = AnyEvent->condvar;
for my $h (1 .. 40) {
    for my $m (1 .. 5) {
        my ($host, $ts) = ("web$h", 1795348800 + $m);
        my $key = "20261122:$host:metric$m";
        $done->begin(sub { $_[0]->send });
        $done->begin;
        server($key)->zadd($key, $ts, "$ts:perl", sub { $done->end });
        server($host)->zadd("group:$host:metric$m", $ts, "$ts:perl", sub { $done->end });
    }
}
$done->recv;
