// Package client drives the client against whole nodes that die, stop and come back.
//
// # What it is
//
// Three processes of the real binary, one client under load, and somebody who kills and stops them.
//
// # Where it sits
//
// Above everything; it uses the client as any program would.
//
// # Invariants
//
// Every point that the client accepted is counted; at the end every node must have exactly those.
//
// # What it does not do
//
// It measures no speed: see the benchmark in test/interop.
package client
