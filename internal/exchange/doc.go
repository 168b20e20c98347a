// Package exchange makes a shard equal to a peer's where no log does: it compares digests, and fetches what is lacking.
//
// # What it is
//
// Anti-entropy, docs/log-protocol.md. An Exchange brings everything that the other side has, the newest hour first,
// step by step: hours, buckets of an hour, series of a bucket, points of a series; whole chunks of an hour of which it
// has little. A Source answers all of that from the shards of a node; a Remote is whoever answers, near or far.
//
//	Exchange.Step ──► Remote ─ Standing, Hours, Buckets, Series, Points, Chunks ──► Source ─ shard, grid
//
// # Where it sits
//
// Above shard, replica and grid. Package peering carries the questions over a connection, and proof asks too.
//
// # Invariants
//
// The peer's vector is asked for before the first digest, and adopted after the last point. What is asked for at a time
// is bounded, and so is what is answered. Whoever abandons an Exchange may begin it anew: what it brought stays, and
// counts for nothing.
//
// # What it does not do
//
// It does not decide when an exchange is needed, and knows no connections. It runs nothing: its owner calls Step.
package exchange
