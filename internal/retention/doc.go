// Package retention decides how far the floor of a node may rise, and says how it is kept in a file.
//
// # What it is
//
// A Policy is what the floor depends on; Next is the rule, a pure function of it and of Clocks. AppendFile and
// ParseFile are the floor file. Together they are the promise that no clock wipes live data.
//
// # Where it sits
//
// Package node asks it every second, and drops what it says.
//
// # Invariants
//
// The floor never goes down. A wall clock that has not moved with monotonic time, or that the peers contradict, raises
// nothing. Without a peer to ask, data goes one period per period of monotonic time.
//
// # What it does not do
//
// It drops nothing and touches no disk.
package retention
