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
	head bool   // it begins with the record that the segment begins with
	recs records
}

// readLog reads the segments in order and hands the records on by shard.
func (d *Dir) readLog(ctx context.Context, segments []file, work map[int]chan *logPart) error {
	l := &logReader{d: d, ctx: ctx, work: work, parts: map[int]*logPart{}}
	for i, seg := range segments {
		if !d.needed(seg) {
			continue
		}
		l.salt, l.records = seg.salt, 0
		rep, err := d.scan(ctx, seg, seg.size, func(_ int64, rec []byte) error { return l.record(rec) })
		if err := l.flush(); err != nil { // the next segment has names of its own
			return err
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

// logReader hands the records of segments on by shard.
type logReader struct {
	d       *Dir
	ctx     context.Context
	work    map[int]chan *logPart
	salt    uint64
	records int // of the segment, so far
	parts   map[int]*logPart
	head    replog.Reader
}

// record takes one record. What it says of the state of shards is for all of them.
func (l *logReader) record(rec []byte) error {
	l.records++
	switch kind := replog.KindOf(rec); {
	case kind == replog.States:
		if err := l.flush(); err != nil {
			return err
		}
		for id := range l.work {
			l.part(id).head = l.records == 1
			l.part(id).recs.one(rec)
		}
	case kind != replog.Points || l.head.Reset(rec) != nil || l.work[l.head.Shard] == nil:
		l.d.start.progress.odd(rec)
	default:
		p := l.part(l.head.Shard)
		p.recs.one(rec)
		if len(p.recs.bytes) >= loadBytes {
			return l.flush()
		}
	}
	return nil
}

func (l *logReader) part(id int) *logPart {
	p := l.parts[id]
	if p == nil {
		p = &logPart{salt: l.salt}
		l.parts[id] = p
	}
	return p
}

// flush sends all parts on.
func (l *logReader) flush() error {
	for id, p := range l.parts {
		delete(l.parts, id)
		select {
		case l.work[id] <- p:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
	return nil
}

// needed says whether a segment may hold what no period file does.
func (d *Dir) needed(seg file) bool {
	return seg.moved || seg.number >= d.start.found.checkpoint.Segment
}

// replayer unites records with one store.
type replayer struct {
	d      *Dir
	sh     *shard.Shard
	of     uint64 // the salt of the segment whose names are in dict
	dict   replog.Dict
	in     replog.Reader
	puts   []store.Put
	writer replog.Origin // who wrote the records that name no origin
	told   bool          // a state record has said what is known of the origins
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
	for i, end := range p.recs.ends {
		if rec := p.recs.bytes[from:end]; replog.KindOf(rec) == replog.States {
			r.state(rec, p.head && i == 0)
		} else {
			r.record(rec)
		}
		from = end
	}
}

// state takes over what a state record says of the shard. The head of a segment says nothing that the records before it
// did not: if it does, some of them are missing.
func (r *replayer) state(rec []byte, head bool) {
	st, err := replog.ReadState(rec)
	if err != nil {
		r.d.start.progress.damaged.Add(1)
		return
	}
	r.writer = replog.Origin{Node: st.Node, Shard: r.sh.ID(), Incarnation: st.Incarnation}
	for _, sh := range st.Shards {
		if sh.Shard != r.sh.ID() {
			continue
		}
		tx := r.sh.Begin()
		if more := tx.Restore(sh); more && head && r.told {
			r.d.cfg.Log.Error("storage: records of the log are missing; peers can fill the gap", "shard", sh.Shard)
			tx.Peers().Suspect()
		}
		tx.End()
		r.told = true
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
	last := series.Period(0)
	for r.in.Next(&r.dict) {
		period := layout.PeriodOf(r.in.TS)
		last = max(last, period)
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
	if !r.in.Foreign {
		r.in.Origin = r.writer
	}
	tx := r.sh.Begin()
	st := storeOf(tx)
	st.Replay(func() {
		if r.in.Seq == 0 { // they came key by key, mostly behind others of their key: each chunk is written once
			_ = st.Unite(context.Background(), store.Runs(r.puts), store.Origin{}) // in memory: only a full slab refuses
		} else {
			st.Put(r.puts)
		}
	})
	if r.in.Err() == nil && r.in.Unknown == 0 && r.in.Origin.Node != "" {
		tx.Replayed(r.in.Head, last)
	}
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
