// Package gentle lets work that is never urgent take a twentieth of the time at most.
//
// # What it is
//
// Rest pauses after a piece of work, Wait for as long as it is told.
//
// # Where it sits
//
// Under what reads all of a node again and again: proof the memory, scrub the files.
//
// # Invariants
//
// Whoever does pieces of less than 50 ms with a Rest behind each works a twentieth of the time at most. A context that
// ends ends each pause.
//
// # What it does not do
//
// It knows nothing of other work: what is to go first takes what it needs.
package gentle
