// Package fsx is the file system as the rest of the program sees it: an interface small enough to fake faults behind.
//
// # What it is
//
// FS with the operations that durable storage needs, OS over the real file system, and WriteAtomic, which replaces a
// file so that a crash leaves the old content or the new, never a mixture.
//
// # Where it sits
//
// Under everything that writes files: the node's floor now, the log and the period files later.
//
// # Invariants
//
// Nothing is durable before Sync (content) and SyncDir (names) have returned without an error.
//
// # What it does not do
//
// It neither buffers nor retries, and it knows no formats.
package fsx
