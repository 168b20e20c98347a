// Package scrub reads the period files of a running node again, slowly, and finds damage before a start does.
//
// # What it is
//
// A Scrubber reads every file that the last checkpoint names, as far as the checkpoint covers it, and compares the
// checksums. What is damaged is counted, named and doubted: the points are in memory, from where the next checkpoint
// writes them again.
//
// # Where it sits
//
// Beside storage, whose files it reads and whose Doubt it calls. package proof does the same for memory.
//
// # Invariants
//
// It changes nothing on the disk. A file that grows, or goes, while it is read is no damage. It reads a twentieth of
// the time at most.
//
// # What it does not do
//
// It does not read the log: that is read at a start, and a checkpoint makes it superfluous. It decodes no points.
package scrub
