// Package restore unites a backup with a running node.
//
// # What it is
//
// Run reads a directory with storage.Walker and sends its points with DN.MADDT.
//
// # Where it sits
//
// Under cmd/dunlin, above storage. The node at the other end may be of any kind.
//
// # Invariants
//
// It only adds: what a node has stays, and sending a point twice is harmless. A refused point is counted by reason.
//
// # What it does not do
//
// It opens no connection of its own and prints nothing.
package restore
