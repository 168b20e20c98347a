// Package plain is the plainest client of the Redis protocol: what a test says was acknowledged was acknowledged.
//
// # What it is
//
// A Conn sends commands as RESP2 and gives the replies as they come.
//
// # Where it sits
//
// Under tests and measurements that want no retries, pools or pushes of a library in between, and a probe that costs
// less than what it watches.
//
// # Invariants
//
// Nothing is sent twice. When a connection breaks, what came before is given.
//
// # What it does not do
//
// No RESP3, no TLS, no login but by AUTH.
package plain
