package storage

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
)

// pieces are the files of one place.
type pieces struct {
	full    []*written // chunk files, oldest first; the last may still grow
	waiting records    // for chunk files: what was added since the last fsync, in case the file fails
	open    *written   // nil = there is none
	changed uint64     // what the store said of the period when open was written
	rewrite bool       // the files can not be trusted: all is to be written again, and they go after that
}

// written is a file of frames that this process writes or has found.
type written struct {
	file
	out  fsx.File // nil = it does not grow any more
	buf  []byte   // frames that wait to be written
	tail int64    // bytes written since the last fsync; file.size is what was fsynced

	damaged bool // it is kept as evidence when it goes
}

const (
	flushBytes = 256 << 10 // are gathered before they are written
	syncBytes  = 2 << 20   // of chunk files are fsynced at a time: they are kept in memory until then
	mostFull   = 256 << 20 // bytes of a chunk file that still grows
)

// create makes a file with its header.
func (d *Dir) create(at place, ext string) (*written, error) {
	w := &written{file: d.newFile(at, ext)}
	if err := d.cfg.FS.MkdirAll(d.path(d.periodPath(at.period))); err != nil {
		return nil, err
	}
	out, err := d.cfg.FS.Create(d.path(w.path))
	if err != nil {
		return nil, err
	}
	w.out = out
	w.buf = frame.AppendHeader(nil, w.kind(), w.salt)
	return w, nil
}

// add appends a record.
func (w *written) add(rec []byte) error {
	w.buf = frame.Append(w.buf, w.salt, rec)
	if len(w.buf) < flushBytes {
		return nil
	}
	return w.flush()
}

func (w *written) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.out.Write(w.buf)
	w.tail += int64(n)
	w.buf = w.buf[:0]
	return err
}

// sync makes everything durable that was added.
func (w *written) sync() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.tail == 0 {
		return nil
	}
	if err := w.out.Sync(); err != nil {
		return err
	}
	w.size += w.tail
	w.tail = 0
	return nil
}

// close ends the growth of the file. What was not fsynced does not count.
func (w *written) close() {
	if w != nil && w.out != nil {
		_ = w.out.Close()
		w.out, w.buf = nil, nil
	}
}

// growing gives the chunk file that takes more, nil when there is none.
func (p *pieces) growing() *written {
	if n := len(p.full); n > 0 && p.full[n-1].out != nil {
		return p.full[n-1]
	}
	return nil
}

// addFull appends records to the chunk file. One that fails is not used again: what it may lack goes to the next.
func (d *Dir) addFull(at place, p *pieces, recs *records) error {
	p.waiting.add(recs)
	w := p.growing()
	if w != nil && w.size+w.tail >= mostFull {
		if err := d.syncFull(p); err != nil {
			return err
		}
		w.close()
		w = nil
	}
	if w == nil {
		created, err := d.create(at, extFull)
		if err != nil {
			return err
		}
		w, recs = created, &p.waiting // all that no file has for certain
		p.full = append(p.full, w)
	}
	if err := recs.writeTo(w); err != nil {
		w.close()
		return err
	}
	if len(p.waiting.bytes) >= syncBytes {
		return d.syncFull(p)
	}
	return nil
}

// syncFull makes the chunk file durable.
func (d *Dir) syncFull(p *pieces) error {
	w := p.growing()
	if w == nil {
		return nil
	}
	if err := w.sync(); err != nil {
		w.close()
		return err
	}
	p.waiting.reset()
	return nil
}

// all gives the files of the place.
func (p *pieces) all() []*written {
	if p.open == nil {
		return p.full
	}
	return append(p.full[:len(p.full):len(p.full)], p.open)
}

func (p *pieces) has(path string) bool {
	return slices.ContainsFunc(p.all(), func(w *written) bool { return w.path == path })
}

// lacksFile says whether a file is not there any more.
func (d *Dir) lacksFile(p *pieces) bool {
	for _, w := range p.all() {
		if n, err := d.cfg.FS.Size(d.path(w.path)); err != nil || n < w.size {
			return true
		}
	}
	return false
}

// sweep removes what the last checkpoint has replaced. A file that was damaged is kept, as *.bad.
func (d *Dir) sweep() error {
	var errs error
	dirs := map[string]bool{}
	left := d.disk.gone[:0]
	for _, w := range d.disk.gone {
		w.close()
		if err := ignoreMissing(d.discard(w)); err != nil {
			errs = errors.Join(errs, err)
			left = append(left, w)
		}
		dirs[filepath.Dir(w.path)] = true
	}
	d.disk.gone = left
	for dir := range dirs {
		errs = errors.Join(errs, ignoreMissing(d.cfg.FS.SyncDir(d.path(dir))))
	}
	return errs
}

func (d *Dir) discard(w *written) error {
	if w.damaged {
		return d.shelf.Keep(w.path)
	}
	return d.cfg.FS.Remove(d.path(w.path))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// records are some records, copied.
type records struct {
	bytes []byte
	ends  []int
}

func (r *records) reset() {
	if cap(r.bytes) > syncBytes {
		r.bytes = nil
	}
	r.bytes, r.ends = r.bytes[:0], r.ends[:0]
}

func (r *records) one(rec []byte) {
	r.bytes = append(r.bytes, rec...)
	r.ends = append(r.ends, len(r.bytes))
}

func (r *records) add(more *records) {
	before := len(r.bytes)
	r.bytes = append(r.bytes, more.bytes...)
	for _, end := range more.ends {
		r.ends = append(r.ends, before+end)
	}
}

func (r *records) writeTo(w *written) error {
	from := 0
	for _, end := range r.ends {
		if err := w.add(r.bytes[from:end]); err != nil {
			return err
		}
		from = end
	}
	return nil
}
