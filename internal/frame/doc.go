// Package frame is what all files of a storage directory are made of: a header, and records with a checksum each.
//
// # What it is
//
// AppendHeader and Append write, Scan reads. docs/format/frame.md has the bytes.
//
//	header | mark, length, checksum, record | mark, length, checksum, record | …
//
// # Where it sits
//
// Under wal, which appends frames to the log, and storage, which reads it and writes the other files.
//
// # Invariants
//
// Scan never gives a record that was not written as it is: its checksum goes on from the file's salt, so that frames of
// another file, or left on a disk from one, are none. It goes on behind damage with the next record. What it reads and
// keeps is bounded, whatever the bytes are.
//
// # What it does not do
//
// It does not look into records, and opens no files.
package frame
