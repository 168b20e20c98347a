// Package store says what a shard needs of the place where its points are, and holds the kinds that live in Redis.
//
// # What it is
//
// The interfaces Reader, Store and Local with their value types, the Digest that proves two replicas equal, a Store
// over one Redis or Valkey process (redis*.go), and a Reader over another node's front door (peer.go). The engine is
// the other kind of Store. One contract test (package storetest) runs on each.
//
// # Where it sits
//
// Between shard, which owns a store, and what holds the points. A syncer reads a peer through the same Reader.
//
// # Invariants
//
// A store only ever unites: a member that is in stays in until its whole period is dropped. Every change that grows a
// set raises the key's score in the journal in the same step; nothing else does.
//
// # What it does not do
//
// Admission (floor, clock) is the shard's. A store checks neither.
package store
