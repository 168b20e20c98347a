package storage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// runs is how many runs of 300 operations are crashed everywhere; DUNLIN_CRASH_RUNS says more.
func runs() int {
	if n, err := strconv.Atoi(os.Getenv("DUNLIN_CRASH_RUNS")); err == nil {
		return n
	}
	if testing.Short() {
		return 1
	}
	return 4
}

func firstSeed(tb testing.TB) uint64 {
	seed := uint64(1)
	if s := os.Getenv("DUNLIN_CRASH_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
		if seed == 0 {
			seed = uint64(time.Now().UnixNano())
		}
	}
	tb.Logf("DUNLIN_CRASH_SEED=%d", seed)
	return seed
}

// count says how many cases there were, also to who runs the long tier.
func count(tb testing.TB, cases int) {
	tb.Helper()
	tb.Logf("%d cases", cases)
	path := os.Getenv("DUNLIN_COUNTS")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, cases)
}

// TestDir_crash: at every call to the file system of a run that writes, fills and seals chunks, rolls the log, writes
// checkpoints and drops periods, the power goes, or the process dies. What is found then has everything that was
// promised, and nothing that was not written.
func TestDir_crash(t *testing.T) {
	t.Parallel()
	first, states := firstSeed(t), new(atomic.Int64)
	t.Run("runs", func(t *testing.T) {
		for i := range runs() {
			seed := first + uint64(i)
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				c := newCrashing(t, seed)
				c.run()
				states.Add(c.states)
				t.Logf("%s: %d states, %d points, %d checkpoints, %d drops", c.policy, c.states, len(c.samples),
					c.checkpoints, c.drops)
			})
		}
	})
	count(t, int(states.Load()))
	if least := int64(4500 * runs()); states.Load() < least {
		t.Errorf("%d crash states, want %d", states.Load(), least)
	}
}

// crashing is a run, and what was promised so far.
type crashing struct {
	t      *testing.T
	fs     *fsxtest.FS
	host   *host
	rng    *rand.Rand
	policy wal.Policy

	samples  []sample
	index    map[string]int // of samples by "key member"
	replied  int            // of samples: survive the process
	durable  int            // of samples: survive the machine
	floor    series.Period
	day, now int64 // midnight of the current period, and the time, ms

	states, checkpoints, drops int64
}

func newCrashing(t *testing.T, seed uint64) *crashing {
	c := &crashing{
		t: t, fs: newFS(t), rng: rand.New(rand.NewPCG(seed, 4)), index: map[string]int{},
		policy: []wal.Policy{{Always: true}, {Every: time.Second}, {}}[seed%3],
	}
	c.day = noon.Add(-12 * time.Hour).UnixMilli()
	c.now = c.day + 1000
	c.floor = layout.PeriodOf(c.day - 2*86_400_000)
	return c
}

func (c *crashing) set(cfg *Config) { cfg.Fsync = c.policy }

func (c *crashing) run() {
	c.fs.Fail(func(fsxtest.Op, string) error { c.crash(); return nil })
	c.host = loaded(c.t, c.fs, c.floor, c.set)
	for range 300 {
		switch n := c.rng.IntN(100); {
		case n < 86:
			c.write()
		case n < 88:
			c.roll()
		case n < 91 && c.policy.Every > 0:
			c.must(c.host.wal.Sync())
			c.durable = len(c.samples)
		case n < 98:
			c.checkpoint()
		default:
			c.drop()
		}
	}
	c.fs.Fail(nil)
}

func (c *crashing) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// write writes some points to one of a few series, most of them in order, some of them late.
func (c *crashing) write() {
	name := []string{"web1:cpu", "web1:load", "db1:rows", "db1:qps2"}[c.rng.IntN(4)]
	var batch []sample
	for range 1 + c.rng.IntN(12) {
		c.now += int64(1 + c.rng.IntN(2000))
		ts := c.now
		switch c.rng.IntN(20) {
		case 0:
			ts = c.day + c.rng.Int64N(c.now-c.day)
		case 1:
			ts = c.day - 1 - c.rng.Int64N(86_400_000)
		}
		s := sampleOf(name, ts, strconv.FormatFloat(float64(c.rng.IntN(4000))/100, 'f', -1, 64))
		if id := s.key + " " + s.member; s.period() >= c.floor {
			if _, known := c.index[id]; !known {
				c.index[id] = len(c.samples)
				c.samples = append(c.samples, s)
				batch = append(batch, s)
			}
		}
	}
	c.host.write(c.t, batch)
	c.replied = len(c.samples)
	if c.policy.Always {
		c.durable = len(c.samples)
	}
}

// roll begins a segment, as a checkpoint that fails after that does.
func (c *crashing) roll() {
	c.host.roll()
}

func (c *crashing) checkpoint() {
	c.checkpoints++
	c.must(c.host.checkpoint(c.t.Context()))
	c.durable = len(c.samples)
}

// drop raises the floor, at times to the day that follows.
func (c *crashing) drop() {
	c.drops++
	if c.floor < layout.PeriodOf(c.day) {
		c.floor = layout.PeriodOf(c.day - 86_400_000*int64(c.rng.IntN(2)))
	} else {
		c.floor = layout.PeriodOf(c.day)
	}
	_, err := c.host.raise(c.t, c.floor)
	c.must(err)
	c.host.removeDropped()
}

// crash tries the states that a crash right now may leave.
func (c *crashing) crash() {
	c.check(c.fs.Crash(fsxtest.Crash{All: true}), c.replied, "the process died")
	c.check(c.fs.Crash(fsxtest.Crash{}), c.durable, "the power went")
	for range 3 {
		c.check(c.fs.Crash(fsxtest.Crash{Some: c.rng}), c.durable, "the power went, some of the rest was spared")
	}
}

// check starts on what a crash has left.
func (c *crashing) check(fs *fsxtest.FS, promised int, what string) {
	c.states++
	h := loaded(c.t, fs, c.floor, c.set)
	c.compare(h, promised, what)
	if c.rng.IntN(10) == 0 { // what a start makes of it is a state as good as any
		c.must(h.checkpoint(c.t.Context()))
		again := loaded(c.t, fs.Crash(fsxtest.Crash{}), c.floor, c.set)
		c.compare(again, promised, what+", and again after a checkpoint")
	}
}

func (c *crashing) compare(h *host, promised int, what string) {
	have := make([]bool, len(c.samples))
	var id []byte
	h.all(c.t, func(key, member []byte) {
		id = append(append(append(id[:0], key...), ' '), member...)
		i, known := c.index[string(id)]
		if !known || c.samples[i].period() < c.floor {
			c.t.Fatalf("%s: %s is there, and was never written, or dropped", what, id)
		}
		have[i] = true
	})
	for i, s := range c.samples[:promised] {
		if !have[i] && s.period() >= c.floor {
			c.t.Fatalf("%s: %s %s is lost: %d of %d, %d promised\n%s", what, s.key, s.member, i, len(c.samples), promised,
				strings.Join(paths(h.cfg.FS, testDir), "\n"))
		}
	}
}

// paths gives the files below a directory, with their sizes.
func paths(fs fsx.FS, dir string) (all []string) {
	entries, _ := fs.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			all = append(all, paths(fs, path)...)
			continue
		}
		n, _ := fs.Size(path)
		all = append(all, fmt.Sprintf("%8d %s", n, path))
	}
	return all
}
