// Package keyspec says where the keys stand in a Redis command, and whether executing it twice does harm.
//
// # What it is
//
// A table of the commands that make sense through a client that routes by key, and Of, which reads one command.
//
// # Where it sits
//
// Below the client's chains.
//
// # Invariants
//
// A command that is not in the table is refused with what to do instead; nothing is guessed.
//
// # What it does not do
//
// It checks no arguments beyond what it needs to find the keys: the server does.
package keyspec
