package storage

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// replay unites the log from the checkpoint on with the stores: one reader, a worker for each shard behind it.
func (d *Dir) replay(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	work := map[int]chan *logPart{}
	for _, sh := range d.shards {
		in := make(chan *logPart, 4)
		work[sh.ID()] = in
		r := &replayer{d: d, sh: sh, dict: replog.NewDict()}
		g.Go(func() error { return r.run(ctx, in) })
	}
	g.Go(func() error {
		defer func() {
			for _, in := range work {
				close(in)
			}
		}()
		return d.readLog(ctx, work)
	})
	return g.Wait()
}

// logPart is records of one shard from one run of the node.
type logPart struct {
	run  uint64
	recs records
}

// readLog reads the segments in order and hands the records on by shard.
func (d *Dir) readLog(ctx context.Context, work map[int]chan *logPart) error {
	parts := map[int]*logPart{}
	send := func(id int) error {
		p := parts[id]
		delete(parts, id)
		select {
		case work[id] <- p:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i, seg := range d.found.segments {
		if seg.number < d.found.checkpoint.segment {
			continue
		}
		rep, err := d.scan(ctx, seg, seg.size, func(_ int64, rec []byte) error {
			id, ok := replog.ShardOf(rec)
			if !ok || work[id] == nil {
				return nil
			}
			p := parts[id]
			if p == nil {
				p = &logPart{run: seg.salt}
				parts[id] = p
			}
			p.recs.one(rec)
			if len(p.recs.bytes) >= loadBytes {
				return send(id)
			}
			return nil
		})
		for id := range parts { // the next segment may be of another run
			if err := send(id); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		last := i == len(d.found.segments)-1 || d.found.segments[i+1].salt != seg.salt
		d.judge(seg, rep, err, last)
	}
	return nil
}

// replayer unites records with one store.
type replayer struct {
	d    *Dir
	sh   *shard.Shard
	of   uint64 // the run of the node whose names are in dict
	dict *replog.Dict
	puts []store.Put
	text []byte // of the members
}

// run ends with the reader, or with ctx.
func (r *replayer) run(ctx context.Context, in <-chan *logPart) error {
	for {
		select {
		case p, ok := <-in:
			if !ok {
				return nil
			}
			r.unite(p)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *replayer) unite(p *logPart) {
	if p.run != r.of {
		r.of, r.dict = p.run, replog.NewDict()
	}
	from := 0
	for _, end := range p.recs.ends {
		r.record(p.recs.bytes[from:end])
		from = end
	}
}

// record unites the points of one record.
func (r *replayer) record(rec []byte) {
	floor, layout := r.d.Floor(), r.d.cfg.Layout
	r.puts, r.text = r.puts[:0], r.text[:0]
	lost, err := r.dict.Points(rec, func(name []byte, pt series.Point) {
		period := layout.PeriodOf(pt.TS)
		if period < floor {
			return
		}
		at := len(r.text)
		r.text = append(series.AppendTime(r.text, pt.TS, pt.Frac), ':')
		valueAt := len(r.text) - at
		r.text = append(r.text, pt.Value...)
		r.puts = append(r.puts, store.Put{
			Series: name, Member: r.text[at:len(r.text):len(r.text)], TS: pt.TS, Frac: pt.Frac, Period: period,
			ValueAt: uint8(valueAt),
		})
	})
	p := &r.d.progress
	p.lost.Add(int64(lost))
	if err != nil {
		p.damaged.Add(1)
		return
	}
	tx := r.sh.Begin()
	storeOf(tx).Replay(r.puts)
	tx.End()
	p.points.Add(int64(len(r.puts)))
}

// judge says what becomes of a segment that was read: one with damage in the middle is kept as *.bad once the next
// checkpoint covers what it held. An unfinished end of the last segment of a run is what a crash leaves.
func (d *Dir) judge(seg file, rep frame.Report, err error, last bool) {
	torn := rep.Torn && len(rep.Damaged) == 1 && last
	if err == nil && !rep.HeaderBad && (len(rep.Damaged) == 0 || torn) {
		return
	}
	d.reportDamage(seg, rep, err)
	d.saving.Lock()
	defer d.saving.Unlock()
	d.badSegments = append(d.badSegments, seg)
}
