// Package fsxtest is a file system in memory that loses what was not fsynced, and fails when it is told to. It is for
// tests of what writes files.
//
// # What it is
//
// An FS keeps of every file what a program sees and what is durable, and of every directory the same for its names.
// Crash gives the file system as a machine finds it after its power was cut: of what was not fsynced nothing, all, or
// any part of the 512-byte sectors, sizes and names. Fail makes calls fail or hang.
//
// # Where it sits
//
// Behind fsx.FS, in tests of wal and storage. Only tests import it.
//
// # Invariants
//
// What Sync returned nil for survives every Crash, as do names after SyncDir. After a Sync that failed, what it was to
// make durable counts as lost in a crash though reads still give it, as kernels do it.
//
// # What it does not do
//
// It has no permissions and no links but hard ones.
package fsxtest
