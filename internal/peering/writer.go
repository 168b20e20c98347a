package peering

import (
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// writer writes entries of a shard again, for one connection.
type writer struct {
	self  replog.Origin
	enc   *replog.Recorder
	in    replog.Reader
	books []*book // the one that was used last is the first
}

// book is the names of an epoch, by number, as the connection knows them.
type book struct {
	salt, epoch uint64 // of a segment on disk; 0 = those of the Tail
	named       []replog.Named
}

// mostBooks is how many there are: of the current epoch and the one before.
const mostBooks = 2

func (w *writer) book(salt, epoch uint64) *book {
	i := slices.IndexFunc(w.books, func(b *book) bool { return b.salt == salt && b.epoch == epoch })
	if i < 0 {
		w.books = slices.Insert(w.books[:min(len(w.books), mostBooks-1)], 0, &book{salt: salt, epoch: epoch})
	} else if i > 0 {
		w.books[0], w.books[i] = w.books[i], w.books[0]
	}
	return w.books[0]
}

// encode writes entries with the names that this connection knows; those that follow each other become one. put writes
// the points of the one that is being read.
func (w *writer) encode(picks []replica.Pick, put func(replica.Pick)) (recs [][]byte, err error) {
	for len(picks) > 0 {
		n := together(picks)
		w.enc.BeginEntry()
		for _, p := range picks[:n] {
			if err := w.in.Reset(p.Record); err != nil {
				return nil, fmt.Errorf("read an entry of the own log: %w", err)
			}
			put(p)
			if w.in.Err() != nil || w.in.Unknown > 0 {
				return nil, fmt.Errorf("read an entry of the own log: %d unknown names: %w", w.in.Unknown, replog.ErrCorrupt)
			}
		}
		recs = append(recs, w.record(picks[:n]))
		picks = picks[n:]
	}
	return recs, nil
}

// ofTail writes the points of an entry of the Tail.
func (w *writer) ofTail(p replica.Pick) {
	p.Names.View(func(d *replog.Dict) { w.points(w.book(0, w.in.Epoch()), d) })
}

// together is how many of the first picks follow each other and fit into one record.
func together(picks []replica.Pick) int {
	n, points := 1, picks[0].Head.Points
	for n < len(picks) && picks[n].Head.Origin == picks[0].Head.Origin &&
		picks[n].Head.First() == picks[n-1].Head.Seq+1 && points+picks[n].Head.Points <= replog.MostPoints {
		points += picks[n].Head.Points
		n++
	}
	return n
}

// record ends the record of picks whose points were written.
func (w *writer) record(picks []replica.Pick) []byte {
	h := picks[len(picks)-1].Head
	return append([]byte(nil), w.enc.Record(replog.Head{
		Shard: h.Shard, Seq: h.Seq, Count: h.Seq - picks[0].Head.First() + 1, Origin: h.Origin,
		Foreign: h.Origin != w.self,
	})...)
}

// points writes the points of the entry that is being read.
func (w *writer) points(b *book, d *replog.Dict) {
	for w.in.Next(d) && w.in.Series != nil {
		for w.in.Number >= uint64(len(b.named)) {
			b.named = append(b.named, replog.Named{})
		}
		w.enc.Point(&b.named[w.in.Number], w.in.Series, &series.Point{
			TS: w.in.TS, Frac: w.in.Frac, Value: w.in.Member[w.in.ValueAt:],
		})
	}
}
