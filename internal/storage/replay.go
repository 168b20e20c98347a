package storage

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// runReplay unites the log from the checkpoint on with the stores: one reader, a worker for each shard behind it.
func (d *Dir) runReplay(ctx context.Context, segments []file) error {
	g, ctx := errgroup.WithContext(ctx)
	work := map[int]chan *logPart{}
	for _, sh := range d.shards {
		in := make(chan *logPart, 4)
		work[sh.ID()] = in
		r := &replayer{d: d, sh: sh}
		g.Go(func() error { return r.run(ctx, in) })
	}
	g.Go(func() error {
		defer func() {
			for _, in := range work {
				close(in)
			}
		}()
		return d.readLog(ctx, segments, work)
	})
	return g.Wait()
}

// logPart is records of one shard from one segment.
type logPart struct {
	salt uint64 // of the segment, and of the files that went on for it
	recs records
}

// readLog reads the segments in order and hands the records on by shard.
func (d *Dir) readLog(ctx context.Context, segments []file, work map[int]chan *logPart) error {
	parts := map[int]*logPart{}
	var head replog.Reader
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
	for i, seg := range segments {
		if !d.needed(seg) {
			continue
		}
		rep, err := d.scan(ctx, seg, seg.size, func(_ int64, rec []byte) error {
			if replog.KindOf(rec) != replog.Points || head.Reset(rec) != nil || work[head.Shard] == nil {
				d.start.progress.odd(rec)
				return nil
			}
			id := head.Shard
			p := parts[id]
			if p == nil {
				p = &logPart{salt: seg.salt}
				parts[id] = p
			}
			p.recs.one(rec)
			if len(p.recs.bytes) >= loadBytes {
				return send(id)
			}
			return nil
		})
		for id := range parts { // the next segment has names of its own
			if err := send(id); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unreadable(err) {
			d.leave(seg, err)
			continue
		}
		last := i == len(segments)-1 || endsRun(seg, segments[i+1])
		d.judge(seg, rep, err, last)
	}
	return nil
}

// needed says whether a segment may hold what no period file does.
func (d *Dir) needed(seg file) bool {
	return seg.moved || seg.number >= d.start.found.checkpoint.segment
}

// replayer unites records with one store.
type replayer struct {
	d    *Dir
	sh   *shard.Shard
	of   uint64 // the salt of the segment whose names are in dict
	dict replog.Dict
	in   replog.Reader
	puts []store.Put
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
	if p.salt != r.of {
		r.of, r.dict = p.salt, replog.Dict{}
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
	r.puts = r.puts[:0]
	p := &r.d.start.progress
	if r.in.Reset(rec) != nil {
		return // its head was read before
	}
	for r.in.Next(&r.dict) {
		period := layout.PeriodOf(r.in.TS)
		if r.in.Series == nil || period < floor {
			continue
		}
		r.puts = append(r.puts, store.Put{
			Series: r.in.Series, Member: r.in.Member, TS: r.in.TS, Frac: r.in.Frac, Period: period, ValueAt: r.in.ValueAt,
		})
	}
	p.lost.Add(int64(r.in.Unknown))
	if r.in.Err() != nil {
		p.damaged.Add(1)
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
	if err == nil && !rep.HeaderBad && (len(rep.Damaged) == 0 || torn) || seg.size <= frame.HeaderBytes && last {
		return
	}
	d.reportDamage(seg, rep, err)
	d.disk.Lock()
	defer d.disk.Unlock()
	d.disk.badSegments = append(d.disk.badSegments, seg)
}
