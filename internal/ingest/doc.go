// Package ingest turns what arrives in other formats into points.
//
// # What it is
//
// Parsers, one per format, each apart from the reading of its input, and the Sink they feed. The first is Dunlin's own
// line: host metric ts value.
//
// # Where it sits
//
// Before the client: commands and listeners read bytes, this package makes points of them, a Sink takes them.
//
// # Invariants
//
// A bad line is reported with its number and does not stop the lines after it. Input is never held whole: a line has a
// limit, a batch has a limit.
//
// # What it does not do
//
// It neither places nor stores points, and it decides nothing about admission but the grammar.
package ingest
