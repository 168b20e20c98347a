// Package late keeps which hours of which series got points late, in the order in which they did.
//
// # What it is
//
// List is the late journal of one period: one entry per series and hour, the latest.
//
// # Where it sits
//
// Under engine, which serves it to peers as if it were a sorted set.
//
// # Invariants
//
// Scores rise. A list is at most about twice as long as what is in it.
//
// # What it does not do
//
// It does not decide what is late, and knows ids of series only, not their names.
package late
