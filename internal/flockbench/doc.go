// Package flockbench measures what a flock costs: real nodes on loopback that follow each other's logs.
//
// # What it is
//
// Run starts flocks of nodes, each a process of the same binary, puts load on them and reads what they used: bytes and
// entries of the log, CPU of sender and receiver beside that of a node alone, the time until a point is readable on a
// peer, what goes over a link where nothing happens, and how long a node takes that comes back, or comes with nothing.
//
// # Where it sits
//
// Under the command dunlin bench flock; make bench-flock puts its table into docs/benchmarks.md. The load is package
// load's.
//
// # Invariants
//
// All figures of a table are from one run, on real disks and real connections. What is compared is measured with the
// same load. Every process that is started ends with the run.
//
// # What it does not do
//
// It judges nothing: the table shows what the design asks for beside what was measured.
package flockbench
