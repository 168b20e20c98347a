package evidence

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/fsx"
)

// Suffix is how the names of kept files end.
const Suffix = ".bad"

// Most is how many files are kept.
const Most = 4

// Shelf is that of a storage directory. One goroutine may use it at a time, but for Fields.
type Shelf struct {
	fs   fsx.FS
	root string
	tops []string

	mu      sync.Mutex // protects what follows; never held over I/O
	kept    []string
	removed int64
}

// New makes the Shelf of the files below some directories of root. It reads nothing.
func New(fsys fsx.FS, root string, tops ...string) *Shelf {
	return &Shelf{fs: fsys, root: root, tops: tops}
}

// kept is a file that is kept.
type kept struct {
	name     string // below root
	modified time.Time
}

// Keep keeps a file, given by its path below root. Without it there is nothing to keep.
func (s *Shelf) Keep(name string) error {
	all := s.list()
	for ; len(all) >= Most; all = all[1:] {
		if err := s.fs.Remove(filepath.Join(s.root, all[0].name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.mu.Lock()
		s.removed++
		s.mu.Unlock()
	}
	return s.fs.Rename(filepath.Join(s.root, name), filepath.Join(s.root, name+Suffix))
}

// Look finds out what is kept: whoever has looked at a file may remove it.
func (s *Shelf) Look() {
	names := []string{}
	for _, k := range s.list() {
		names = append(names, k.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = names
}

// list gives what can be listed, the oldest first.
func (s *Shelf) list() (all []kept) {
	for _, top := range s.tops {
		all = append(all, s.below(top)...)
	}
	slices.SortFunc(all, func(a, b kept) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.name, b.name))
	})
	return all
}

func (s *Shelf) below(dir string) (all []kept) {
	entries, _ := s.fs.ReadDir(filepath.Join(s.root, dir))
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			all = append(all, s.below(name)...)
		} else if info, err := e.Info(); err == nil && strings.HasSuffix(name, Suffix) {
			all = append(all, kept{name, info.ModTime()})
		}
	}
	return all
}

// Kept is how many files were kept at the last Look.
func (s *Shelf) Kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

// Fields are those of INFO persistence: what was kept at the last Look.
func (s *Shelf) Fields() [][2]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return [][2]string{
		{"bad_files", strconv.Itoa(len(s.kept))},
		{"bad_files_names", strings.Join(s.kept, ",")},
		{"bad_files_removed", strconv.FormatInt(s.removed, 10)},
	}
}
