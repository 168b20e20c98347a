// Package sock reads and writes sockets without the Go scheduler being told.
//
// # What it is
//
// Read and Write are read(2) and write(2) on a socket that does not block; Quiet makes a connection use them.
//
// # Where it sits
//
// Under resp, which serves clients, and door, which asks other nodes.
//
// # Invariants
//
// A call never blocks: who is to wait does so as with any connection of package net, deadlines included.
//
// # What it does not do
//
// It is for sockets alone. A file's write may wait for a disk, and must not keep the scheduler waiting with it.
package sock
