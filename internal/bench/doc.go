// Package bench loads servers with points and says what a point costs them.
//
// # What it is
//
// The same deterministic load on one or two servers, round by round in turn, over raw connections: the next batch is
// encoded while the server works on the one before. It measures points per second, the server's CPU time and memory,
// latencies, reads, and the dropping of a day beside a probing client, the same way on Dunlin and on others.
//
// # Where it sits
//
// Under the bench command; load makes the bytes it sends. It speaks RESP by itself, because a client library would
// cost more than the server.
//
// # Invariants
//
// Error replies are counted, never passed over; one that every command would get ends the run. A figure that could
// not be measured is 0 and shown as missing. What was measured before an error or an interruption is reported.
//
// # What it does not do
//
// It clears nothing but with a drop: bytes per point are right on a server that holds nothing else. It keeps no
// results and pins no server.
package bench
