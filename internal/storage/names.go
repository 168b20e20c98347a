package storage

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// parseFile reads the name of a file; at says what its directory is of.
func parseFile(below, name string, at place) (f file, ok bool) {
	prefix, number, salt, ext, ok := frame.ParseName(name)
	if !ok {
		return f, false
	}
	f = file{path: filepath.Join(below, name), place: at, number: number, salt: salt, ext: ext}
	if below == logDir {
		return f, prefix == "" && ext == extLog
	}
	id, err := strconv.Atoi(strings.TrimSuffix(prefix, "-"))
	f.place.shard = id
	return f, err == nil && id > 0 && (ext == extFull || ext == extOpen)
}

// periodPath is the directory of a period.
func (d *Dir) periodPath(p series.Period) string {
	return filepath.Join(periodDir, d.cfg.Layout.PeriodString(p))
}

// newFile names a file that does not exist yet.
func (d *Dir) newFile(at place, ext string) file {
	f := file{place: at, number: d.disk.next, salt: d.newSalt(), ext: ext}
	d.disk.next++
	f.path = filepath.Join(d.periodPath(at.period), strconv.Itoa(at.shard)+"-"+frame.Name(f.number, f.salt, ext))
	return f
}

// sortFiles sorts by number. Files that went on for a segment follow it, also when two have its number.
func sortFiles(files []file) {
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(
			cmp.Compare(a.roll(), b.roll()), cmp.Compare(a.salt, b.salt), cmp.Compare(a.number, b.number),
			cmp.Compare(a.path, b.path),
		)
	})
}

// roll is what a segment and the files that went on for it have in common.
func (f file) roll() uint64 {
	if f.ext == extLog {
		return f.number / 1000
	}
	return f.number
}

func (f file) kind() frame.Kind { return frame.KindOf(f.ext) }

var errStop = errors.New("stop")

// inspect looks at how a file begins. One that can not be read will be noticed when it is to be.
func (f *file) inspect(fsys fsx.FS, root string) {
	in, err := fsys.Open(filepath.Join(root, f.path))
	if err != nil {
		return
	}
	defer in.Close()
	rep, _ := frame.Scan(in, f.kind(), f.salt, func(_ int64, rec []byte) error {
		if s, err := replog.ReadState(rec); err == nil {
			f.head = s
		}
		return errStop
	})
	f.moved = rep.Salt != f.salt
}

// endsRun says whether nobody wrote to a segment any more before the next began: a crash ended it, or it failed.
func endsRun(seg, next file) bool {
	return next.head.Incarnation != seg.head.Incarnation || next.roll() == seg.roll()
}
