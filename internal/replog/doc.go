// Package replog is what records of the log say: which points were new, and where they come from.
//
// # What it is
//
// Pure values and a codec, described byte by byte in docs/format/log.md. An origin is one run of one shard on one node;
// within it changes are numbered from 1 without gaps. A Recorder turns the points that a batch added into a record of
// 4 to 6 bytes a point; a Reader with a Dict turns it back into the same text. State is the record that a segment
// begins with.
//
// # Where it sits
//
// The engine calls the Recorder; the shard, which numbers changes, takes its records to the log. Storage reads them.
// Syncer tells one life of a peer from the next by its incarnation.
//
// # Invariants
//
// An incarnation is 64 random bits drawn at every start: no clock, no counter, so neither a restored disk nor a cloned
// machine repeats one. Numbers of series rise over a whole incarnation. Each name is spelled in two records with at
// least 4 KiB between them, or in all: no lost page makes a record elsewhere unreadable. No bytes make a reader panic,
// loop or take memory beyond a few times their size.
//
// # What it does not do
//
// It stores nothing and sends nothing, and has no checksum: a record travels in something that has one.
package replog
