// Package ring is the topology file and the placement that follows from it: key → shard → nodes.
//
// # What it is
//
// Topology is what the file says: cluster, periods, rings, nodes. A Ring places series on shards; which ring applies
// depends on the period of the key, never on today.
//
// # Where it sits
//
// Above series. Clients, servers, syncers and queries all place keys through it, from the same file.
//
// # Invariants
//
// Placement is a pure function of the key and the file. A file that is wrong anywhere is refused whole, with the line.
//
// # What it does not do
//
// It opens no connection and watches no file.
package ring
