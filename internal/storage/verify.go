package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/evidence"
	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/manifest"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Finding is something wrong with a file.
type Finding struct {
	File   string
	Offset int64 // -1 = it is about the whole file
	Bytes  int64
	What   string
	// Harmless says that nothing is lost by it: an unfinished end that a crash left, a file nobody needs.
	Harmless bool
}

func (f Finding) String() string {
	where := f.File
	if f.Offset >= 0 {
		where = fmt.Sprintf("%s at %d, %d bytes", f.File, f.Offset, f.Bytes)
	}
	return where + ": " + f.What
}

// Walker reads a directory that no node uses, or a backup, without changing it.
type Walker struct {
	FS   fsx.FS
	Path string
	// Progress is told how many bytes of how many are read.
	Progress func(done, total int64)
	// Point is called for every point in no certain order; one that two files hold is given twice. nil = points are
	// only counted. name and value are good until it returns.
	Point func(name []byte, pt series.Point) error

	Findings       []Finding
	Files, Records int
	Points         int64 // those that two files hold are counted twice
	done, total    int64
	dicts          map[dictKey]*replog.Dict
	in             replog.Reader
	chunk          chunkrec.Reader
}

// dictKey is one shard of one segment.
type dictKey struct {
	salt  uint64
	shard int
}

// Run reads every byte. The error is from ctx or Point, or says that there is no such directory.
func (w *Walker) Run(ctx context.Context) error {
	if _, err := w.FS.ReadDir(w.Path); err != nil {
		return fmt.Errorf("read the directory: %w", err)
	}
	w.dicts = map[dictKey]*replog.Dict{}
	m := w.manifest()
	files := w.list(logDir)
	periods, _ := w.FS.ReadDir(filepath.Join(w.Path, periodDir))
	for _, p := range periods {
		files = append(files, w.list(filepath.Join(periodDir, p.Name()))...)
	}
	for _, f := range files {
		w.total += f.size
	}
	have := map[string]bool{}
	for i, f := range files {
		have[f.path] = true
		// the next segment being of another run, or missing, this one may have an unfinished end
		last := f.ext != extLog || i+1 == len(files) || files[i+1].ext != extLog || endsRun(f, files[i+1])
		before := len(w.Findings)
		if err := w.file(ctx, f, m, last); err != nil {
			return err
		}
		if f.ext == extLog && !f.moved && f.number < m.Segment {
			for i := range w.Findings[before:] {
				w.Findings[before+i].What += "; the node has its points in period files, the log keeps it for peers"
			}
		}
	}
	for name := range m.Files {
		if !have[name] {
			w.find(Finding{File: name, Offset: -1, What: "missing, and the checkpoint names it"})
		}
	}
	return nil
}

func (w *Walker) find(f Finding) { w.Findings = append(w.Findings, f) }

// Damaged counts the findings that cost something.
func (w *Walker) Damaged() (n int) {
	for _, f := range w.Findings {
		if !f.Harmless {
			n++
		}
	}
	return n
}

func (w *Walker) manifest() manifest.Manifest {
	data, err := w.FS.ReadFile(filepath.Join(w.Path, manifest.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return manifest.Manifest{}
	}
	m := manifest.Manifest{}
	if err == nil {
		m, err = manifest.Parse(data)
	}
	if err != nil {
		w.find(Finding{
			File: manifest.Name, Offset: -1, What: err.Error() + "; a start unites all files instead",
			Harmless: true,
		})
	}
	return m
}

func (w *Walker) list(below string) (files []file) {
	entries, err := w.FS.ReadDir(filepath.Join(w.Path, below))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.find(Finding{File: below, Offset: -1, What: err.Error()})
	}
	for _, e := range entries {
		f, ok := parseFile(below, e.Name(), place{})
		switch {
		case ok:
			if info, err := e.Info(); err == nil {
				f.size = info.Size()
			}
			f.inspect(w.FS, w.Path)
			files = append(files, f)
		case strings.HasSuffix(e.Name(), evidence.Suffix):
			w.find(Finding{
				File: filepath.Join(below, e.Name()), Offset: -1, What: "it was damaged, and is kept to be looked at",
				Harmless: true,
			})
		default:
			w.find(Finding{File: filepath.Join(below, e.Name()), Offset: -1, What: "not a file of Dunlin", Harmless: true})
		}
	}
	sortFiles(files)
	return files
}

// file reads one file.
func (w *Walker) file(ctx context.Context, f file, m manifest.Manifest, last bool) error {
	w.Files++
	in, err := w.FS.Open(filepath.Join(w.Path, f.path))
	if err != nil {
		w.find(Finding{File: f.path, Offset: -1, What: err.Error()})
		return nil
	}
	defer in.Close()
	r := &walkReader{w: w, ctx: ctx, r: in}
	rep, err := frame.Scan(bufio.NewReaderSize(r, readBytes), f.kind(), f.salt, func(off int64, rec []byte) error {
		return w.record(f, off, rec)
	})
	if ctx.Err() != nil || r.failed != nil || w.failed(err) {
		return errors.Join(ctx.Err(), err)
	}
	if err != nil {
		w.find(Finding{File: f.path, Offset: -1, What: err.Error()})
	}
	if f.moved {
		w.find(Finding{File: f.path, Offset: 0, Bytes: f.size, What: "it was written under another name"})
	}
	covered, listed := m.Files[f.path]
	if f.size <= frame.HeaderBytes && !listed && last {
		w.find(Finding{File: f.path, Bytes: f.size, What: "begun and empty, as a crash leaves it", Harmless: true})
		return nil
	}
	if rep.HeaderBad {
		w.find(Finding{File: f.path, Offset: 0, Bytes: frame.HeaderBytes, What: "the header is damaged"})
	}
	for i, d := range rep.Damaged {
		torn := rep.Torn && i == len(rep.Damaged)-1 && last && (!listed || d.Offset >= covered)
		what := "damaged: what was there can not be read"
		if torn {
			what = "an unfinished write at the end, as a crash leaves it"
		}
		w.find(Finding{File: f.path, Offset: d.Offset, Bytes: d.Length, What: what, Harmless: torn})
	}
	if listed && f.size < covered {
		w.find(Finding{File: f.path, Offset: f.size, Bytes: covered - f.size, What: "cut off"})
	}
	return nil
}

// pointError is an error of Point, which ends the walk.
type pointError struct{ error }

func (w *Walker) failed(err error) bool {
	var p pointError
	return errors.As(err, &p)
}

func (w *Walker) record(f file, off int64, rec []byte) error {
	w.Records++
	var failed error
	point := func(name []byte, pt series.Point) {
		w.Points++
		if w.Point != nil && failed == nil {
			failed = w.Point(name, pt)
		}
	}
	lost, err := 0, error(nil)
	switch {
	case f.ext != extLog:
		err = w.chunks(f, rec, point)
	case replog.KindOf(rec) == replog.Points:
		lost, err = w.points(f, rec, point)
	default:
		_, err = replog.ReadState(rec)
	}
	switch {
	case failed != nil:
		return pointError{failed}
	case err != nil:
		w.find(Finding{File: f.path, Offset: off, Bytes: int64(len(rec)), What: err.Error()})
	case lost > 0:
		w.find(Finding{
			File: f.path, Offset: off, Bytes: int64(len(rec)),
			What: fmt.Sprintf("%d points of series whose names were damaged", lost),
		})
	}
	return nil
}

// chunks reads a record of a period file.
func (w *Walker) chunks(f file, rec []byte, point func([]byte, series.Point)) error {
	period := filepath.Base(filepath.Dir(f.path))
	for _, l := range []series.Layout{series.Day, series.Hour, series.DayCompact, series.HourCompact} {
		if _, ok := l.ParsePeriod([]byte(period)); !ok {
			continue
		}
		if err := w.chunk.Reset(rec, l); err != nil {
			return err
		}
		for _, c := range w.chunk.Chunks {
			w.chunk.Points(c, func(pt series.Point) { point(w.chunk.Key.Series, pt) })
		}
		return nil
	}
	return errors.New("the directory is not called as a period")
}

// points reads a record of the log.
func (w *Walker) points(f file, rec []byte, point func([]byte, series.Point)) (lost int, err error) {
	if err := w.in.Reset(rec); err != nil {
		return 0, err
	}
	key := dictKey{f.salt, w.in.Shard}
	if w.dicts[key] == nil {
		w.dicts[key] = &replog.Dict{}
	}
	for w.in.Next(w.dicts[key]) {
		if w.in.Series != nil {
			point(w.in.Series, series.Point{TS: w.in.TS, Frac: w.in.Frac, Value: w.in.Member[w.in.ValueAt:]})
		}
	}
	return w.in.Unknown, w.in.Err()
}

// walkReader tells the progress.
type walkReader struct {
	w      *Walker
	ctx    context.Context
	r      io.Reader
	failed error
}

func (r *walkReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.w.done += int64(n)
	if r.w.Progress != nil {
		r.w.Progress(r.w.done, r.w.total)
	}
	return n, err
}
