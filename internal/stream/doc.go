// Package stream reads chunks out: as blocks of points, whole runs of them, also away from the store they come from.
//
// # What it is
//
// Decoded is one chunk written out in memory that is used again. A Cut is what is left to give of a run of ranks. A
// Stream is a run of chunks that was copied out of a store and is read without it.
//
// # Where it sits
//
// Under the engine, above chunk.
//
// # Invariants
//
// A Stream needs nothing of the store it was made from. Its memory is used again after Close.
//
// # What it does not do
//
// It knows no keys and no directories of chunks.
package stream
