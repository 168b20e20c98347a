// Package lookout is what a node sees of the others: whether they answer, their clocks, what they say of themselves.
//
// # What it is
//
// A Lookout asks every other node of the topology for its clock, and now and then for its INFO, over a connection of
// its own, and remembers what each said last.
//
// # Where it sits
//
// Package node asks it each second; retention believes the clock by it, the page shows it.
//
// # Invariants
//
// A peer that is away costs a second at most, and the others none. Where nothing happens it asks for little, a few
// hundred bytes a second.
//
// # What it does not do
//
// It decides nothing, and replication does not depend on it.
package lookout
