package storage

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/evidence"
	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// readBytes are read from a file at a time.
const readBytes = 1 << 20

const (
	readPatience = 5 * time.Second        // is what the points on disk count as loading while they can not be read
	readPause    = 250 * time.Millisecond // before what can not be read is tried again
	readAgain    = 10 * time.Second       // the same, once it no longer counts as loading
)

// load puts what the directory held at the start into the stores. Writers need not wait for it. What can not be read
// is tried again, by Run when load has lost patience.
func (d *Dir) load(ctx context.Context) error {
	began := d.cfg.Now()
	for late := false; ; {
		if err := d.loadRound(ctx, late); err != nil {
			return err // ctx has ended: nothing on disk was changed
		}
		if !d.lacks() || late {
			break
		}
		t := time.NewTimer(readPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		late = d.cfg.Now().Sub(began) >= readPatience
	}
	p := &d.start.progress
	for _, sh := range d.shards {
		if p.damaged.Load()+p.lost.Load()+p.unread.Load() > 0 {
			sh.Suspect()
		}
		sh.SetLoaded()
	}
	p.finished.Store(d.cfg.Now().UnixMilli())
	d.cfg.Log.Info("storage: loaded", "points", p.points.Load(), "bytes", p.done.Load(), "damaged", p.damaged.Load(),
		"unread", p.unread.Load(), "took", d.cfg.Now().Sub(began).Round(time.Millisecond).String())
	close(d.start.ready)
	return nil
}

// lacks says that there is something on disk that could not be read yet.
func (d *Dir) lacks() bool { return d.start.progress.unread.Load() > 0 }

// loadRound loads what can be read of what was not: period files of the checkpoint, then the log behind it, then
// whatever else there is. While the directory can not be listed nothing is, unless it is late.
func (d *Dir) loadRound(ctx context.Context, late bool) error {
	if d.start.blind {
		d.look()
	}
	if d.start.blind && !late {
		d.unread(1)
		return nil
	}
	f := &d.start.found
	d.start.progress.total.Store(d.start.progress.done.Load() + d.loadBytes())
	covered, extra := d.split()
	segments := f.segments
	f.files, f.segments = nil, nil // what can not be read comes back
	err := d.runLoads(ctx, covered)
	if err == nil {
		err = d.runReplay(ctx, segments)
	}
	if err == nil {
		err = d.runLoads(ctx, extra)
	}
	left := len(f.files) + len(f.segments)
	if d.start.blind {
		left++
	}
	d.unread(left)
	return err
}

// unread notes how much there is that could not be read, and that no checkpoint replaces it.
func (d *Dir) unread(n int) {
	d.disk.Lock()
	defer d.disk.Unlock()
	d.start.progress.unread.Store(int64(n))
	d.disk.unreadFrom = d.start.found.checkpoint.Segment
}

// leave keeps a file that can not be read for another time.
func (d *Dir) leave(f file, err error) {
	d.cfg.Log.Warn("storage: a file can not be read, trying again later", "file", f.path, "err", err)
	d.disk.Lock()
	defer d.disk.Unlock()
	list := &d.start.found.files
	if f.ext == extLog {
		list = &d.start.found.segments
	}
	if !slices.ContainsFunc(*list, func(g file) bool { return g.path == f.path }) {
		*list = append(*list, f)
	}
	if f.ext != extLog { // what was read of it is in memory: no file that counts may have it
		d.pieces(f.place).rewrite = true
	}
}

// unreadable says that what a file holds may still be read another time.
func unreadable(err error) bool {
	return err != nil && !errors.Is(err, frame.ErrKind) && !errors.Is(err, frame.ErrVersion) &&
		!errors.Is(err, fs.ErrNotExist)
}

// loadBytes is how much there is to read.
func (d *Dir) loadBytes() (n int64) {
	for _, f := range d.start.found.files {
		n += f.size
	}
	for _, f := range d.start.found.segments {
		if d.needed(f) {
			n += f.size
		}
	}
	return n
}

// part is a stretch of a period file.
type part struct {
	file
	from, to int64
	covered  bool // by the checkpoint: what is in it need not be written again
}

// split says what the checkpoint covers, and what it does not. Without a checkpoint all files pass for covered.
func (d *Dir) split() (covered, extra []part) {
	known := d.start.found.checkpoint.Segment > 0
	for _, f := range d.start.found.files {
		n, listed := d.start.found.checkpoint.Files[f.path]
		switch {
		case !known:
			covered = append(covered, part{file: f, to: f.size, covered: f.ext == extFull})
		case !listed || f.moved:
			extra = append(extra, part{file: f, to: f.size})
		default:
			covered = append(covered, part{file: f, to: n, covered: true})
			if f.size > n {
				extra = append(extra, part{file: f, from: n, to: f.size})
			}
		}
	}
	for name, n := range d.start.found.checkpoint.Files {
		if !d.start.blind && !d.start.seen[name] && n > 0 {
			d.start.seen[name] = true
			d.missing(name)
		}
	}
	return covered, extra
}

// missing notes a file that the checkpoint names and nobody finds.
func (d *Dir) missing(name string) {
	at, ok := d.placeOf(name)
	if ok && at.period < d.Floor() {
		return
	}
	d.start.progress.damaged.Add(1)
	d.cfg.Log.Error("storage: a file of the checkpoint is missing; peers can fill the gap", "file", name)
}

func (d *Dir) placeOf(name string) (place, bool) {
	p, ok := d.cfg.Layout.ParsePeriod([]byte(filepath.Base(filepath.Dir(name))))
	if !ok {
		return place{}, false
	}
	f, ok := parseFile(filepath.Dir(name), filepath.Base(name), place{period: p})
	return f.place, ok
}

// runLoads loads period files, those of a shard one after the other, newest periods first.
func (d *Dir) runLoads(ctx context.Context, parts []part) error {
	byShard := map[int][]part{}
	for _, p := range parts {
		if d.shard(p.place.shard) == nil {
			d.cfg.Log.Warn("storage: a file of a shard that this node does not hold stays as it is", "file", p.path)
			continue
		}
		byShard[p.place.shard] = append(byShard[p.place.shard], p)
	}
	var g errgroup.Group
	g.SetLimit(max(runtime.GOMAXPROCS(0), 1))
	for _, list := range byShard {
		slices.SortStableFunc(list, func(a, b part) int { // open chunks first: full ones go before them as they are
			return cmp.Or(int(b.place.period-a.place.period), -cmp.Compare(a.ext, b.ext))
		})
		g.Go(func() error {
			for _, p := range list {
				if err := d.loadPart(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// loadPart loads a part of a period file. Damage is noted and never an error.
func (d *Dir) loadPart(ctx context.Context, p part) error {
	if p.to <= frame.HeaderBytes { // a crash came before its first record
		d.adopt(part{file: p.file}, false)
		return nil
	}
	l := &loader{d: d, part: p}
	rep, err := d.scan(ctx, p.file, p.to, func(off int64, rec []byte) error {
		if off >= p.from {
			l.add(rec)
		}
		return nil
	})
	l.flush()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	short := p.covered && p.size < p.to
	damaged := len(rep.Damaged) > 0 && (p.covered || !rep.Torn)
	bad := err != nil || rep.HeaderBad || damaged || short || l.refused > 0 || l.misplaced
	if unreadable(err) {
		d.leave(p.file, err)
		return nil
	}
	d.adopt(p, bad)
	if bad {
		d.reportDamage(p.file, rep, err)
		d.start.progress.damaged.Add(int64(l.refused))
	}
	return nil
}

// adopt makes a file that was found one of its place, so that the next checkpoint knows it, or lets it go.
func (d *Dir) adopt(p part, bad bool) {
	d.disk.Lock()
	defer d.disk.Unlock()
	ps := d.pieces(p.place)
	ps.rewrite = ps.rewrite || bad
	if ps.has(p.path) {
		return
	}
	w := &written{file: p.file, damaged: bad}
	w.size = min(p.to, p.size)
	switch {
	case !p.covered && p.from > 0: // the rest of a file that is known already
	case d.shard(p.place.shard) == nil: // the node may hold the shard again
		return
	case !p.covered:
		d.disk.gone = append(d.disk.gone, w)
	case p.ext == extFull:
		ps.full = append(ps.full, w)
	case ps.open == nil:
		ps.open = w
	default:
		d.disk.gone = append(d.disk.gone, w)
	}
}

func (d *Dir) shard(id int) *shard.Shard {
	for _, sh := range d.shards {
		if sh.ID() == id {
			return sh
		}
	}
	return nil
}

// loader unites records with the stores, some under one lock.
type loader struct {
	d       *Dir
	part    part
	recs    records
	refused int // records that are none, or of a shard this node does not hold
	// misplaced says that a record is of another place: somebody has moved files.
	misplaced bool
}

const loadBytes = 64 << 10 // are united under one lock

func (l *loader) add(rec []byte) {
	l.recs.one(rec)
	if len(l.recs.bytes) >= loadBytes {
		l.flush()
	}
}

// flush unites the records with the stores they are of, whatever file they stand in.
func (l *loader) flush() {
	from := 0
	for i := 0; i < len(l.recs.ends); {
		sh := l.shardOf(l.recs.bytes[from:l.recs.ends[i]])
		if sh == nil {
			l.refused++
			from = l.recs.ends[i]
			i++
			continue
		}
		tx := sh.Begin()
		for ; i < len(l.recs.ends); i++ {
			rec := l.recs.bytes[from:l.recs.ends[i]]
			if l.shardOf(rec) != sh {
				break
			}
			l.load(storeOf(tx), rec)
			from = l.recs.ends[i]
		}
		tx.End()
	}
	l.recs.reset()
}

// shardOf gives the shard of a record, nil when this node holds it not or it is no record.
func (l *loader) shardOf(rec []byte) *shard.Shard {
	head, err := chunkrec.ReadHead(rec)
	if err != nil {
		return nil
	}
	return l.d.shard(head.Shard)
}

func (l *loader) load(st *engine.Store, rec []byte) {
	head, _ := chunkrec.ReadHead(rec) // it was read before
	if head.Key.Period < l.d.Floor() {
		return
	}
	here := head.Shard == l.part.place.shard && head.Key.Period == l.part.place.period
	l.misplaced = l.misplaced || !here
	res, err := st.Load(rec, l.part.covered && here)
	if err != nil {
		l.refused++
	}
	l.d.start.progress.points.Add(int64(res.Points))
}

// scan reads the frames of a file up to a length, counting what was read.
func (d *Dir) scan(ctx context.Context, f file, to int64, fn func(off int64, rec []byte) error) (frame.Report, error) {
	in, err := d.cfg.FS.Open(d.path(f.path))
	if err != nil {
		return frame.Report{}, err
	}
	defer in.Close()
	r := &counter{ctx: ctx, r: io.LimitReader(in, to), n: &d.start.progress.done}
	return frame.Scan(bufio.NewReaderSize(r, int(min(readBytes, to+1))), f.kind(), f.salt, fn)
}

// counter counts what is read, and ends with ctx.
type counter struct {
	ctx context.Context
	r   io.Reader
	n   interface{ Add(int64) int64 }
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// reportDamage counts and logs what of a file can not be read.
func (d *Dir) reportDamage(f file, rep frame.Report, err error) {
	d.start.progress.damaged.Add(int64(max(len(rep.Damaged), 1)))
	d.start.progress.quarantined.Add(1)
	for _, r := range rep.Damaged[:min(len(rep.Damaged), 10)] {
		d.cfg.Log.Error("storage: damaged, skipped; the file is kept as *"+evidence.Suffix, "file", f.path,
			"offset", r.Offset, "bytes", r.Length)
	}
	if err != nil || rep.HeaderBad {
		d.cfg.Log.Error("storage: a file is not as it should be", "file", f.path, "header_damaged", rep.HeaderBad, "err",
			errors.Join(err))
	}
}

// Floor is the oldest live period.
func (d *Dir) Floor() series.Period { return series.Period(d.floor.Load()) }
