// Package manifest is the file that says what the last checkpoint of a storage directory covers.
//
// # What it is
//
// A Manifest, as text with a checksum, and back. docs/format/checkpoint.md describes it.
//
// # Where it sits
//
// Under storage, which writes it and starts by it, and scrub, which reads the files that it names.
//
// # Invariants
//
// What is parsed was written: a damaged file, one of another version and a path that leads out of the directory do not
// parse. All that a manifest names is durable.
//
// # What it does not do
//
// It reads and writes no files.
package manifest
