// Package load makes the commands of a load: the points of a made-up fleet, in every form that writers use.
//
// # What it is
//
// Streams of batches, ready to be written to a connection: sorted sets, Dunlin's and RedisTimeSeries' commands for many
// points, remote write. Some points come late or twice, if asked for; a fill packs many ticks into a command.
//
// # Where it sits
//
// Under bench, which sends the batches, reads replies and measures. The values come from fleet.
//
// # Invariants
//
// The same seed and start make the same bytes. The points are the same in every form and over any number of
// connections, but that a command with one timestamp for all has one timestamp. Encoding allocates nothing.
//
// # What it does not do
//
// It knows no connection, no clock and no reply.
package load
