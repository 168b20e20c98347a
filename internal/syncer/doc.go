// Package syncer keeps a shard equal to the same shard on other nodes, and adopts what clients write straight into
// the node's own Redis.
//
// # What it is
//
// A Syncer follows the journal of one shard of one peer: it pulls the end of every key that changed, whole hours
// where the late journal names them, and compares every hour once after it has closed. What it decides is in machine:
// step(now, event) gives the next action, with no I/O, clock or chance of its own. Run carries the actions out. A
// Follower sweeps the node's own Redis for points that came without the atomic script.
//
// # Where it sits
//
// Above shard (where points are merged) and store (through which the peer is read). Package node starts one Syncer per
// shard and peer.
//
// # Invariants
//
// Cursor and marks are kept in the store they feed, in the same step as the data or after it, never before. A peer's
// heads are read before its keys are compared, so nothing falls between comparing and following. A key's mark is the
// newest timestamp seen from that peer in this epoch: everything below mark - 60 s is the late journal's. A key is
// taken as done without being read only where its digest here, with the peer's newest point if need be, is the peer's.
// When nothing changes, nothing is sent but the poll.
//
// # What it does not do
//
// It refuses nothing by a clock; clocks only say when to poll and when an hour is worth comparing. It knows no
// engine and no front door.
package syncer
