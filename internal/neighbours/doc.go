// Package neighbours is what all other nodes say of themselves, asked once a second.
//
// # What it is
//
// All keeps a View of each: whether it answers, the fields of its INFO, how fast it is written to, and how far its
// clock is from the own one.
//
// # Where it sits
//
// Below node, which shows it on the page and asks it whether its own clock can be vouched for.
//
// # Invariants
//
// A node that is away keeps what it said last, and counts neither for clocks nor as up.
//
// # What it does not do
//
// It moves no points: that is peering's and syncer's.
package neighbours
