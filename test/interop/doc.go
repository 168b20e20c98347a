// Package interop holds tests that drive a node with client libraries the product does not use.
//
// # What it is
//
// go-redis and rueidis (DisableCache) here, ioredis in the folder ioredis, each with its defaults.
//
// # Where it sits
//
// A module of its own, so that none of these libraries is a dependency of the product.
//
// # Invariants
//
// The node is the one at DUNLIN_ADDR (host:port), or one that is started from ../../bin/dunlin and ended by its pid.
//
// # What it does not do
//
// It does not compare replies byte for byte: the differential tests of server and keycmd do.
package interop
