// Package reply is what is done with replies of other processes.
//
// # What it is
//
// Functions that write a decoded reply again for a client, and that join the replies of several shards to one.
//
// # Where it sits
//
// Under server, above resp and store.
//
// # Invariants
//
// An error among replies that are joined is the joined reply. A written error begins with a code.
//
// # What it does not do
//
// It sends nothing and waits for nothing.
package reply
