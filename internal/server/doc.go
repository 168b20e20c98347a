// Package server is the front door of a node: the Redis protocol over its shards.
//
// # What it is
//
// The command table with arity, keys and flags; authentication; the commands on connections and whole nodes;
// transactions; and the routing of database 0, which is the whole node, while SELECT i is shard i. Shards on a Redis
// get their commands passed on in batches. The commands on keys are those of package keycmd; what INFO and CONFIG say
// of shards and limits is package account's.
//
// # Where it sits
//
// Above resp, keycmd, account, shard and keyspace, below node. It forwards to other nodes through an interface it
// declares.
//
// # Invariants
//
// Replies leave in the order of their commands, one write a read buffer. SELECT i never forwards. Shards are locked in
// ascending order. One refused point costs that point, nothing else.
//
// # What it does not do
//
// It stores nothing itself and starts no replication.
package server
