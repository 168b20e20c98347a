// Package agent measures this host, or makes hosts up, and writes the points through the client.
//
// # What it is
//
// Agent collects CPU per mode, load, memory, swap, disks, network, TCP states, pressure, temperatures, processes and
// uptime. Simulated is a fleet of hosts that do not exist, for the demo. Both give their points to the client's queue.
//
// # Where it sits
//
// At the source of a point, above the client.
//
// # Invariants
//
// A tick never waits for a node: what none takes waits in the client's queue and spool, and the log says so once. One
// metric that can not be read does not stop the others.
//
// # What it does not do
//
// It keeps no points itself, and runs no plugins.
package agent
