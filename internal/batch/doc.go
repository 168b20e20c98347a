// Package batch takes the points of a read buffer in one go.
//
// # What it is
//
// A Batch gathers points from commands that follow each other, sorts them by shard, has each shard store its own under
// one lock, and writes the replies in the order of the commands. It looks at a command once and allocates nothing.
//
// # Where it sits
//
// Between server, which hands it every command that may be of its kind, and shard.
//
// # Invariants
//
// What comes out is what the same commands do one by one: a command that is anything but ordinary (an option, a score
// of another spelling, a bad member) is not taken, and the handler in keycmd answers it. Shards are locked one after
// the other, never two at a time. Nothing is stored before Commit, and Commit stores all of it.
//
// # What it does not do
//
// It forwards nothing and knows only shards in memory.
package batch
