// Package resp is the server side of the Redis protocol, RESP2 and RESP3: parser, reply writer, accept loop.
//
// # What it is
//
// A parser that works in place on the read buffer, pipelined and inline commands alike; a Writer that appends
// replies; and a Listener that runs one goroutine a connection: read, parse everything there is, hand the commands to
// a handler, write all their replies at once.
//
// # Where it sits
//
// Under package server, above nothing of ours.
//
// # Invariants
//
// A limit is checked before anything is allocated for what it limits. Parsing a command allocates nothing. An idle
// connection holds no read buffer. Words of HTTP close the connection, so that no browser can talk to the port.
//
// # What it does not do
//
// It knows no command: arity, authentication and meaning belong to package server.
package resp
