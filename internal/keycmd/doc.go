// Package keycmd is the Redis commands on keys: series keys and plain keys alike.
//
// # What it is
//
// The table of the commands on strings, sets, sorted sets and series with their handlers. A sorted set is read through
// one view, whether it is a plain key, a series or a journal, so that every reading command is written once. Replies
// and error texts are those of redis-server 7.0.15, in RESP2 and RESP3.
//
// # Where it sits
//
// Under server, which finds the command, checks its arity and locks the slots; above shard, store and keyspace.
//
// # Invariants
//
// All slots of a Call are locked. A series key is only ever added to; what else Redis would do to it is refused with a
// hint. One refused point costs that point, nothing else. A key that begins with a period is a series key or an error.
//
// # What it does not do
//
// It knows no connection, no routing between nodes and no shard whose store is another process.
package keycmd
