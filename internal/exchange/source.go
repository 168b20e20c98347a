package exchange

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Source is the shards of a node, as others compare with them. It implements Remote.
type Source []*shard.Shard

// ErrShard: a peer asks for a shard that this node does not hold.
var ErrShard = errors.New("this node does not hold the shard")

func (s Source) find(id int) (*shard.Shard, error) {
	for _, sh := range s {
		if sh.ID() == id {
			return sh, nil
		}
	}
	return nil, fmt.Errorf("shard %d: %w", id, ErrShard)
}

// Standing implements Remote.
func (s Source) Standing(_ context.Context, id int) (st Standing, err error) {
	sh, err := s.find(id)
	if err != nil || sh.Loading() {
		return st, err
	}
	tx := sh.Begin()
	defer tx.End()
	return s.standing(sh, tx), nil
}

func (s Source) standing(sh *shard.Shard, tx shard.Tx) Standing {
	p := tx.Peers()
	return Standing{
		Whole: p.Whole(), Suspect: p.Suspected(), Busy: p.Exchanging(), Vector: p.Published(), Excess: p.Excess(),
		Ahead: p.Ahead(), Floor: sh.Floor(), Thin: p.Thin(), Turn: p.Turn(), Edicts: sh.Edicts().Hash(),
	}
}

// Snapshot implements Remote.
func (s Source) Snapshot(ctx context.Context, id int) (snap Snapshot, err error) {
	sh, err := s.find(id)
	if err != nil || sh.Loading() {
		return snap, err
	}
	for ok := false; err == nil && !ok; err = ctx.Err() {
		if sh.FillGrid() {
			continue
		}
		tx := sh.Begin()
		snap.Standing = s.standing(sh, tx)
		snap.Hours, ok = tx.Hours()
		tx.End()
	}
	return snap, err
}

// Hours implements Remote.
func (s Source) Hours(ctx context.Context, id int) (hours []grid.HourDigest, err error) {
	sh, err := s.find(id)
	for ok := false; err == nil && !ok; err = ctx.Err() {
		if !sh.FillGrid() {
			hours, ok = sh.Hours()
		}
	}
	return hours, err
}

// Buckets implements Remote.
func (s Source) Buckets(_ context.Context, q HourQuery) (sums grid.Sums, err error) {
	sh, err := s.find(q.Shard)
	if err != nil {
		return sums, err
	}
	return sh.Hour(q.Hour), nil
}

// Series implements Remote.
func (s Source) Series(_ context.Context, q HourQuery) (list []grid.SeriesDigest, next uint32, err error) {
	sh, err := s.find(q.Shard)
	next = q.From
	for err == nil {
		some, to := sh.HourSeries(grid.Query{Hour: q.Hour, Want: q.Want, From: next, Most: MostSeries})
		list, next = append(list, some...), to
		if to == 0 || len(list) >= seriesLooked {
			break
		}
	}
	return list, next, err
}

// Points implements Remote.
func (s Source) Points(ctx context.Context, q HourQuery) (recs [][]byte, err error) {
	sh, err := s.find(q.Shard)
	if err != nil {
		return nil, err
	}
	queries := make([]store.RangeQuery, 0, len(q.Series))
	for _, name := range q.Series {
		k, err := series.ParseSeries(name)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", name, err)
		}
		k.Period = sh.PeriodOf(q.Hour)
		queries = append(queries, store.RangeQuery{
			Key:  k,
			Span: store.Span{From: q.Hour * store.HourMillis, To: (q.Hour+1)*store.HourMillis - 1},
		})
	}
	points, err := sh.Reader().Ranges(ctx, queries)
	if err != nil {
		return nil, err
	}
	p := packer{shard: q.Shard}
	for i, pts := range points {
		for _, pt := range pts {
			p.add(i, q.Series[i], pt)
		}
	}
	return p.end(), nil
}

// packer makes records of points, each with all the names it needs.
type packer struct {
	shard int
	enc   *replog.Recorder
	named map[int]*replog.Named
	n     int
	recs  [][]byte
}

func (p *packer) add(i int, name []byte, pt series.Point) {
	if p.n == 0 {
		p.enc, p.named = replog.NewEncoder(), map[int]*replog.Named{}
		p.enc.BeginEntry()
	}
	if p.named[i] == nil {
		p.named[i] = &replog.Named{}
	}
	p.enc.Point(p.named[i], name, &pt)
	if p.n++; p.n == replog.MostPoints {
		p.cut()
	}
}

func (p *packer) cut() {
	p.recs = append(p.recs, p.enc.Record(replog.Head{Shard: p.shard})) // the encoder is not used again
	p.n = 0
}

func (p *packer) end() [][]byte {
	if p.n > 0 {
		p.cut()
	}
	return p.recs
}
