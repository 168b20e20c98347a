// Package shard is one slice of the series: the only writer of its store.
//
// # What it is
//
// A Shard holds a store (the engine, or a Redis process), the floor, the numbering of changes and the log they go to.
// Points from clients are admitted here, once; points from peers are united without asking a clock.
//
// # Where it sits
//
// Below server, syncer and query, above store. What a shard is given decides whether a node runs on the engine or on
// Redis.
//
// # Invariants
//
// An in-memory store is only touched between Begin and End, that is under the shard's lock; no lock is held over I/O,
// so a remote store is used without one. A point below the floor is never stored, whoever sends it. Whatever grows
// the set is numbered in the same critical section.
//
// # What it does not do
//
// It parses no keys and no protocol, and it never decides by a clock what a peer may send.
package shard
