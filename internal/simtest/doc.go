// Package simtest runs whole flocks on virtual time in one goroutine: random histories from a seed, and a checker.
//
// # What it is
//
// A Flock is N nodes with a store each (a model: in memory, or a Redis with bare writers and FLUSHALL) that follow each
// other's journals through readers that fail as the seed says. A history is writes, late points, partitions, lost
// memory, clock steps and drops; then everything heals and Check asks for what must hold.
//
// A LogFlock is the real engine, shard and peering over a model of a disk, with nodes on the model of Redis among them.
// Beside what happens to a Flock, answers are lost, late or come twice, exchanges break off, processes and disks die,
// records are damaged, disks are put back or copied from other nodes, links are slow, rings change. A history that
// fails is cut down by Shrink to the events that it takes.
//
// # Where it sits
//
// Above all; imported by tests only. What follows a peer is given by the test, so that mutants of it can be shown to
// fail.
//
// # Invariants
//
// The same seed gives the same history. Each event has its own seed: it is the same when others are left out. No wall
// clock, no goroutine, no I/O.
//
// # What it does not do
//
// It does not test wire formats or scripts: those run on real processes, in the tests of store and syncer.
package simtest
