// Package agent measures this host, or makes hosts up, and writes the points through the client.
//
// # What it is
//
// Agent collects CPU per mode, load, memory, swap, disks, network, processes and uptime. Simulated is a fleet of hosts
// that do not exist, for the demo. Both write through a Delivery, which keeps what could not be delivered.
//
// # Where it sits
//
// At the source of a point, above the client.
//
// # Invariants
//
// The queue of undelivered points is bounded; what falls out of it, oldest first, is counted. A point that is refused
// is counted and not repeated. One metric that can not be read does not stop the others.
//
// # What it does not do
//
// It keeps nothing on disk and runs no plugins.
package agent
