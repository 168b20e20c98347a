// Package slab is memory in blocks of any size that end together, and who counts it.
//
// # What it is
//
// A Slab cuts blocks out of pages and finds them again by a Ref of 4 bytes. Freed blocks are kept by size and given
// again, whole or cut. A Memory is where the pages come from; its Meter counts what is used of them for the owner and
// for the node. Garbage is what was in use, on its way back to the system.
//
//	owner ── Ref ──► Slab: page, page, … ── Take ──► Memory: offheap.Arena
//	                                                   Meter ──► budget.Budget
//
// # Where it sits
//
// Under engine, which has a Slab and a Memory for each period, and names. It imports offheap and budget.
//
// # Invariants
//
// One owner: nothing here locks, but Garbage.Free may run beside everything. Blocks do not overlap. What a Meter says
// is what is in use, to the step of 4 or 16 KiB in which a page is touched; the budget says the sum of all meters and
// of all garbage, until that is freed. Bytes of a block end the process when they are touched after its memory was
// freed.
//
// # What it does not do
//
// It knows no size of a block it gave, and nothing of what is in it. It refuses nothing: limits are asked before.
package slab
