// Package check finds out whether the nodes of a flock hold the same points.
//
// # What it is
//
// It asks all nodes for their periods and for the digest of every shard and period, gives each such cell a verdict, and
// names the keys of those that differ.
//
// # Where it sits
//
// Under dunlin check, on top of the client. Package advise adds what it knows of the nodes on Redis.
//
// # Invariants
//
// It reads only. A cell that was equal once is settled: while points arrive a replica is always a moment behind. A
// flock is equal only when every cell is settled and every node was asked at the last look.
//
// # What it does not do
//
// It mends nothing: that is the syncer's work. Plain keys and foreign members are local to a node and not compared. It
// prints nothing.
package check
