// Package spool is a bounded queue of records on disk, read newest first.
//
// # What it is
//
// A directory of segment files. Append adds a record to the newest; Newest lends the newest segment's records, which
// are deleted when they are returned as done. When the limit is reached the oldest segment is deleted, and said to be.
//
// A segment is named 20 digits and .spool, in the order of their making, and holds records one after another: length
// of the payload (4 bytes, little-endian), number of points (4), CRC-32C of these eight bytes and the payload (4),
// payload.
//
// # Where it sits
//
// Behind the client's queue in memory. It knows nothing of what a record holds, and of the disk only package fsx.
//
// # Invariants
//
// A record that was appended without an error survives the end of the process, and a loss of power once its segment is
// full or the spool closed. What is damaged is skipped and counted, and never returned as a record. One process uses a
// directory at a time.
//
// # What it does not do
//
// It sends nothing.
package spool
