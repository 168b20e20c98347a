// Package edict is what a flock was told to drop and to forget.
//
// # What it is
//
// A Set: up to which period everything was dropped by hand, and the Tombs, each a host or a series within a span of
// time of one period. Sets are united, and what is united can be written down, compared by its Hash, and asked whether
// a point is dead.
//
// # Where it sits
//
// Below shard, which takes no point that is dead; node keeps the Set of a node, and peering carries it to others.
//
// # Invariants
//
// A Set never changes; With and Below make another. Uniting is a join: whatever the order, the same comes of it. A Tomb
// lies within its period and dies with it. A Tomb that lies within another of its name is not kept.
//
// # What it does not do
//
// It asks no clock: whether a Set may be taken over is node's to say.
package edict
