// Package door is a connection to another node's front door.
//
// # What it is
//
// A Conn is dialled when it is first wanted, and again when it broke; a node that is away does not cost a dial per
// command. It counts what goes over it.
//
// # Where it sits
//
// Package node forwards commands, looks at its peers and follows their logs through it.
//
// # Invariants
//
// Commands go in order over one connection, and the reply of each comes back in order. What was sent is never sent
// again.
//
// # What it does not do
//
// It decides nothing about what an error means, but for commands that the other side does not know.
package door
