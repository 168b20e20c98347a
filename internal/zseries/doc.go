// Package zseries is a series as Redis' sorted set.
//
// # What it is
//
// A Set reads one key of a store in memory by rank, by score and by member, and writes the replies of the ZRANGE family
// straight from decoded chunks. A long reply is a Rest: it is detached from the store and made piece by piece while it
// is sent.
//
// # Where it sits
//
// Under keycmd, which reads the commands; above store.View.
//
// # Invariants
//
// Replies are those of redis-server 7.0.15, in RESP2 and RESP3. An array has as many elements as its header says, all
// of one moment. Nothing is allocated per point or per chunk; a Rest takes the compressed bytes of its range and one
// chunk.
//
// # What it does not do
//
// It writes no points, locks nothing and sends nothing.
package zseries
