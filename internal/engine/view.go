package engine

import (
	"slices"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/stream"
)

// view implements store.View. There is one per store, in its scratch.
type view struct {
	s *Store
	p *period
	e *entry

	// Two chunks stay decoded: the bounds of a range of time are counted in them before they are read.
	blocks [2]stream.Decoded
	latest int // which of them was used last

	stream.Cut
	at int // the next chunk to read
}

// Open implements store.Local.
func (s *Store) Open(k series.Key) store.View {
	p, e := s.find(k)
	if e == nil {
		return nil
	}
	return s.open(p, e)
}

func (s *Store) open(p *period, e *entry) *view {
	v := &s.view
	v.s, v.p, v.e = s, p, e
	v.blocks[0].Chunk, v.blocks[1].Chunk = -1, -1
	v.Cut = stream.Cut{}
	return v
}

// Len implements store.View.
func (v *view) Len() int { return int(v.e.points) }

// load gives chunk i decoded.
func (v *view) load(i int) *stream.Decoded {
	for j := range v.blocks {
		if v.blocks[j].Chunk == i {
			v.latest = j
			return &v.blocks[j]
		}
	}
	v.latest ^= 1
	d := &v.blocks[v.latest]
	v.s.read(v.p, v.e, i)
	d.Fill(&v.s.rd)
	d.Chunk = i
	return d
}

// Before implements store.View: it decodes one chunk at most.
func (v *view) Before(tsMillis int64) int {
	if tsMillis > v.e.open.Last() {
		return v.Len()
	}
	i := v.p.search(v.e, func(first int64) bool { return first >= tsMillis }) - 1
	if i < 0 {
		return 0
	}
	n, _ := slices.BinarySearchFunc(v.load(i).Rows, tsMillis, func(r store.Row, ts int64) int {
		if r.TS < ts {
			return -1
		}
		return 1
	})
	return v.p.firstRank(v.e, i) + n
}

// firstRank is the rank of the first point of chunk i. It counts from the nearer end.
func (p *period) firstRank(e *entry, i int) int {
	if n := int(e.dirLen); i > n/2 {
		rank := int(e.points)
		for j := n - 1; j >= i; j-- {
			rank -= p.count(e, j)
		}
		return rank
	}
	rank := 0
	for j := range i {
		rank += p.count(e, j)
	}
	return rank
}

// chunkOf gives the chunk that holds a rank, and the rank of its first point.
func (p *period) chunkOf(e *entry, rank int) (i, first int) {
	if rank >= int(e.points)/2 {
		i, first = int(e.dirLen), int(e.points)
		for first > rank {
			i--
			first -= p.count(e, i)
		}
		return i, first
	}
	for {
		n := p.count(e, i)
		if first+n > rank {
			return i, first
		}
		first += n
		i++
	}
}

// Seek implements store.View.
func (v *view) Seek(lo, hi int, desc bool) {
	v.Cut = stream.Cut{Desc: desc, Left: max(hi-lo, 0)}
	if v.Left == 0 {
		return
	}
	if desc {
		i, first := v.p.chunkOf(v.e, hi-1)
		v.at, v.Skip = i, first+v.p.count(v.e, i)-hi
		return
	}
	i, first := v.p.chunkOf(v.e, lo)
	v.at, v.Skip = i, lo-first
}

// Next implements store.View.
func (v *view) Next() store.Block {
	if v.Left == 0 {
		return store.Block{}
	}
	if v.Left == 1 && v.wantsLast() {
		v.Left = 0
		d := &v.blocks[0]
		d.Chunk = -1
		d.Reset()
		v.s.last(v.p, v.e, &d.Block)
		return d.Block
	}
	if v.at < 0 || v.at >= int(v.e.dirLen) { // a chunk that is damaged gave too few
		v.Left = 0
		return store.Block{}
	}
	d := v.load(v.at)
	if v.Desc {
		d.Chunk = -1 // take turns it round
		v.at--
	} else {
		v.at++
	}
	return v.Take(d.Block)
}

// wantsLast says that the point to give next is the last of the key, and its chunk is not decoded yet.
func (v *view) wantsLast() bool {
	if !v.e.isOpen(v.at) || v.blocks[0].Chunk == v.at || v.blocks[1].Chunk == v.at {
		return false
	}
	return v.Desc && v.Skip == 0 || !v.Desc && v.Skip == v.e.open.Len()-1
}

// last appends the last point of a key to b, which no chunk is decoded for.
func (s *Store) last(p *period, e *entry, b *store.Block) {
	at := len(b.Text)
	text, frac := e.open.AppendLast(b.Text, p.slab.At(e.tail, int(e.tailSize)))
	b.Text = text
	b.Add(e.open.Last(), frac, at)
}

// newest appends all points at the newest timestamp of a key to b, in order.
func (s *Store) newest(p *period, e *entry, b *store.Block) {
	if e.open.Alone() {
		s.last(p, e, b)
		return
	}
	rows, text := len(b.Rows), len(b.Text)
	open, newest := int(e.dirLen)-1, e.open.Last()
	s.read(p, e, open)
	older := false
	for s.rd.Next() {
		if s.rd.TS < newest {
			older = true
			continue
		}
		at := len(b.Text)
		b.Text = s.rd.AppendValue(b.Text)
		b.Add(s.rd.TS, s.rd.Frac, at)
	}
	if older || open == 0 {
		return
	}
	b.Rows, b.Text = b.Rows[:rows], b.Text[:text] // the chunks before may have more of that instant
	v := s.open(p, e)
	v.Seek(v.Before(newest), v.Len(), false)
	for got := v.Next(); len(got.Rows) > 0; got = v.Next() {
		for _, r := range got.Rows {
			at := len(b.Text)
			b.Text = append(b.Text, got.Value(r)...)
			b.Add(r.TS, r.Frac, at)
		}
	}
}

// Detach implements store.View.
func (v *view) Detach(most int) store.Stream {
	step := 1
	if v.Desc {
		step = -1
	}
	size, chunks := 0, 0
	for i, n := v.at, v.Left+v.Skip; n > 0; i += step {
		size += int(v.p.dirent(v.e, i).Size)
		n -= v.p.count(v.e, i)
		chunks++
	}
	if size > most {
		return nil
	}
	s := stream.New(v.Cut, size)
	for i := range chunks {
		var open *chunk.State
		if v.e.isOpen(v.at + i*step) {
			open = &v.e.open
		}
		s.Append(v.p.chunkBytes(v.e, v.at+i*step), open)
	}
	v.Left = 0
	return s
}
