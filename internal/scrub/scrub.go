package scrub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/gentle"
	"github.com/dunlin-db/dunlin/internal/manifest"
)

const piece = 128 << 10 // is read at a time

// Config is what a Scrubber is made of.
type Config struct {
	FS    fsx.FS
	Path  string            // of the storage directory
	Every time.Duration     // a round begins so long after the end of the one before
	Doubt func(name string) // is told of a damaged file, as the checkpoint calls it
	Log   *slog.Logger
}

// Scrubber reads the files of one directory.
type Scrubber struct {
	cfg   Config
	known map[string]bool // files that were found damaged, and are not replaced yet

	mu     sync.Mutex // protects status
	status Status
}

// Status is what a Scrubber tells.
type Status struct {
	Rounds  int64 // in which all files were read
	Bytes   int64 // read
	Damaged int64 // files in which something could not be read
	Last    string
	LastAt  time.Time // of Last
}

// New makes a Scrubber. It starts nothing.
func New(cfg Config) *Scrubber { return &Scrubber{cfg: cfg, known: map[string]bool{}} }

// Run reads all files, again and again, until ctx ends. It returns nil then.
func (s *Scrubber) Run(ctx context.Context) error {
	for gentle.Wait(ctx, s.cfg.Every) {
		s.RunOnce(ctx)
	}
	return nil
}

// RunOnce reads all files once.
func (s *Scrubber) RunOnce(ctx context.Context) {
	m, err := s.manifest()
	if err != nil {
		return // there is none yet, or it is damaged: the next checkpoint writes it
	}
	maps.DeleteFunc(s.known, func(name string, _ bool) bool { _, listed := m.Files[name]; return !listed })
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		what := s.read(ctx, name, m.Files[name])
		if ctx.Err() != nil {
			return
		}
		if what != "" && !s.known[name] && s.still(name) {
			s.found(name, what)
		}
	}
	s.mu.Lock()
	s.status.Rounds++
	s.mu.Unlock()
}

func (s *Scrubber) manifest() (manifest.Manifest, error) {
	data, err := s.cfg.FS.ReadFile(filepath.Join(s.cfg.Path, manifest.Name))
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse(data)
}

// still says that a file counts: a checkpoint may have replaced it while it was read.
func (s *Scrubber) still(name string) bool {
	m, err := s.manifest()
	_, listed := m.Files[name]
	return err == nil && listed
}

// read reads a file as far as the checkpoint covers it, and says what is wrong with it.
func (s *Scrubber) read(ctx context.Context, name string, covered int64) (what string) {
	_, _, salt, ext, ok := frame.ParseName(filepath.Base(name))
	if !ok {
		return ""
	}
	in, err := s.cfg.FS.Open(filepath.Join(s.cfg.Path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "" // storage looks for files that are gone
	}
	if err != nil {
		return err.Error()
	}
	defer in.Close()
	r := &slowly{ctx: ctx, in: io.LimitReader(in, covered)}
	rep, err := frame.Scan(r, frame.KindOf(ext), salt, func(int64, []byte) error { return nil })
	s.mu.Lock()
	s.status.Bytes += r.bytes
	s.mu.Unlock()
	switch {
	case err != nil:
		return err.Error()
	case rep.HeaderBad:
		return "its header is damaged"
	case len(rep.Damaged) > 0:
		d := rep.Damaged[0]
		return fmt.Sprintf("damaged at %d, %d bytes, one of %d places", d.Offset, d.Length, len(rep.Damaged))
	case r.bytes < covered:
		return fmt.Sprintf("cut off at %d of %d bytes", r.bytes, covered)
	}
	return ""
}

// found counts a damaged file, and has it written again.
func (s *Scrubber) found(name, what string) {
	s.known[name] = true
	s.mu.Lock()
	s.status.Damaged++
	s.status.Last, s.status.LastAt = name+": "+what, time.Now()
	s.mu.Unlock()
	s.cfg.Log.Error("a period file is damaged: it is written again from memory", "file", name, "what", what)
	s.cfg.Doubt(name)
}

// Status is safe to call while Run runs.
func (s *Scrubber) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// slowly is a reader that rests.
type slowly struct {
	ctx   context.Context
	in    io.Reader
	bytes int64
}

func (r *slowly) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := r.in.Read(p[:min(len(p), piece)])
	r.bytes += int64(n)
	if !gentle.Rest(r.ctx, began) {
		return n, r.ctx.Err()
	}
	return n, err
}
