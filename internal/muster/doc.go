// Package muster calls all nodes of a flock, and says how each of them and each of its shards fares.
//
// # What it is
//
// Look asks every node at once for its INFO and makes a Report: per node and shard the state, the lag, how many entries
// of logs it lacks and how often it differed; per node and peer up to when it is complete, and when the two were proven
// equal. Print writes a Report for people, Watch does so again and again.
//
// # Where it sits
//
// Under dunlin flock, on top of the client.
//
// # Invariants
//
// It reads only. A node that can not be asked is in the report, with the reason. A report without problems says that
// all nodes answered, all follow all their peers, none is late and no hours differ.
//
// # What it does not do
//
// It compares no points: package check does. What a node says of itself is believed.
package muster
