// Package durable kills, starves and damages the real binary and looks whether it kept what it acknowledged.
//
// # What it is
//
// One test per row of the durability table: kill -9 under load, power loss on a real file system, failures of single
// system calls, full disks, a memory limit, draining, and the incidents of other stores by name. script/long.sh repeats
// the rows for hours.
//
// # Where it sits
//
// Above everything: it starts dunlin node, talks to it over its ports and handles its files, as an operator and a bad
// disk would. Nothing of the binary's code is imported.
//
// # Invariants
//
// Whatever a client sends is in a book before it is sent; what was acknowledged is marked with the time of its reply.
// After each restart the node must hold every acknowledged point that the promise of its flags covers, and no point
// that nobody sent. The TestHarness tests run the same rows on a small stand-in with known faults, each of which must
// be found.
//
// # What it does not do
//
// It searches no crash states of code: package faultfs does, many more of them and in memory.
package durable
