// Package orders carries out what an operator tells a node to drop and to forget, and what peers were told.
//
// # What it is
//
// Orders has the commands DN.DROP, DN.FORGET, DN.FLOOR and DN.BACKUP, and keeps the node's edict.Set: in a file, in the
// log, and in every shard.
//
// # Where it sits
//
// Below node, which gives it the floor, the clocks and the shards; server hands the commands on, and peering's Links
// bring what other nodes were told.
//
// # Invariants
//
// A set is durable before anything goes. Nothing goes by a clock that nobody vouches for. What peers say about times
// that are in the future of this node's clock is not taken over until an operator accepts it, or the time has come.
//
// # What it does not do
//
// It does not raise the floor by the calendar: that is retention's and node's.
package orders
