package storetest

import (
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// view is a View of a sorted slice. It gives one point at a time.
type view struct {
	set, chosen []series.Point
	block       store.Block
}

// Open implements store.Local.
func (n *naive) Open(k series.Key) store.View {
	if set := n.sets[n.key(k)]; len(set) > 0 {
		return &view{set: set}
	}
	return nil
}

func (v *view) Len() int { return len(v.set) }

func (v *view) Before(tsMillis int64) int {
	return len(Select(v.set, store.Span{To: tsMillis - 1}))
}

func (v *view) Seek(lo, hi int, desc bool) {
	v.chosen = nil
	if lo < hi {
		v.chosen = slices.Clone(v.set[lo:hi])
	}
	if desc {
		slices.Reverse(v.chosen)
	}
}

func (v *view) Next() store.Block {
	v.block.Reset()
	if len(v.chosen) > 0 {
		p := v.chosen[0]
		v.chosen = v.chosen[1:]
		v.block.Text = append(v.block.Text, p.Value...)
		v.block.Add(p.TS, p.Frac, 0)
	}
	return v.block
}

func (v *view) Detach(most int) store.Stream {
	s := &view{chosen: v.chosen}
	if s.Size() > most {
		return nil
	}
	return s
}

func (v *view) Size() int {
	size := 0
	for _, p := range v.chosen {
		size += 16 + len(p.Value)
	}
	return size
}

func (v *view) Close() {}
