package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Where a shard has few of the points of an hour, the peer's chunks come whole, each with the hour in which it
// ends; what they bring of the hours before need not come again. Whatever of them can not be taken so, and what
// lies in chunks that end in an hour of which this shard had enough, is found when the hour is compared after
// that, and comes point by point: passing a record over is always safe.

// What Chunks answers at a time, about.
const (
	chunksAtOnce = 128 << 10 // bytes of records
	chunksLooked = 1024      // series
)

// Chunks implements Remote. What is hashed of the records is hashed without the shard's lock.
func (s Source) Chunks(_ context.Context, q HourQuery) (recs [][]byte, next uint32, err error) {
	sh, err := s.find(q.Shard)
	if err != nil {
		return nil, 0, err
	}
	next = q.From
	for left, looked := chunksAtOnce, 0; left > 0 && looked < chunksLooked; looked += MostSeries {
		var some [][]byte
		some, next = sh.HourChunks(grid.Query{Hour: q.Hour, Want: q.Want, From: next, Most: MostSeries}, left)
		for _, rec := range some {
			left -= len(rec)
		}
		if recs = append(recs, some...); next == 0 {
			break
		}
	}
	var in chunkrec.Reader
	good := recs[:0]
	for _, rec := range recs {
		if in.Reset(rec, sh.Layout()) != nil {
			continue // damaged memory: the point by point comparison says what can be had
		}
		_, sum := in.Hours(sh.Seed(in.Key.Series), nil)
		if err := chunkrec.SetDigest(rec, sum); err != nil {
			return nil, 0, err
		}
		good = append(good, rec)
	}
	return good, next, nil
}

// taking is the chunks of an hour as they come.
type taking struct {
	few   map[int64]bool // hours of which this shard had few points when the exchange began
	on    bool           // the chunks of the first hour are being asked for
	in    chunkrec.Reader
	hours []grid.HourDigest
	name  []byte // of the series that was taken last
}

// findFew finds the hours that are better taken in whole chunks.
func (x *Exchange) findFew() {
	own := map[int64]int64{}
	hours, _ := x.sh.Hours()
	for _, h := range hours {
		own[h.Hour] = h.Points
	}
	x.few = map[int64]bool{}
	for _, h := range x.hours {
		x.few[h.Hour] = 2*own[h.Hour] < h.Points
	}
}

// takeChunks asks for some chunks of the first hour and takes them over.
func (x *Exchange) takeChunks(ctx context.Context) error {
	recs, next, err := x.remote.Chunks(ctx, x.q)
	if errors.Is(err, ErrNoChunks) {
		clear(x.few)
		x.on, next = false, 0
		return nil
	}
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if err := x.takeChunk(rec); err != nil {
			return err
		}
	}
	if x.q.From, x.on = next, next != 0; !x.on && replica.Mutant == "chunks-not-compared" {
		x.hours = x.hours[1:]
	}
	return nil
}

// takeChunk takes over one record of chunks, if its points are what its digest says.
func (x *Exchange) takeChunk(rec []byte) error {
	in := &x.in
	if err := in.Reset(rec, x.sh.Layout()); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	if in.Shard != x.sh.ID() || in.Digest.Points > replog.MostPoints {
		return fmt.Errorf("exchange: chunks of shard %d: %w", in.Shard, chunkrec.ErrCorrupt)
	}
	var sum store.Digest
	x.taking.hours, sum = in.Hours(x.sh.Seed(in.Key.Series), x.taking.hours[:0])
	if sum != in.Digest && replica.Mutant != "chunks-unchecked" {
		x.Refused++
		return nil
	}
	tx := x.sh.Begin()
	added, taken, err := tx.TakeChunks(in, x.taking.hours)
	tx.End()
	x.Repair.Points += added
	if taken {
		x.Chunks += len(in.Chunks)
	}
	if added > 0 && !bytes.Equal(x.name, in.Key.Series) {
		x.name = append(x.name[:0], in.Key.Series...)
		x.Repair.Series++
		x.named(in.Key.Series)
	}
	return err
}
