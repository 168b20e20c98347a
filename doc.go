// Package dunlin is the client of a Dunlin flock: it writes points to the nearest node and reads them from any.
//
// # What it is
//
// A Client knows the flock's topology. A point becomes a key and a member, the ring says its shard, and the shard's
// nearest reachable holder takes it; that node's peers pull it from there. Write waits for the result of each point;
// Add takes points and returns, and sends them in batches; Flush waits for those. A node that does not answer is
// passed over and probed, one probe at a time, at growing pauses.
//
// # Where it sits
//
// At the beginning of the way of a point. Agents, the tools of the command line and queries for shards a node lacks
// use it; it speaks plain Redis commands where a server knows nothing else, so a bare Redis does for a node.
//
// # Invariants
//
// A point reported as Stored was acknowledged by a node. Repeating a write is always safe, because a point is a member
// of a set: the client repeats by itself after a lost reply. What Add took is stored, refused, waiting, or dropped for
// a limit and counted: never lost silently. An error reply never counts as a node being down, nor does a caller who
// gives up. "Missing" (no points) and "unavailable" (ErrUnavailable) are never mixed up. Every call ends by its
// deadline.
//
// # What it does not do
//
// It replicates nothing: the nodes do.
package dunlin
