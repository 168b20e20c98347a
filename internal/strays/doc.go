// Package strays finds keys that lie on a shard where the ring does not look for them, and gives their points to the
// shard where it does.
//
// # What it is
//
// A Sweeper reads the journal of one shard: SELECT i takes any key, and so does a Redis process, and a node whose
// topology file is older than another's. What belongs elsewhere is united there, through the node's own shard or
// through the front door of a node that holds it. Run runs the Sweepers of a node.
//
// # Where it sits
//
// Beside the shards, above store. Package node makes one Sweeper for each shard that it holds.
//
// # Invariants
//
// Nothing is deleted from where it lies. Points go on from the newest that the owner has taken; where others came below
// it, all of the key go again. An owner that is away is asked again. A key of a store in memory is looked at once, when
// it is made, and from then on only if it strays.
//
// # What it does not do
//
// It places nothing: package ring does.
package strays
