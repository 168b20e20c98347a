package slab

import (
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/offheap"
)

// Meter counts the bytes of one part of a store, and with it those of the node. It has one owner.
type Meter struct {
	bytes  int64
	budget *budget.Budget
}

// NewMeter makes a meter at 0. The budget is that of the node; nil = only the part is counted.
func NewMeter(b *budget.Budget) Meter { return Meter{budget: b} }

// Bytes is what the meter stands at.
func (m *Meter) Bytes() int64 { return m.bytes }

// Add counts n bytes more, or fewer.
func (m *Meter) Add(n int64) {
	m.bytes += n
	m.budget.Add(n)
}

// Set is Add for a part that knows its size: was is what it said last.
func (m *Meter) Set(was *int64, is int64) {
	m.Add(is - *was)
	*was = is
}

// Discard puts memory aside that is not in use any more. From now on it is the garbage that counts it.
func (m *Meter) Discard(to *Garbage, piece *offheap.Block, counted int64) {
	to.pieces = append(to.pieces, piece)
	to.bytes += counted
	m.bytes -= counted // the node counts it until it is freed
}

// Memory is where an owner takes its pages from, and who counts them. Take counts nothing: a piece is counted as it is
// used, because what was not touched yet takes no room.
type Memory struct {
	Meter
	arena offheap.Arena
}

// NewMemory makes an empty memory that counts for a budget, as NewMeter does.
func NewMemory(b *budget.Budget) Memory { return Memory{Meter: NewMeter(b)} }

// Take gives n > 0 bytes, zeroed, on a cache line, until Retire.
func (m *Memory) Take(n int) []byte { return m.arena.Take(n) }

// Retire puts aside all that was taken. Nobody may look at it any more. The memory must not be used again.
func (m *Memory) Retire(to *Garbage) {
	to.pieces = append(to.pieces, m.arena.Release()...)
	to.bytes += m.bytes
	m.bytes = 0
}

// PageUp is n in whole pages of the system, bytes.
func PageUp(n int) int { return (n + offheap.PageBytes - 1) &^ (offheap.PageBytes - 1) }

// Garbage is memory that nobody uses any more and that the node still counts.
type Garbage struct {
	pieces []*offheap.Block
	bytes  int64
}

// Bytes is what is counted of it.
func (g *Garbage) Bytes() int64 { return g.bytes }

// Empty says that there is nothing to free.
func (g *Garbage) Empty() bool { return len(g.pieces) == 0 }

// Free gives the memory back, and takes it off the budget that counted it. It needs no owner: nobody else knows the
// pieces. Once is enough: it must not be called again.
func (g Garbage) Free(b *budget.Budget) {
	for _, p := range g.pieces {
		p.Free()
	}
	b.Add(-g.bytes)
}
