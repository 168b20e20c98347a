// Package flock cuts, slows, stops and kills whole flocks of real processes and looks whether they become equal again.
//
// # What it is
//
// Fleets of nodes, each in a network namespace of its own, with links that can be cut in one direction of one
// connection: all 64 ways in which three nodes can follow each other, and the faults of networks and processes by name.
//
// # Where it sits
//
// Above everything: it starts dunlin node and talks to it over its port. Only TestRoll takes the node's code, to give
// it another clock. script/long.sh repeats the graphs for hours.
//
// # Invariants
//
// Every point that was acknowledged is in a book. While links are cut it must come to every node that a way leads to,
// and to no other; when all is healed it must be everywhere, the nodes must answer the same bytes, have equal digests,
// and hold nothing that nobody wrote.
//
// # What it does not do
//
// It searches no orders of events: package simtest does, thousands of them on virtual time.
package flock
