// Package replog names where changes come from: origins, incarnations and their sequence numbers.
//
// # What it is
//
// Pure values. An origin is one run of one shard on one node; within it changes are numbered from 1 without gaps.
//
// # Where it sits
//
// Under shard, which numbers what it applies, and syncer, which tells one life of a peer from the next.
//
// # Invariants
//
// An incarnation is 64 random bits drawn at every start: no clock, no counter, so neither a restored disk nor a cloned
// machine repeats one.
//
// # What it does not do
//
// It stores nothing and sends nothing.
package replog
