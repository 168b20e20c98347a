// Package archive is the log on the disk, as peers are served from it.
//
// # What it is
//
// A Log finds in the segments of a node's log the place from which a peer lacks entries, and a Reader reads them from
// there, piece by piece. Every segment begins with what was known of all origins before it: whoever knows as much finds
// the rest in that segment and those behind it.
//
//	what a peer knows ─► the latest segment that begins with no more ─► its records, and those of all segments behind
//
// # Where it sits
//
// Behind package peering, where the part of the log that is in memory (replica.Tail) does not reach back far enough.
// Package wal writes the segments, package storage removes them.
//
// # Invariants
//
// What is read is what there is: a segment may be removed, damaged or cut short at any moment, and then records are
// missing. That they follow each other is for replica.Cursor to see, which lets nothing go behind a gap. No file stays
// open between two reads. A disk that hangs holds up nobody: Next says that it has nothing yet, and at last ErrHangs.
//
// # What it does not do
//
// It keeps no records in memory, and writes nothing.
package archive
