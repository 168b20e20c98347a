// Package engine is the store of our own: points in memory, compressed, in one process.
//
// # What it is
//
// A Store interns each host:metric once (package names). A period (period.go) is a dense paged array of entries by
// series id, and a slab (package slab) with everything those entries own: chunks of points and the directory of the
// chunks. Journals are a linked list through the entries in the order of their last change (journal.go).
//
//	names: host:metric → id          period 2026-11-22
//	                      │            entries[id] ── directory ── first ts, block, size, count
//	                      └───────────►  open State      │
//	                                     digest          └── slab: chunk, chunk, …, open chunk
//
// # Where it sits
//
// Under shard, as one kind of store.Store. It holds what package chunk encodes, in memory that package slab hands out
// and counts. What is new it tells a replog.Recorder. Save walks a period and gives records (package chunkrec) of what
// no walk has written; Load and Replay take back what was written. Files are storage's.
//
// # Invariants
//
// One owner: nothing here locks. The chunks of an entry are in the order of a sorted set and do not overlap; only the
// last one is open. Count and digest of an entry are those of its points; a chunk that counts as saved is, as it
// stands, in a record that Save gave or Load took, and the sum of the digests of those is known. Dropping a period
// frees its slab without looking at a point. Nothing that grows with the data holds pointers or lies in the Go heap,
// tables of pages aside.
// What was counted (slab.Meter) is what is in use, to the page; bytes of a block or a name are good until the owner's
// next call that changes something, and end the process when their period was dropped: who wants to keep them copies.
//
// # What it does not do
//
// It refuses nothing but what the node's limits refuse (admit.go): floor and clock are the shard's. It touches no file.
package engine
