// Package budget is a node's memory limit and its limit on series, shared by all its shards.
//
// # What it is
//
// A Budget counts what the stores of a node hold and says whether more may come: new series while less than 95 percent
// of the limit is used, points until all of it is. A Period counts the series of one period over all shards and
// knows which host brought most of the new ones.
//
// # Where it sits
//
// Under slab, which counts, under engine, which asks where memory grows or a series is new, and under the node and its
// front door, which set and show it. It imports series and the sentinels of store.
//
// # Invariants
//
// All methods are safe for concurrent use, and those that the write path calls take no lock but where a series is new
// and a limit on series is set. The nil Budget limits nothing. Used falls only after memory went back to the system.
// The limit can be passed by what the shards take between asking and taking, a few steps of 16 KiB each.
//
// # What it does not do
//
// It drops nothing: under the policy drop-oldest it wakes whoever does.
package budget
