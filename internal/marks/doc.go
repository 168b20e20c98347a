// Package marks keeps how far the keys of peers were taken over.
//
// # What it is
//
// Table is a mark (store.Mark) for each peer and series of one period, in pages by series id.
//
// # Where it sits
//
// Under engine: a period has a Table, in the memory (slab.Memory) that is freed with the period.
//
// # Invariants
//
// Pages hold no pointers and lie outside the Go heap. The pages of a peer that was forgotten serve the next.
//
// # What it does not do
//
// It does not know periods or series: ids are the owner's.
package marks
