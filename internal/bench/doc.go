// Package bench loads a server with points and says what a point costs it.
//
// # What it is
//
// A deterministic load of the standard mix over raw connections: commands are encoded while the server works on the
// batch before. It measures points per second, the server's CPU time and its memory, the same way on Dunlin and Redis.
//
// # Where it sits
//
// Under the bench command. It speaks RESP by itself, because a client library would cost more than the server.
//
// # Invariants
//
// The same seed sends the same commands but for the start time. Error replies are counted, never passed over.
//
// # What it does not do
//
// It clears nothing: bytes per point are right on a server that holds nothing else. It keeps no results.
package bench
