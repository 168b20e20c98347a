//go:build linux

package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fixture is the data directory of a node that was killed, and what it must hold. It is damaged in copies.
type fixture struct {
	dir  string
	book *book
}

// stoppedOnce is the fixture: several periods, checkpoints, segments and starts, killed with a log to replay.
var stoppedOnce struct {
	sync.Mutex
	f   *fixture
	err error
}

// theFixture gives it; whoever comes first makes it.
func theFixture(t *testing.T) *fixture {
	t.Helper()
	stoppedOnce.Lock()
	defer stoppedOnce.Unlock()
	if stoppedOnce.f == nil && stoppedOnce.err == nil {
		stoppedOnce.f, stoppedOnce.err = makeFixture(t)
	}
	if stoppedOnce.err != nil {
		t.Fatal(stoppedOnce.err)
	}
	return stoppedOnce.f
}

func makeFixture(t *testing.T) (*fixture, error) {
	f := &fixture{dir: filepath.Join(workDir, "fixture"), book: newBook()}
	l := newLoad(f.book, 11, time.Millisecond)
	s := setup{dir: f.dir, flags: real.rowFlags()}
	for _, d := range []time.Duration{1000 * time.Millisecond, 500 * time.Millisecond, 300 * time.Millisecond} {
		n, err := start(t, s)
		if err != nil {
			return nil, err
		}
		if err := n.loaded(); err != nil {
			return nil, err
		}
		if err := l.during(d, n.addr); err != nil {
			return nil, err
		}
		n.kill()
	}
	// Restarted once more, so that all that is in the directory is known to be right.
	n, _, err := (&node{t: t, setup: s}).restart(f.book, promise{})
	if err != nil {
		return nil, fmt.Errorf("the fixture itself: %w", err)
	}
	if err := l.during(100*time.Millisecond, n.addr); err != nil {
		return nil, err
	}
	n.kill()
	return f, nil
}

// copied gives a copy of the fixture for a test to damage.
func (f *fixture) copied(t *testing.T) *fixture {
	t.Helper()
	dir := tempDir(t)
	if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	return &fixture{dir, f.book.clone()}
}

// find gives the files of a kind: ".log", ".chunks", ".open", or a name, in order of their names.
func (f *fixture) find(kind string) []string {
	var found []string
	for _, rel := range files(f.dir) {
		full := filepath.Join(f.dir, rel)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && strings.HasSuffix(rel, kind) {
			found = append(found, full)
		}
	}
	slices.Sort(found)
	return found
}

// largest gives the file of a kind with the most bytes.
func (f *fixture) largest(t *testing.T, kind string) string {
	t.Helper()
	best, most := "", int64(-1)
	for _, file := range f.find(kind) {
		if info, err := os.Stat(file); err == nil && info.Size() > most {
			best, most = file, info.Size()
		}
	}
	if best == "" {
		t.Fatalf("no file %s among %v", kind, files(f.dir))
	}
	return best
}

// change rewrites a file.
func change(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, how(data), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// damaged is what a node with a damaged directory may lose, and what must be said of it.
type damaged struct {
	most      int    // points
	oneSeries bool   // all of them of one series
	silent    bool   // verify may say what it likes
	file      string // verify names it and an offset, and a start keeps a *.bad of it; empty: nothing is damaged
}

// offset is how verify says where.
var offset = regexp.MustCompile(`(?i)offset|\bat \d|:\d+`)

// survives starts a damaged directory: it loads, it invents nothing, it loses no more than it may; then it takes
// writes, is killed, and has these too.
func (f *fixture) survives(t *testing.T, may damaged) {
	t.Helper()
	if err := f.verifies(may); err != nil {
		t.Error(err)
	}
	s := setup{dir: f.dir, flags: real.rowFlags()}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.loaded(); err != nil {
		t.Fatal(err)
	}
	d, err := dump(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	// Everything is excused here and judged below; the book takes what is left as acknowledged.
	r := f.book.compare(d, promise{until: f.book.began})
	if len(r.invented) > 0 {
		t.Fatalf("%v\n%s", r.err(), n.out.tail())
	}
	if err := f.judge(r, may); err != nil {
		t.Errorf("%v\n%s", err, n.out.tail())
	}
	l := newLoad(f.book, 12, time.Millisecond)
	if err := l.during(100*time.Millisecond, n.addr); err != nil {
		t.Fatal(err)
	}
	n.kill()
	again, _, err := n.restart(f.book, promise{})
	if err != nil {
		t.Fatalf("the second start: %v", err)
	}
	again.kill()
}

// judge says whether a loss is within bounds. The points are those that the book had as acknowledged and has no more.
func (f *fixture) judge(r result, may damaged) error {
	if r.excused > may.most {
		return fmt.Errorf("%d points of %d are lost, at most %d may be", r.excused, r.acked, may.most)
	}
	if may.oneSeries && len(f.book.lostKeys()) > 1 {
		return fmt.Errorf("%d points of %v are lost, one series may lose some", r.excused, f.book.lostKeys())
	}
	if may.file == "" {
		return nil
	}
	if r.excused == 0 {
		return nil
	}
	for end := time.Now().Add(20 * time.Second); len(f.find(".bad")) == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // the first checkpoint renames it
	}
	if len(f.find(".bad")) == 0 {
		return fmt.Errorf("%d points are lost, and nothing is kept as *.bad: %v", r.excused, files(f.dir))
	}
	return nil
}

func (f *fixture) verifies(may damaged) error {
	said, found, err := verify(f.dir)
	switch {
	case err != nil:
		return fmt.Errorf("verify: %w", err)
	case may.silent:
		return nil
	case may.file == "" && found:
		return fmt.Errorf("verify finds fault where nothing is wrong: %s", said)
	case may.file == "":
		return nil
	case !strings.Contains(said, filepath.Base(may.file)) || !offset.MatchString(said),
		!found && !strings.Contains(said, "as a crash leaves it"): // behind what the checkpoint covers, at the end
		return fmt.Errorf("verify does not name %s and where (fault found: %v): %s", may.file, found, said)
	}
	return nil
}

// lostKeys gives the keys with a point that was excused in the comparison before.
func (b *book) lostKeys() (keys []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, set := range b.keys {
		for _, at := range set {
			if at == gone {
				keys = append(keys, key)
				break
			}
		}
	}
	slices.Sort(keys)
	return keys
}
