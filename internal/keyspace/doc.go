// Package keyspace holds plain Redis keys: strings, sets and sorted sets that are no series.
//
// # What it is
//
// A DB of one shard's plain keys with expiry, in memory, exact in Redis' sense and uncompressed; and the rules by which
// Redis reads numbers, ranges and patterns (number.go, glob.go).
//
// # Where it sits
//
// Under server, beside the shard whose number it shares. It is protected by the same lock as the shard.
//
// # Invariants
//
// A plain key is local to its node: never replicated, never journalled. Scores order as IEEE doubles, ties by bytes.
// A key, or a member, that is there during a whole scan is given at least once. Time comes from the clock passed in.
//
// # What it does not do
//
// It speaks no protocol and knows no series.
package keyspace
