// Package storetest is the contract of store.Store as a test, and the simplest store that keeps it.
//
// # What it is
//
// Run checks any store: the engine, the naive one of this package, one over a real Redis process. Naive keeps maps of
// sorted slices and is obviously right: the model that other tests compare with.
//
// # Where it sits
//
// Beside store; imported by tests only.
//
// # Invariants
//
// Run asks for nothing that a store over a network could not do in a few thousand round trips. All its stores are of
// cluster Cluster and layout Layout.
//
// # What it does not do
//
// It measures nothing.
package storetest
