// Package peering keeps engine nodes equal: it asks a peer for the log of all shards, and exchanges points with it
// where the log does not reach.
//
// # What it is
//
// The log protocol, docs/log-protocol.md. A Session answers one peer: what it lacks of the log, batch by batch, and
// what it asks to compare. A Follower asks, and applies what is answered. A Link is what runs: one connection to pull,
// one for exchanges (package exchange), for all shards that two nodes share.
//
//	Link ─ Follower.Request ──► Session.Pull ─ Cursor over each shard's Tail
//	  │  ◄─ Follower.Apply ────────┘
//	  └── exchange.Exchange ──► Session.Grid ─ digests by hour, bucket, series; points
//
// # Where it sits
//
// Above shard, replica and exchange. Server calls the Session for its commands, node makes the Links.
//
// # Invariants
//
// What is answered for one shard goes on where the answer before ended; whatever breaks that begins anew with the whole
// vector. The live log is pulled while an exchange runs. Answers are bounded, and made only when asked for: a slow peer
// costs nothing but the Tail, which is bounded too.
//
// # What it does not do
//
// It decides nothing about what is taken: that is replica's. It knows no sockets: connections are given to it.
package peering
