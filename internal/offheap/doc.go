// Package offheap hands out memory that the garbage collector neither scans nor counts.
//
// # What it is
//
// Alloc and Free are anonymous mappings of the system (small pieces, and systems without such mappings, come from the
// Go heap). An Arena cuts pieces that end together out of a few growing mappings. Memory is zeroed, and takes no room
// before it is touched, so what an Arena holds in reserve costs addresses only.
//
// # Where it sits
//
// Under slab and names, which cut it up for the engine. It imports nothing of ours.
//
// # Invariants
//
// What is given is aligned to 64 bytes, a cache line. Freed memory goes back to the system at once: whoever touches it
// afterwards ends the process, so nothing that was cut out of it may be kept. Blocks that are forgotten are freed when
// the collector notices.
//
// # What it does not do
//
// It holds no pointers into the Go heap for anybody: the collector would not see them. It does not count what is used,
// only what is mapped, and an Arena frees nothing before all of it.
package offheap
