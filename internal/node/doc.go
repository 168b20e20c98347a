// Package node wires one node of a flock from a Config.
//
// # What it is
//
// The shards over the node's store (the engine, or one Redis process a shard), the syncers that follow every peer of
// every shard, the front door with its forwarding, the label index, the HTTP server, retention, and what a node tells
// about itself in INFO, metrics and on the page.
//
// # Where it sits
//
// Above every other internal package; cmd starts it, and the tests that need a whole node.
//
// # Invariants
//
// New starts nothing; Run returns when every goroutine it started has ended. The floor is kept before anything is
// deleted, never goes down, and no clock that can not be vouched for raises it.
//
// # What it does not do
//
// It decides nothing about points: grammar, admission, merging and placement are further down.
package node
