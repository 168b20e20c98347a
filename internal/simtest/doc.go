// Package simtest runs whole flocks on virtual time in one goroutine: random histories from a seed, and a checker.
//
// # What it is
//
// A Flock is N nodes with a store each (a model: in memory, or a Redis with bare writers and FLUSHALL) that follow each
// other through readers that fail as the seed says. A history is writes, late points, partitions, lost memory, clock
// steps and drops; then everything heals and Check asks for what must hold.
//
// # Where it sits
//
// Above all; imported by tests only. What follows a peer is given by the test, so that mutants of it can be shown to
// fail.
//
// # Invariants
//
// The same seed gives the same history. No wall clock, no goroutine, no I/O.
//
// # What it does not do
//
// It does not test wire formats or scripts: those run on real processes, in the tests of store and syncer.
package simtest
