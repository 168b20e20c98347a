// Package dirent is how the engine writes down where a chunk of a series is.
//
// # What it is
//
// A Chunk: its first time, its block, its size, how many points it has and whether a file has it; 16 bytes.
//
// # Where it sits
//
// Below engine, which keeps the directory of a series as Chunks one behind the other.
//
// # Invariants
//
// Read gives what Put wrote. Size divides the size of every block of whole Chunks.
//
// # What it does not do
//
// It knows nothing of series, and finds no chunk.
package dirent
