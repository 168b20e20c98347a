package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/manifest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// Checkpoint is what one checkpoint did.
type Checkpoint struct {
	At        time.Time
	Took      time.Duration
	Chunks    int   // full ones that were written
	Bytes     int64 // of them, in files
	OpenBytes int64 // of open chunks, in files
	Segment   uint64
}

// saving is one checkpoint under way.
type saving struct {
	d      *Dir
	opens  map[place]*written // new files of open chunks
	seen   map[place]uint64   // what the stores said of the periods before they were walked
	counts Checkpoint
}

// checkpoint writes what the stores hold, and then lets go of what that replaces.
func (d *Dir) checkpoint(ctx context.Context) error {
	d.disk.Lock()
	defer d.disk.Unlock()
	s := &saving{d: d, opens: map[place]*written{}, seen: map[place]uint64{}}
	s.counts.At = d.cfg.Now()
	s.counts.Segment = d.roll()
	err := s.save(ctx)
	if err == nil {
		err = s.commit()
	}
	if err != nil {
		for _, w := range s.opens {
			d.disk.gone = append(d.disk.gone, w)
		}
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.counts.Took = d.cfg.Now().Sub(s.counts.At)
	d.health.done(s.counts)
	s.settle()
	if err := errors.Join(d.sweep(), d.trimLog()); err != nil {
		d.cfg.Log.Warn("storage: what a checkpoint replaced can not be removed, trying again", "err", err)
	}
	d.shelf.Look()
	return nil
}

// roll begins a new segment of the log, at a moment when no shard is being written to: what came before is in the
// stores.
func (d *Dir) roll() (segment uint64) {
	txs := make([]shard.Tx, 0, len(d.shards))
	for _, sh := range d.shards { // ascending
		txs = append(txs, sh.Begin())
	}
	segment = d.wal.Roll([][]byte{d.state(txs)})
	for _, tx := range txs {
		tx.NewEpoch()
	}
	d.rolledAt.Store(d.wal.Status().Bytes)
	for _, tx := range txs {
		tx.End()
	}
	return segment
}

func storeOf(tx shard.Tx) *engine.Store { return tx.Store.(*engine.Store) }

// save walks all stores.
func (s *saving) save(ctx context.Context) error {
	for _, sh := range s.d.shards {
		for _, p := range periodsOf(sh) {
			if err := s.savePlace(ctx, sh, place{p, sh.ID()}); err != nil {
				return fmt.Errorf("period %s of shard %d: %w", s.d.cfg.Layout.PeriodString(p), sh.ID(), err)
			}
		}
	}
	return nil
}

func periodsOf(sh *shard.Shard) []series.Period {
	tx := sh.Begin()
	defer tx.End()
	periods, _ := storeOf(tx).Periods(context.Background()) // a store in memory never fails
	return periods
}

// savePlace writes what is new of a place.
func (s *saving) savePlace(ctx context.Context, sh *shard.Shard, at place) error {
	p := s.d.pieces(at)
	p.rewrite = p.rewrite || s.d.lacksFile(p)
	tx := sh.Begin()
	st := storeOf(tx)
	s.seen[at] = st.Changed(at.period)
	if p.rewrite {
		st.Unsave(at.period)
	}
	tx.End()
	if p.open != nil && s.seen[at] == p.changed && !p.rewrite {
		return nil
	}
	if p.rewrite {
		for _, w := range p.full {
			w.close()
		}
		s.d.disk.gone = append(s.d.disk.gone, p.full...)
		p.full, p.rewrite = nil, false
		p.waiting.reset()
	}
	open, err := s.d.create(at, extOpen)
	if err != nil {
		return err
	}
	s.opens[at] = open
	return s.walk(ctx, sh, at, p)
}

// walk goes through a period piece by piece: the lock is let go in between, and never held over I/O.
func (s *saving) walk(ctx context.Context, sh *shard.Shard, at place, p *pieces) error {
	var pos engine.SaveAt
	var full, open records
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		full.reset()
		open.reset()
		tx := sh.Begin()
		more = storeOf(tx).Save(at.period, &pos, full.one, open.one)
		tx.End()
		s.counts.Chunks += len(full.ends)
		s.counts.Bytes += int64(len(full.bytes))
		if len(full.ends) > 0 || len(p.waiting.ends) > 0 && p.growing() == nil {
			if err := s.d.addFull(at, p, &full); err != nil {
				return err
			}
		}
		if err := open.writeTo(s.opens[at]); err != nil {
			return err
		}
	}
	return nil
}

// commit makes everything durable, and says so in the checkpoint file.
func (s *saving) commit() error {
	d := s.d
	dirs := map[string]bool{}
	for at, p := range d.disk.places {
		if err := d.syncFull(p); err != nil {
			return err
		}
		if w := s.opens[at]; w != nil {
			if err := w.sync(); err != nil {
				return err
			}
			s.counts.OpenBytes += w.size
			dirs[filepath.Dir(w.path)] = true
		}
	}
	for dir := range dirs {
		if err := d.cfg.FS.SyncDir(d.path(dir)); err != nil {
			return err
		}
	}
	if len(dirs) > 0 {
		if err := errors.Join(d.cfg.FS.SyncDir(d.path(periodDir)), d.cfg.FS.SyncDir(d.cfg.Path)); err != nil {
			return err
		}
	}
	if err := d.wal.Sync(); err != nil { // the head of the new segment, before older ones may go
		return err
	}
	return fsx.WriteAtomic(d.cfg.FS, d.path(manifest.Name), s.manifest().Append(nil))
}

// manifest is what is true once everything is durable.
func (s *saving) manifest() manifest.Manifest {
	m := manifest.Manifest{Segment: s.counts.Segment, Files: map[string]int64{}}
	if s.d.lacks() { // the log that can not be read yet is needed too, whatever number it has
		m.Segment = min(m.Segment, s.d.disk.unreadFrom)
	}
	s.counts.Segment = m.Segment
	for at, p := range s.d.disk.places {
		for _, w := range p.full {
			if w.size > 0 {
				m.Files[w.path] = w.size
			}
		}
		if w := s.opens[at]; w != nil {
			m.Files[w.path] = w.size
		} else if p.open != nil {
			m.Files[p.open.path] = p.open.size
		}
	}
	return m
}

// settle makes the new files those that count.
func (s *saving) settle() {
	for at, w := range s.opens {
		p := s.d.disk.places[at]
		w.close()
		if p.open != nil {
			s.d.disk.gone = append(s.d.disk.gone, p.open)
		}
		p.open, p.changed = w, s.seen[at]
	}
	s.d.disk.segment = s.counts.Segment
}

// pieces gives the files of a place.
func (d *Dir) pieces(at place) *pieces {
	p := d.disk.places[at]
	if p == nil {
		p = &pieces{}
		d.disk.places[at] = p
	}
	return p
}

// due says whether the log has grown so much that a restart would take long.
func (d *Dir) due(since time.Duration) bool {
	grown := d.wal.Status().Bytes - d.rolledAt.Load()
	return grown >= max(d.cfg.CheckpointBytes, d.health.last().OpenBytes) || grown > 0 && since >= checkpointEvery
}
