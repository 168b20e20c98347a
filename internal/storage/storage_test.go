package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/evidence"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
	"github.com/dunlin-db/dunlin/internal/series"
)

var (
	today    = layout.PeriodOf(noon.UnixMilli())
	midnight = noon.Add(-12 * time.Hour).UnixMilli()
	oldest   = layout.PeriodOf(midnight - 2*86_400_000)
)

// samples makes n samples of some series, today's and yesterday's, enough of each for sealed chunks.
func samples(n int) (all []sample) {
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		name := []string{"web1:cpu", "web1:load", "db1:rows"}[i%3]
		ts := midnight + int64(i)*1000
		if i%2 == 0 {
			ts -= 86_400_000
		}
		all = append(all, sampleOf(name, ts, strconv.FormatFloat(float64(rng.IntN(9000))/100, 'f', -1, 64)))
	}
	return all
}

func ids(all []sample) (ids []string) {
	for _, s := range all {
		ids = append(ids, s.key+" "+s.member)
	}
	slices.Sort(ids)
	return ids
}

// filled is a file system with a directory in which half of the points are in period files, and half in the log.
func filled(tb testing.TB, all []sample) *fsxtest.FS {
	tb.Helper()
	fs := newFS(tb)
	h := loaded(tb, fs, oldest)
	for part := range slices.Chunk(all[:len(all)/2], 50) {
		h.write(tb, part)
	}
	if err := h.checkpoint(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for part := range slices.Chunk(all[len(all)/2:], 50) {
		h.write(tb, part)
	}
	return fs
}

// find gives the files of an ending.
func find(fs fsx.FS, ext string) (found []string) {
	for _, line := range paths(fs, testDir) {
		if _, path, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasSuffix(path, ext) {
			found = append(found, path)
		}
	}
	return found
}

// put replaces what a file holds.
func put(tb testing.TB, fs fsx.FS, path string, data []byte) {
	tb.Helper()
	f, err := fs.Create(path)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func TestDir_restart(t *testing.T) {
	all := samples(3000)
	fs := filled(t, all)
	for i := range 3 {
		h := loaded(t, fs, oldest)
		if diff := gocmp.Diff(ids(all), h.held(t)); diff != "" {
			t.Fatalf("start %d: -written +held\n%s", i, diff)
		}
		if s := h.Status(); s.Loading || s.Damaged+s.Lost+s.Quarantined+s.Unread > 0 || s.Points == 0 {
			t.Errorf("start %d: %+v", i, s)
		}
		if i == 1 {
			if err := h.checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDir_unreadable: what the disk does not give at the start is taken when it does, and what is written meanwhile
// stays, whatever checkpoints and starts come in between.
func TestDir_unreadable(t *testing.T) {
	all := samples(3000)
	for _, what := range []string{"", "log", "periods", "checkpoint", ".log", ".chunks", ".open"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			fs := filled(t, all)
			refuse := func(_ fsxtest.Op, path string) error {
				if strings.HasPrefix(path, testDir) && strings.Contains(path, what) {
					return syscall.EIO
				}
				return nil
			}
			fs.Fail(refuse)
			var clock sync.Mutex
			now := noon
			at := func(c *Config) {
				c.Now = func() time.Time {
					clock.Lock()
					defer clock.Unlock()
					now = now.Add(readPatience / 2)
					return now
				}
			}
			h := loaded(t, fs, oldest, at)
			if s := h.Status(); s.Unread == 0 || s.Loading {
				t.Fatalf("nothing is unread: %+v", s)
			}
			more := []sample{sampleOf("web9:cpu", midnight+5, "1"), sampleOf("web1:cpu", midnight+77, "2")}
			fs.Fail(nil)
			h.write(t, more)
			want := ids(append(slices.Clone(all), more...))
			if err := errors.Join(h.wal.Sync(), h.checkpoint(t.Context())); err != nil {
				t.Fatal(err)
			}
			for _, crashed := range []bool{true, false} {
				next := h
				if crashed {
					next = loaded(t, fs.Crash(fsxtest.Crash{}), oldest, at)
				} else if err := h.loadRound(t.Context(), true); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, next.held(t)); diff != "" {
					t.Errorf("crashed: %v: -want +held\n%.2000s", crashed, diff)
				}
				if next.lacks() {
					t.Errorf("crashed: %v: still unread: %+v", crashed, next.Status())
				}
				if err := next.checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			again := loaded(t, fs.Crash(fsxtest.Crash{}), oldest)
			if diff := gocmp.Diff(want, again.held(t)); diff != "" {
				t.Errorf("in the end: -want +held\n%.2000s", diff)
			}
		})
	}
}

// harm does what to the byte of a file at an offset, or to its sector, and says how many bytes it touched.
func harm(rng *rand.Rand, data []byte, at int, what string) (harmed []byte, touched int) {
	sector := data[at/512*512 : min(at/512*512+512, len(data))]
	touched = 512
	switch what {
	case "cut":
		touched = len(data) - at
		data = data[:at]
	case "flipped":
		touched = 1
		data[at] ^= 1 << rng.IntN(8)
	case "zeroed":
		clear(sector)
	case "doubled":
		touched = 0
		data = slices.Insert(data, at/512*512, sector...)
	case "swapped":
		touched = 1024
		to := rng.IntN(len(data)/512+1) * 512
		other := data[to:min(to+len(sector), len(data))]
		for j := range other {
			sector[j], other[j] = other[j], sector[j]
		}
	case "noise":
		for j := range sector {
			sector[j] = byte(rng.Uint32())
		}
	}
	return data, touched
}

func TestDir_damage(t *testing.T) {
	t.Parallel()
	all := samples(1500)
	base := filled(t, all)
	known := map[string]bool{}
	for _, id := range ids(all) {
		known[id] = true
	}
	rng := rand.New(rand.NewPCG(firstSeed(t), 9))
	for i := range 120 * runs() {
		fs := base.Crash(fsxtest.Crash{All: true})
		list := find(fs, []string{".log", ".chunks", ".open"}[i%3])
		path := list[rng.IntN(len(list))]
		data, err := fs.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := rng.IntN(len(data))
		what := []string{"cut", "flipped", "zeroed", "doubled", "swapped", "noise"}[i/3%6]
		data, touched := harm(rng, data, at, what)
		put(t, fs, path, data)
		name := fmt.Sprintf("%s %s at %d", filepath.Base(path), what, at)
		h := loaded(t, fs, oldest)
		held := h.held(t)
		for _, id := range held {
			if !known[id] {
				t.Fatalf("%s: %s is invented", name, id)
			}
		}
		lost := len(all) - len(held)
		// A record of the log holds 25 points of a shard, a chunk at most 250; two may be cut by a sector's edges.
		if most := (touched/100 + 2) * 250; lost > most {
			t.Errorf("%s: %d of %d points are lost, %d may be", name, lost, len(all), most)
		}
		// The end of the last segment, its last record of less than 512 bytes, may look as a crash leaves it.
		torn := path == find(fs, ".log")[len(find(fs, ".log"))-1] && at/512*512+1024 >= len(data)
		if s := h.Status(); lost > 0 && s.Damaged == 0 && s.Lost == 0 && !torn {
			t.Errorf("%s: %d points are lost, and nothing is said: %+v", name, lost, s)
		}
		if err := h.checkpoint(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again := loaded(t, fs.Crash(fsxtest.Crash{}), oldest)
		if diff := gocmp.Diff(held, again.held(t)); diff != "" {
			t.Errorf("%s: after a checkpoint: -before +after\n%.1000s", name, diff)
		}
		if s := again.Status(); s.Damaged > 0 || s.Quarantined > 0 {
			t.Errorf("%s: a start after a checkpoint still finds damage: %+v", name, s)
		}
	}
}

func TestDir_drop(t *testing.T) {
	all := samples(2000)
	fs := filled(t, all)
	h := loaded(t, fs, oldest)
	keys, err := h.raise(t, today)
	if err != nil || keys != 3 {
		t.Errorf("%d keys dropped, %v", keys, err)
	}
	h.removeDropped()
	for _, path := range paths(fs, testDir) {
		if strings.Contains(path, layout.PeriodString(today-1)) {
			t.Errorf("%s is still there", path)
		}
	}
	var left []sample
	for _, s := range all {
		if s.period() >= today {
			left = append(left, s)
		}
	}
	again := loaded(t, fs, today) // the log still has what was dropped
	if diff := gocmp.Diff(ids(left), again.held(t)); diff != "" {
		t.Errorf("-want +held\n%s", diff)
	}
}

// TestDir_Doubt: a file that is damaged under a running node is written again and kept, some of them; nothing of it is
// read, and it goes with its period.
func TestDir_Doubt(t *testing.T) {
	all := samples(3000)
	fs := filled(t, all)
	h := loaded(t, fs, oldest)
	bad := func() (n int) {
		for _, path := range paths(fs, testDir) {
			if strings.HasSuffix(path, evidence.Suffix) {
				n++
			}
		}
		return n
	}
	for range evidence.Most {
		if err := h.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, path := range append(find(fs, extFull), find(fs, extOpen)...) {
			h.Doubt(strings.TrimPrefix(path, testDir+"/"))
		}
		h.Doubt("periods/2026-11-22/1-00000001-0123456789abcdef.chunks") // replaced since
	}
	if !h.doubted.Load() {
		t.Error("no checkpoint is wanted")
	}
	if err := h.checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	info := h.Persistence()
	if n := h.Status().Bad; n != evidence.Most {
		t.Errorf("%d files are kept, as its status says", n)
	}
	if last := info[len(info)-3:]; bad() != evidence.Most || last[0] != [2]string{"bad_files", "4"} || last[2][1] == "0" {
		t.Errorf("%d files are kept, %q", bad(), last)
	}
	again := loaded(t, fs.Crash(fsxtest.Crash{}), oldest)
	if diff := gocmp.Diff(ids(all), again.held(t)); diff != "" || again.Status().Damaged > 0 {
		t.Errorf("-want +held\n%s", diff)
	}
	if _, err := h.raise(t, today+1); err != nil {
		t.Fatal(err)
	}
	h.removeDropped()
	if info = h.Persistence(); bad() != 0 || info[len(info)-3][1] != "0" {
		t.Errorf("%d files outlive their periods, %q", bad(), info[len(info)-3:])
	}
}

// TestDir_floorOfTheLog: who does not know the floor any more, because its file was damaged, finds it in the log.
func TestDir_floorOfTheLog(t *testing.T) {
	all := samples(2000)
	fs := filled(t, all)
	h := loaded(t, fs, oldest)
	if _, err := h.raise(t, today); err != nil {
		t.Fatal(err)
	}
	h.removeDropped()
	late := sampleOf("web1:late", midnight, "1")
	h.write(t, []sample{late}) // into the segment that begins with the floor
	again := loaded(t, fs.Crash(fsxtest.Crash{}), oldest)
	if again.Floor() != today {
		t.Errorf("the floor is %d, want %d", again.Floor(), today)
	}
	for _, id := range again.held(t) {
		if !strings.HasPrefix(id, layout.PeriodString(today)) {
			t.Fatalf("%s is dropped and has come back", id)
		}
	}
}

// TestDir_vanished: files that somebody deletes under a running node are noticed, and written again.
func TestDir_vanished(t *testing.T) {
	all := samples(3000)
	for _, part := range []string{"/log", "/periods", "/checkpoint"} {
		fs := filled(t, all)
		h := loaded(t, fs, oldest)
		if err := h.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h.vanished() {
			t.Errorf("%s: it misses files that are there", part)
		}
		for _, line := range paths(fs, testDir) {
			if path := strings.Fields(line)[1]; strings.HasPrefix(path, testDir+part) {
				if err := fs.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !h.vanished() {
			t.Errorf("%s: it does not miss them", part)
		}
		if err := h.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h.vanished() {
			t.Errorf("%s: it still misses files", part)
		}
		again := loaded(t, fs.Crash(fsxtest.Crash{}), oldest)
		if diff := gocmp.Diff(ids(all), again.held(t)); diff != "" {
			t.Errorf("%s: -want +held\n%s", part, diff)
		}
	}
}

func TestDir_Backup(t *testing.T) {
	all := samples(3000)
	fs := filled(t, all)
	h := loaded(t, fs, oldest)
	for _, name := range []string{"", ".", "..", "a/b", ".x", strings.Repeat("x", 65)} {
		if _, err := h.Backup(t.Context(), name); !errors.Is(err, ErrBackupName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	b, err := h.Backup(t.Context(), "monday")
	if err != nil || b.Path != "/backups/monday" || b.Files == 0 || b.Bytes == 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := h.Backup(t.Context(), "monday"); !errors.Is(err, ErrBackupExists) {
		t.Errorf("the same name again: %v", err)
	}
	h.write(t, []sample{sampleOf("web9:late", midnight+9, "9")}) // not in it
	if err := h.checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := Walker{FS: fs, Path: b.Path}
	var points []string
	w.Point = func(name []byte, pt series.Point) error {
		key := layout.AppendKey(nil, series.Key{Period: layout.PeriodOf(pt.TS), Series: name})
		points = append(points, string(key)+" "+string(series.AppendMember(nil, pt)))
		return nil
	}
	if err := w.Run(t.Context()); err != nil || w.Damaged() > 0 {
		t.Errorf("%v %v", err, w.Findings)
	}
	slices.Sort(points)
	if diff := gocmp.Diff(ids(all), slices.Compact(points)); diff != "" {
		t.Errorf("-want +backed up\n%.2000s", diff)
	}
	started := loaded(t, fs, oldest, func(c *Config) { c.Path = b.Path })
	if diff := gocmp.Diff(ids(all), started.held(t)); diff != "" {
		t.Errorf("a node on the backup: -want +held\n%.2000s", diff)
	}
	none := loaded(t, newFS(t), oldest, func(c *Config) { c.BackupPath = "" })
	if _, err := none.Backup(t.Context(), "x"); !errors.Is(err, ErrNoBackupPath) {
		t.Errorf("without a path: %v", err)
	}
}

func TestOpen_taken(t *testing.T) {
	dir := t.TempDir()
	change := func(c *Config) { c.Path = dir }
	h := open(t, fsx.OS{}, oldest, change)
	_, err := Open(h.cfg, oldest)
	if !errors.Is(err, ErrLocked) {
		t.Errorf("a directory in use: %v", err)
	}
	if err := h.lock.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := (fsx.OS{}).ReadDir(dir); errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		t.Errorf("no lock file: %v, %v", entries, err)
	}
}
