// Package account is what a node says of itself: the answers to INFO and CONFIG about memory, limits, counts and keys.
//
// # What it is
//
// A Node is the shards and the limits that are asked. Sections asks them, Text writes sections out as INFO does.
// Parameters and Configure are CONFIG GET and CONFIG SET. Names and formats are Redis' where the meaning is.
//
// # Where it sits
//
// Under server, which adds what it knows of connections and answers the client, and node, which has sections of its
// own. Above shard, store and budget.
//
// # Invariants
//
// All bytes of used_memory are counted, none is estimated but those of the Go maps behind plain keys and the index. The
// parts add up to it, whatever happens meanwhile: each is read once. A shard is locked for one question at a time, and
// one whose store is another process is never asked for its memory.
//
// # What it does not do
//
// It counts nothing itself, and it does not know plain keys and connections: whoever has them tells the budget first.
package account
