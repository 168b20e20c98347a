// Package cable is a line between two nodes on loopback that can be cut.
//
// # What it is
//
// A Cable listens on a port of its own and carries connections to a target, until it is cut.
//
// # Where it sits
//
// Under the demo, which puts one between each two of its nodes.
//
// # Invariants
//
// A cut ends all connections at once and refuses new ones.
//
// # What it does not do
//
// It does not look into what it carries, and delays nothing.
package cable
