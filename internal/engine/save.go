package engine

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// What one call of Save does at most, about: the lock is held meanwhile.
const (
	saveBytes   = 64 << 10
	saveEntries = 500
	saveChunks  = 32 // of one entry
)

// SaveAt is where a walk of Save is. The zero SaveAt is the beginning.
type SaveAt struct{ next uint32 }

// diskScratch is memory of Save and Load.
type diskScratch struct {
	rec    []byte
	pieces []piece
	in     *chunkrec.Reader // of the record that is loaded
	own    chunkrec.Reader
	points []series.Point
	text   []byte
}

// piece is a run of full chunks that Save has not written yet, or the open chunk.
type piece struct {
	from, to int // chunks
	points   int
	bytes    int
	digest   store.Digest
}

// Changed is another number after every change of a period, and always a higher one; 0 while it has no points.
func (s *Store) Changed(pid series.Period) uint64 {
	p := s.period(pid)
	if p == nil || p.order.newest == 0 {
		return 0
	}
	return uint64(p.entry(uint32(p.order.newest - 1)).score)
}

// Unsave makes the next walk write all chunks of a period.
func (s *Store) Unsave(pid series.Period) {
	p := s.period(pid)
	if p == nil {
		return
	}
	p.each(0, func(_ uint32, e *entry) bool {
		if e.dirCap > 0 {
			p.setSavedSum(e, store.Digest{})
		}
		for i := range int(e.dirLen) {
			if d := p.dirent(e, i); d.Saved {
				d.Saved = false
				p.setDirent(e, i, d)
			}
		}
		return true
	})
}

// Save walks a period piece by piece, from at on, and says whether there is more: docs/format/period.md. full gets
// records of the full chunks that no walk has written since they became what they are, open one of the open chunk of
// every key; both are given bytes that are good until they return. What changes between two calls may or may not be
// met by the walk; it never counts as written when it was not.
func (s *Store) Save(pid series.Period, at *SaveAt, full, open func(rec []byte)) (more bool) {
	p := s.period(pid)
	if p == nil {
		return false
	}
	entries, left := saveEntries, saveBytes
	p.each(at.next, func(id uint32, e *entry) bool {
		at.next = id
		if entries == 0 || left <= 0 {
			more = true
			return false
		}
		entries--
		if e.points == 0 {
			return true
		}
		complete := s.pieces(p, e)
		s.digestPieces(p, id, e, complete)
		for i, w := range s.disk.pieces {
			left -= w.bytes
			if complete && i == len(s.disk.pieces)-1 {
				open(s.openRecord(p, id, e, w.digest))
			} else {
				full(s.fullRecord(p, id, e, w))
			}
		}
		more = !complete
		return complete
	})
	return more
}

// Ship gives sh the chunks of a series that may end in its span.
func (s *Store) Ship(pid series.Period, id uint32, sh *chunkrec.Shipper, dst [][]byte) [][]byte {
	p := s.period(pid)
	e := p.entry(id)
	sh.Key, sh.Shard = series.Key{Period: pid, Series: s.names.Name(id)}, s.cfg.Shard
	i, more := max(p.search(e, func(first int64) bool { return first >= sh.Span.From })-1, 0), true
	for ; more && i < int(e.dirLen); i++ {
		more = sh.Chunk(chunkrec.Shipped{Bytes: p.chunkBytes(e, i), State: &e.open, Open: e.isOpen(i)})
	}
	return sh.End(dst)
}

// pieces collects what is to be written of an entry, the open chunk last. It reports false when that is too much for
// one time: then the open chunk is not among it.
func (s *Store) pieces(p *period, e *entry) (complete bool) {
	s.disk.pieces = s.disk.pieces[:0]
	last, chunks := int(e.dirLen)-1, 0
	for i := range last {
		d := p.dirent(e, i)
		if d.Saved {
			continue
		}
		if chunks == saveChunks {
			return false
		}
		chunks++
		n := len(s.disk.pieces)
		if n == 0 || s.disk.pieces[n-1].to != i || s.disk.pieces[n-1].bytes >= saveBytes {
			s.disk.pieces = append(s.disk.pieces, piece{from: i, to: i})
			n++
		}
		w := &s.disk.pieces[n-1]
		w.to, w.points, w.bytes = i+1, w.points+int(d.Count), w.bytes+int(d.Size)
	}
	s.disk.pieces = append(s.disk.pieces, piece{from: last, to: last + 1, points: e.open.Len(), bytes: e.open.Size()})
	return true
}

// digestPieces finds the digests of the pieces. All that is not written yet has a digest that is known: when all of it
// is written now, the points of one piece, the largest, need not be hashed again.
func (s *Store) digestPieces(p *period, id uint32, e *entry, complete bool) {
	pieces := s.disk.pieces
	spared := -1
	rest := e.digest()
	rest.Sub(p.savedSum(e))
	for i := range pieces {
		if complete && (spared < 0 || pieces[i].points > pieces[spared].points) {
			spared = i
		}
	}
	for i := range pieces {
		if w := &pieces[i]; i != spared {
			w.digest = s.hashChunks(p, id, e, w)
			rest.Sub(w.digest)
		}
	}
	if complete {
		pieces[spared].digest = rest
		pieces[spared].digest.Points = int64(pieces[spared].points)
	}
}

// hashChunks gives the digest of the points of some chunks.
func (s *Store) hashChunks(p *period, id uint32, e *entry, w *piece) store.Digest {
	s.startDigest(p, id, &entry{})
	for i := w.from; i < w.to; i++ {
		s.read(p, e, i)
		for s.rd.Next() {
			s.disk.text = s.rd.AppendValue(s.disk.text[:0])
			s.sum.Add(&s.digest, s.seriesSeed, series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: s.disk.text})
		}
	}
	return s.digest
}

// fullRecord makes the record of a run of full chunks, and notes that they are written.
func (s *Store) fullRecord(p *period, id uint32, e *entry, w piece) []byte {
	rec := s.beginRecord(replog.Full, p, id, w.digest)
	for i := w.from; i < w.to; i++ {
		d := p.dirent(e, i)
		rec = chunkrec.AppendFull(rec, p.slab.At(d.Block, int(d.Size)))
		d.Saved = true
		p.setDirent(e, i, d)
	}
	p.addSaved(e, w.digest)
	s.disk.rec = rec
	return rec
}

// openRecord makes the record of the open chunk.
func (s *Store) openRecord(p *period, id uint32, e *entry, d store.Digest) []byte {
	rec := s.beginRecord(replog.Open, p, id, d)
	rec = e.open.AppendState(rec, p.slab.At(e.tail, int(e.tailSize)))
	s.disk.rec = rec
	return rec
}

func (s *Store) beginRecord(kind replog.Kind, p *period, id uint32, d store.Digest) []byte {
	k := series.Key{Period: p.id, Series: s.names.Name(id)}
	return chunkrec.Head{Kind: kind, Shard: s.cfg.Shard, Key: k, Digest: d}.Append(s.disk.rec[:0])
}

// addSaved notes the digest of chunks that are written.
func (p *period) addSaved(e *entry, d store.Digest) {
	d.Add(p.savedSum(e))
	p.setSavedSum(e, d)
}

// forgetSaved notes that full chunk i, which has these points, is about to change.
func (s *Store) forgetSaved(p *period, e *entry, i int, points []chunk.Point) {
	if e.isOpen(i) || !p.dirent(e, i).Saved {
		return
	}
	var d store.Digest
	for _, pt := range points {
		s.sum.Add(&d, s.seriesSeed, series.Point(pt))
	}
	saved := p.savedSum(e)
	saved.Sub(d)
	p.setSavedSum(e, saved)
}
