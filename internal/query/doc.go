// Package query answers what a page or a query language asks of a node: which hosts and metrics there are, what their
// newest values are, and the points of a series over time.
//
// # What it is
//
// Index follows the journals of the shards it is given and keeps, per series, the newest point and the places (shard
// and period) that hold the series. Ranges are read through the same store.Readers.
//
// # Where it sits
//
// Above store, below web. A reader may be a shard of this node or a peer's shard: the index does not see a difference.
//
// # Invariants
//
// Nothing is scanned: what the index knows came from a journal, from its beginning on. Two members at one timestamp
// are resolved by one total order (Better), so that every replica answers the same. A series whose last period was
// dropped is gone from the index. The index is a cache: losing it costs a replay of the journals, never a point. Feeds
// of stores in memory (local.go) take about 3 % of one core together, however much changes: what they do not get to in
// time they show later, never not at all. While nobody looks they rest, and whoever looks then waits until all is read.
//
// # What it does not do
//
// It never writes, and it holds no points beside the newest.
package query
