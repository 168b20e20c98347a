// Package redistest starts real Redis (or Valkey) processes for tests.
//
// # What it is
//
// Start runs the server that the environment variable REDIS_SERVER names (default redis-server) on a free port of
// loopback, without persistence, and ends it with the test.
//
// # Where it sits
//
// Beside storetest; imported by tests only.
//
// # Invariants
//
// A missing server is a loud skip, and a failure when CI=true. Processes are ended by their own pid.
//
// # What it does not do
//
// It knows no keys and no protocol beyond PING.
package redistest
