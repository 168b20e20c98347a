// Package wal is the log of a node: records that are appended, and on disk before anybody says so.
//
// # What it is
//
// A Log writes records as frames (package frame) into segments, files that follow each other. Append only puts a record
// into memory. Commit waits until it is written: the first who waits writes for all. Run, beside, fsyncs as the Policy
// says, and goes on with a new file when one has failed.
//
//	Append → pending ─ write ─► tail (written, kept until it is fsynced) ─ fsync ─► forgotten
//	             ▲                │
//	             └── a file failed: all of it goes to a new one
//
// Segments are numbered in thousands: Roll begins 17000, and 17001 is the file that went on when 17000 failed.
//
// # Where it sits
//
// Under shard, which appends inside the critical section that applied the points; package storage reads segments.
//
// # Invariants
//
// Records are in the segments in the order of Append. A file that failed once is never written or fsynced again; what
// it may lack is written again. Append never blocks on I/O. Commit returns when the record is as durable as the Policy
// says, or when Status says Degraded. No disk and no file makes New fail.
//
// # What it does not do
//
// It does not look into records, and it reads nothing.
package wal
