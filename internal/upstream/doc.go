// Package upstream is one server as a client sees it: its connections, whether it answers, and when it is asked again.
//
// # What it is
//
// A Server takes batches of commands and gives their replies. It dials when it must, one connection a database, and
// multiplexes everybody's commands on it. A server that does not answer in time, or that can not be dialed, is down:
// batches to it fail at once, and one probe at a time, on a new connection, looks whether it is back, at growing,
// jittered pauses. What was on its way before has its own time still: a slow server is not made slower.
//
// # Where it sits
//
// Below the client, above rueidis. It knows nothing of points, shards or other servers.
//
// # Invariants
//
// Only silence, a broken connection or a refused one marks a server down: an error reply does not, a caller who gives
// up does not, and a batch that nobody waits for any longer is still watched to its end. At most one probe is under
// way. The pause between probes starts again from its smallest only when a command was answered, so a server that
// takes connections and closes them is asked less and less often. What is on its way to a server is bounded.
//
// # What it does not do
//
// It chooses no server and repeats nothing elsewhere.
package upstream
