package engine

import (
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/offheap"
)

// meter counts the bytes of one part of the store, and with it those of the node.
type meter struct {
	bytes  int64
	budget *budget.Budget
}

func (m *meter) add(n int64) {
	m.bytes += n
	m.budget.Add(n)
}

// set is add for a part that knows its size: was is what it said last.
func (m *meter) set(was *int64, is int64) {
	m.add(is - *was)
	*was = is
}

// memory is where a period takes its pages from, and who counts them. A piece is counted as it is used: what was not
// touched yet takes no room.
type memory struct {
	meter
	arena offheap.Arena
}

// pageUp is n in whole pages of the system, bytes.
func pageUp(n int) int { return (n + offheap.PageBytes - 1) &^ (offheap.PageBytes - 1) }

// garbage is memory that nobody uses any more and that the node still counts.
type garbage struct {
	pieces []*offheap.Block
	bytes  int64
}

func (g *garbage) add(piece *offheap.Block, counted int64) {
	g.pieces = append(g.pieces, piece)
	g.bytes += counted
}

// free gives the memory back. It needs no owner: nobody else knows the pieces.
func (g garbage) free(b *budget.Budget) {
	for _, p := range g.pieces {
		p.Free()
	}
	b.Add(-g.bytes)
}
