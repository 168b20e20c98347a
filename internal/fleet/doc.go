// Package fleet makes up the metrics of hosts that do not exist: the standard mix of 20 metrics.
//
// # What it is
//
// A deterministic generator: the same seed, hosts and ticks give the same values, byte for byte. Gauges walk at random,
// counters count, some things never change.
//
// # Where it sits
//
// Under the demo's simulated agents and under bench, so that both mean the same mix. It imports nothing of ours.
//
// # Invariants
//
// A value is the shortest decimal text, as strconv's 'f' with precision -1 writes it. Making one allocates nothing.
//
// # What it does not do
//
// It knows neither clocks nor keys.
package fleet
