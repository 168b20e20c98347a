// Package journal is the seed's journal: which key changed when.
//
// # What it is
//
// The names of the keys that replication keeps in a Redis, the units of journal scores, the arithmetic of cursors and
// marks, and the scripts that change data and journal in one step. All Go code here is pure.
//
// # Where it sits
//
// Above series, below store (which runs the scripts) and syncer (which follows journals).
//
// # Invariants
//
// A score of dn:journal is max(last+1, the server's time in µs): it strictly rises, whatever the clock does. An entry
// is written together with the points and only if they made the set grow. A member that lands more than 60 s below
// the newest of its key enters its hour in dn:late, so that a reader who only takes the end of a key misses nothing.
//
// # What it does not do
//
// It talks to nobody. The other journal, the key named journal, belongs to seed-style writers: any unit, any order,
// read only by the node beside that Redis.
package journal
