// Package querytest holds a store.Reader for tests of what reads: points in memory, no lock, no log.
//
// # What it is
//
// Memory, the plainest thing that keeps the contract of store.Reader.
//
// # Where it sits
//
// Imported by tests of query and web only.
//
// # Invariants
//
// A change of a key raises its journal score above all others. Nothing is ever removed but by Drop and Lose.
//
// # What it does not do
//
// It does not compress, admit or replicate, and it gives no digests.
package querytest
