// Package wal is the log of a node: records that are appended and replayed.
//
// # What it is
//
// For now Discard, a log that counts what it is given and keeps nothing: points live in memory (or in Redis) only.
//
// # Where it sits
//
// Under shard, which hands it a record for every batch that grew the set, inside the critical section that applied it.
//
// # Invariants
//
// Append never blocks on I/O: it is called under the shard's lock.
//
// # What it does not do
//
// It does not look into records.
package wal
