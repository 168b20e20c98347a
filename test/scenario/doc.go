// Package scenario drives whole flocks of the real binary through what an operator lives through.
//
// # What it is
//
// One suite of scenarios that runs once per kind of store (engine, redis, mixed), and a flock in two network
// namespaces.
//
// # Where it sits
//
// Above everything: it starts dunlin demo and talks to it over its ports, as a user would.
//
// # Invariants
//
// Every write that was acknowledged is written down. At the end every node must answer the same bytes for every key,
// hold every acknowledged point that no kill excuses, and nothing that nobody wrote.
//
// # What it does not do
//
// It looks at no internals: nothing of the binary's code is imported.
package scenario
