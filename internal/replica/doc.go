// Package replica is the rules by which replicas of a shard exchange their logs and lose nothing.
//
// # What it is
//
// Pure values, one set for each shard. State knows the origins: how far each is known here (the vector), from where on
// the own log has its entries (the start), and what an exchange with a peer is about to bring (the pending vector).
// Tail is the log as peers are served from it: the newest records, in memory, in the order in which they were applied.
// Cursor is how far one peer has been served from a Tail, and what it was shown before its turn. Bell wakes who waits
// for more.
//
//	own batch ──► State.Own ──┐                        ┌──► Cursor ──► a peer
//	                          ├──► record ──► Tail ────┤
//	entry of a peer ► Judge ──┘    (and the log)       └──► Cursor ──► another
//
// # Where it sits
//
// Shard owns a State and a Tail, under its lock. Package peering asks and answers. Storage brings the vector back.
//
// # Invariants
//
// The names are those of the rules. R1: an origin is a node, a shard and an incarnation, which is drawn at every start.
// R3: an entry is logged if and only if it is the next of its origin, whether or not it made the set grow; so entries
// of an origin are without gaps everywhere. R4: what the Tail lets go raises the start first; who is behind the start
// is told so, or served from the disk (Lacks), and never the rest without what is before it. R5: after an exchange
// vector and start are those that the peer had before it. R5a: while it runs its entries count for the pending vector,
// which nobody else is told. R7: the own earlier incarnations are origins like any other. R8: an origin whose last
// period is below the floor is forgotten. R9: no clock decides what is taken. Beyond these: points that came by no log
// and that no adopted vector covers are excess, and whoever follows the shard is told to compare.
//
// # What it does not do
//
// It holds no points and does no I/O, and it knows nothing of how an exchange is done.
package replica
