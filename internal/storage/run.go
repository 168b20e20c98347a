package storage

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/manifest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

const (
	checkpointEvery = 10 * time.Minute
	lookEvery       = 250 * time.Millisecond
	countEvery      = time.Second // the files are counted
	firstRetry      = time.Second // after a checkpoint that failed; doubled up to lastRetry
	lastRetry       = time.Minute
)

// Run loads what the directory held into the shards, then writes checkpoints until ctx ends. Close does the rest.
func (d *Dir) Run(ctx context.Context, shards []*shard.Shard) {
	d.shards = shards
	d.ended = make(chan struct{})
	logCtx, stop := context.WithCancel(context.WithoutCancel(ctx)) // it ends after the last checkpoint
	d.stop = stop
	go d.runLog(logCtx)
	if err := d.load(ctx); err != nil {
		return
	}
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	last := d.cfg.Now()
	wanted := d.start.progress.points.Load() > 0 // so that the next start need not read the log again
	retry, tryAt := firstRetry, last
	readAt, countAt := last.Add(readAgain), last
	for {
		now := d.cfg.Now()
		if !now.Before(countAt) {
			countAt = now.Add(countEvery)
			if d.vanished() && !d.health.vanished.Swap(true) {
				d.cfg.Log.Error("storage: files were deleted, writing all of them again")
			}
			wanted = wanted || d.health.vanished.Load() || d.doubted.Swap(false)
		}
		if d.lacks() && !now.Before(readAt) {
			if err := d.loadRound(ctx, true); err != nil {
				return
			}
			for _, sh := range shards {
				sh.Bury(sh.Edicts().Periods())
			}
			wanted, readAt = true, d.cfg.Now().Add(readAgain)
		}
		if (wanted || d.due(now.Sub(last))) && !now.Before(tryAt) {
			err := d.checkpoint(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				d.health.failed(err)
				d.cfg.Log.Error("storage: a checkpoint failed, trying again", "in", retry.String(), "err", err)
				wanted, tryAt, retry = true, now.Add(retry), min(2*retry, lastRetry)
			default:
				wanted, last, retry, tryAt = false, now, firstRetry, now
				d.health.vanished.Store(false)
			}
		}
		d.removeDropped()
		select {
		case <-ctx.Done():
			return
		case <-d.kick:
		case <-t.C:
		}
	}
}

// vanished says that files which hold what the stores have are not there any more: somebody has deleted them.
func (d *Dir) vanished() bool {
	gone := func(path string) bool {
		_, err := d.cfg.FS.Size(path)
		return errors.Is(err, fs.ErrNotExist)
	}
	if path := d.wal.Path(); path != "" && gone(path) {
		return true
	}
	d.disk.Lock()
	defer d.disk.Unlock()
	if !d.health.last().At.IsZero() && gone(d.path(manifest.Name)) {
		return true
	}
	for _, p := range d.disk.places {
		if slices.ContainsFunc(p.all(), func(w *written) bool { return gone(d.path(w.path)) }) {
			return true
		}
	}
	return false
}

// runLog is the log's life. It ends after the last record is fsynced, or the disk does not let it be.
func (d *Dir) runLog(ctx context.Context) {
	defer close(d.ended)
	d.wal.Run(ctx)
}

// Close writes a last checkpoint, so that the next start is quick, ends the log and gives the directory up. Nothing may
// be written to the shards any more, and Run must have returned.
func (d *Dir) Close(ctx context.Context) error {
	var err error
	if d.Loaded() {
		err = d.checkpoint(ctx)
	}
	if d.ended != nil {
		d.stop()
		<-d.ended
	}
	d.disk.Lock()
	for _, p := range d.disk.places {
		for _, w := range p.full {
			w.close()
		}
	}
	d.disk.Unlock()
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

// Drop says that periods below the floor are dropped. The floor must be durable; the files go soon.
func (d *Dir) Drop(floor series.Period) {
	d.floor.Store(max(d.floor.Load(), int64(floor)))
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// Rewrite says that what the files have of a period of a shard can not be trusted: the next checkpoint writes all of it
// again. It waits for a checkpoint that is under way.
func (d *Dir) Rewrite(shard int, p series.Period) {
	d.disk.Lock()
	defer d.disk.Unlock()
	d.pieces(place{p, shard}).rewrite = true
}

// Doubt says that a period file, given by its path below the directory, is damaged. A checkpoint writes at once what it
// held, and keeps it as evidence. It waits for a checkpoint that is under way: the file may be replaced by then.
func (d *Dir) Doubt(name string) {
	d.disk.Lock()
	defer d.disk.Unlock()
	for _, w := range d.disk.gone {
		w.damaged = w.damaged || w.path == name
	}
	for _, p := range d.disk.places {
		for _, w := range p.all() {
			if w.path == name {
				w.damaged, p.rewrite = true, true
				d.doubted.Store(true)
			}
		}
	}
}

// removeDropped removes the files below a floor that has risen.
func (d *Dir) removeDropped() {
	floor := d.Floor()
	if floor == d.disk.removed {
		return
	}
	d.disk.Lock()
	defer d.disk.Unlock()
	if floor > d.disk.noted { // a segment begins with the floor: the log knows it too
		d.roll()
		d.disk.noted = floor
	}
	for at, p := range d.disk.places {
		if at.period < floor {
			for _, w := range p.full {
				w.close()
			}
			delete(d.disk.places, at)
		}
	}
	if d.removeBelow(floor) {
		d.disk.removed = floor
	}
	d.shelf.Look()
}

// removeBelow removes the directories of dropped periods, and says whether all are gone.
func (d *Dir) removeBelow(floor series.Period) bool {
	entries, err := d.entries(periodDir)
	all := err == nil
	for _, e := range entries {
		p, ok := d.cfg.Layout.ParsePeriod([]byte(e.Name()))
		if !ok || p >= floor {
			continue
		}
		dir := filepath.Join(periodDir, e.Name())
		files, _ := d.entries(dir)
		for _, f := range files {
			if err := ignoreMissing(d.cfg.FS.Remove(d.path(filepath.Join(dir, f.Name())))); err != nil {
				d.problem("remove a file of a dropped period", err)
				all = false
			}
		}
		if err := ignoreMissing(d.cfg.FS.Remove(d.path(dir))); err != nil {
			d.problem("remove the directory of a dropped period", err)
			all = false
		}
	}
	return all
}

// trimLog removes the segments that neither a restart nor, as far as Keep goes, a peer needs.
func (d *Dir) trimLog() error {
	var errs error
	for _, bad := range d.disk.badSegments {
		errs = errors.Join(errs, ignoreMissing(d.shelf.Keep(bad.path)))
	}
	d.disk.badSegments = nil
	below, total := uint64(0), int64(0)
	segments, err := d.list(logDir, place{})
	if err != nil {
		return errors.Join(errs, err)
	}
	for i := len(segments) - 1; i >= 0; i-- {
		s := segments[i]
		total += s.size
		if s.number >= d.disk.segment {
			continue
		}
		if total > d.cfg.Keep.Bytes || d.cfg.Now().Sub(s.modified) > d.cfg.Keep.Age {
			below = s.number + 1
			break
		}
	}
	if below > 0 {
		_, err := d.wal.Remove(below)
		errs = errors.Join(errs, err)
	}
	return errs
}
