package engine

import (
	"encoding/binary"
	"sort"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/dirent"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

func (p *period) dirent(e *entry, i int) dirent.Chunk {
	return dirent.Read(p.slab.At(e.dir, int(e.dirLen)*dirent.Size)[i*dirent.Size:])
}

func (p *period) firstTS(e *entry, i int) int64 {
	return dirent.First(p.slab.At(e.dir, int(e.dirLen)*dirent.Size)[i*dirent.Size:])
}

func (p *period) setDirent(e *entry, i int, d dirent.Chunk) {
	d.Put(p.slab.At(e.dir, int(e.dirLen)*dirent.Size)[i*dirent.Size:])
	if e.isOpen(i) {
		e.tail, e.tailSize = d.Block, d.Size
	}
}

// dirBytes is the size of the block for n dirents: behind them is the sum of the digests of the chunks that Save has
// written.
func dirBytes(n int) int { return (n + 1) * dirent.Size }

// savedSum is the sum of the digests of the chunks that Save has written; their number is not kept.
func (p *period) savedSum(e *entry) store.Digest {
	b := p.slab.At(e.dir, dirBytes(int(e.dirCap)))[e.dirCap*dirent.Size:]
	return store.Digest{Hi: binary.LittleEndian.Uint64(b), Lo: binary.LittleEndian.Uint64(b[8:])}
}

func (p *period) setSavedSum(e *entry, d store.Digest) {
	b := p.slab.At(e.dir, dirBytes(int(e.dirCap)))[e.dirCap*dirent.Size:]
	binary.LittleEndian.PutUint64(b, d.Hi)
	binary.LittleEndian.PutUint64(b[8:], d.Lo)
}

// makeRoom inserts n empty dirents at i.
func (p *period) makeRoom(e *entry, i, n int) {
	used := int(e.dirLen) * dirent.Size
	if need := int(e.dirLen) + n; need > int(e.dirCap) {
		if e.dirLen > 0 {
			need = (need + need/4 + 3) &^ 3 // with the place for the sum no size of the blocks of open chunks
		}
		size := slab.BlockBytes(dirBytes(need))
		block := p.slab.Alloc(&p.Memory, size)
		var saved store.Digest
		if e.dirCap > 0 {
			saved = p.savedSum(e)
			copy(p.slab.At(block, used), p.slab.At(e.dir, used))
			p.slab.Release(e.dir, dirBytes(int(e.dirCap)))
		}
		e.dir, e.dirCap = block, uint32(size/dirent.Size)-1
		p.setSavedSum(e, saved)
	}
	e.dirLen += uint32(n)
	b := p.slab.At(e.dir, int(e.dirLen)*dirent.Size)
	copy(b[(i+n)*dirent.Size:], b[i*dirent.Size:used])
}

// isOpen says whether chunk i is the open one.
func (e *entry) isOpen(i int) bool { return i == int(e.dirLen)-1 }

// count is the number of points of chunk i.
func (p *period) count(e *entry, i int) int {
	if e.isOpen(i) {
		return e.open.Len()
	}
	return int(p.dirent(e, i).Count)
}

// chunkBytes gives the bytes of chunk i.
func (p *period) chunkBytes(e *entry, i int) []byte {
	d := p.dirent(e, i)
	return p.slab.At(d.Block, int(d.Size))
}

// read makes s.rd read chunk i.
func (s *Store) read(p *period, e *entry, i int) {
	if e.isOpen(i) {
		s.rd.ResetOpen(&e.open, p.chunkBytes(e, i))
	} else {
		s.rd.Reset(p.chunkBytes(e, i))
	}
}

// search gives the first chunk for which after is true of its first timestamp; after must be monotonic.
func (p *period) search(e *entry, after func(first int64) bool) int {
	return dirent.Search(p.slab.At(e.dir, int(e.dirLen)*dirent.Size), after)
}

// firstAfter says whether chunk i begins behind the point. Only for equal timestamps does it look into the chunk.
func (s *Store) firstAfter(p *period, e *entry, i int, pt series.Point) bool {
	first := p.firstTS(e, i)
	if first != pt.TS {
		return first > pt.TS
	}
	s.read(p, e, i)
	s.rd.Next()
	var buf [chunk.MaxValue]byte
	head := series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: s.rd.AppendValue(buf[:0])}
	return series.Compare(head, pt) > 0
}

// endsBefore says whether the points of full chunk i all come before a time; not of one that is damaged.
func (s *Store) endsBefore(p *period, e *entry, i int, ts int64) bool {
	s.rd.Reset(p.chunkBytes(e, i))
	n := s.rd.Len()
	return n > 0 && s.rd.Time(n-1) < ts
}

// locate gives the chunk a point belongs to: the last that does not begin behind it, else the first.
func (s *Store) locate(p *period, e *entry, pt series.Point) int {
	return max(sort.Search(int(e.dirLen), func(i int) bool { return s.firstAfter(p, e, i, pt) })-1, 0)
}

// decode gives the points of chunk i, from one on, in scratch memory, good until the next decode; nil = it is damaged.
func (s *Store) decode(p *period, e *entry, i, from int) []chunk.Point {
	s.read(p, e, i)
	if s.old, s.oldText = s.rd.Points(s.old[:0], s.oldText[:0], from); s.rd.Err() != nil {
		return nil
	}
	return s.old
}
