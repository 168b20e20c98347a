//go:build linux

package durable

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// TestCgroup: far more load than a node of 256 MiB can keep. It refuses with OOM and is never killed by the kernel, nor
// when it starts again inside the same limit, and nothing that it acknowledged is lost.
func TestCgroup(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	floods := []flood{manySeries, longSeries, bigValues, wideBatches}
	for i := range times(1, 20) {
		f := fitting{
			target: real, limit: 256 << 20, most: []string{"128MiB", "96MiB", "160MiB", "112MiB", "144MiB"}[i/4],
			flood: floods[i%4], seed: draw + uint64(i), count: count,
			fsync: []string{"1s", "always", "never"}[i%3],
		}
		t.Run(fmt.Sprintf("%s %s %s", f.most, f.flood, f.fsync), func(t *testing.T) {
			if i%2 == 0 && long() {
				t.Parallel()
			}
			if err := f.run(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// flood is a way to fill memory.
type flood string

const (
	manySeries  flood = "many series"
	longSeries  flood = "long series"
	bigValues   flood = "big values"
	wideBatches flood = "wide batches"
)

// fitting is a node in a cgroup.
type fitting struct {
	target
	limit int64
	most  string // --engine.max-memory
	flood flood
	fsync string
	seed  uint64
	count *tally
}

// cgroup makes a group of memory, version 1 or 2.
func cgroup(t *testing.T, limit int64) string {
	t.Helper()
	name := cgroupName(os.Getpid()) + strconv.FormatUint(nextNumber(), 10)
	file, root := "memory.limit_in_bytes", "/sys/fs/cgroup/memory"
	if _, err := os.Stat(root); err != nil {
		file, root = "memory.max", "/sys/fs/cgroup"
	}
	dir := filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		missing(t, "no cgroup of memory: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // empty once the node, whose cleanup comes before, is gone
	if err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(limit, 10)), 0o600); err != nil {
		missing(t, "no limit in a cgroup: %v", err)
	}
	return dir
}

// killsIn reads how often the kernel killed in a group.
func killsIn(dir string) (int, error) {
	for _, name := range []string{"memory.oom_control", "memory.events"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			var n int
			if found, _ := fmt.Sscanf(line, "oom_kill %d", &n); found == 1 {
				return n, nil
			}
		}
	}
	return 0, fmt.Errorf("%s does not tell of kills", dir)
}

func (f fitting) run(t *testing.T) error {
	dir := cgroup(t, f.limit)
	s := setup{
		target: f.target, dir: tempDir(t), fsync: f.fsync, cgroup: dir,
		flags: []string{"--engine.max-memory", f.most},
	}
	n, err := start(t, s)
	if err != nil {
		return err
	}
	sums := tallies{}
	for round := range 2 {
		if err := n.loaded(); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		refused, err := f.pour(n, sums, uint64(round))
		if err != nil {
			kills, _ := killsIn(dir)
			return fmt.Errorf("round %d: %w\nthe kernel killed %d times\n%s", round, err, kills, n.out.tail())
		}
		if refused == 0 {
			return fmt.Errorf("round %d: nothing was refused: the load was too small for this test", round)
		}
		if err := n.alive(); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		n.kill()
		if n, err = start(t, s); err != nil {
			return err
		}
		if err := n.loaded(); err != nil {
			return fmt.Errorf("restart inside: %w", err)
		}
		acked, err := sums.compare(n.addr)
		if err != nil {
			return fmt.Errorf("after restart %d: %w\n%s", round, err, n.out.tail())
		}
		f.count.add(result{acked: acked})
	}
	kills, err := killsIn(dir)
	if err == nil && kills > 0 {
		err = fmt.Errorf("the kernel killed it %d times", kills)
	}
	peak, _ := os.ReadFile(filepath.Join(dir, "memory.max_usage_in_bytes"))
	t.Logf("peak of the group %s bytes, page cache and all", strings.TrimSpace(string(peak)))
	n.kill()
	return err
}

// tallies are numbers of points by key: there are too many for a book. No point is sent twice.
type tallies map[string][2]int // acknowledged, sent

// compare looks whether each key has at least what was acknowledged and at most what was sent.
func (s tallies) compare(addr string) (acked int, err error) {
	c, err := plain.Dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	keys := slices.Collect(maps.Keys(s))
	for list := range slices.Chunk(keys, 1000) {
		var commands [][]string
		for _, k := range list {
			commands = append(commands, []string{"ZCARD", k})
		}
		replies, err := c.Pipe(commands)
		if err != nil {
			return acked, err
		}
		for i, k := range list {
			n, ok := replies[i].(int64)
			if want := s[k]; !ok || int(n) < want[0] || int(n) > want[1] {
				return acked, fmt.Errorf("%s has %v points, of %d acknowledged and %d sent", k, replies[i], want[0], want[1])
			}
			acked += s[k][0]
		}
	}
	return acked, nil
}

// pour writes with eight connections until all of them are refused all the time.
func (f fitting) pour(n *node, all tallies, round uint64) (refused int, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	for i := range 8 {
		wg.Go(func() {
			p := pouring{
				fitting: f, sums: tallies{}, rng: rand.New(rand.NewPCG(f.seed, uint64(i)+100*round)),
				name: fmt.Sprintf("h%d.%d", i, round), ms: midnight(1),
			}
			err := p.run(n.addr)
			mu.Lock()
			defer mu.Unlock()
			refused += p.refused
			errs = append(errs, err)
			maps.Copy(all, p.sums) // its hosts are its own
		})
	}
	wg.Wait()
	return refused, errors.Join(errs...)
}

// pouring is one connection.
type pouring struct {
	fitting
	sums    tallies
	rng     *rand.Rand
	name    string
	ms      int64
	refused int
}

func (p *pouring) run(addr string) error {
	c, err := plain.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.Patience = 60 * time.Second
	for end := time.Now().Add(4 * time.Minute); p.refused < 200 && time.Now().Before(end); {
		var commands, keys [][]string
		for range 20 {
			p.ms += 10
			command, list := p.batch()
			commands, keys = append(commands, command), append(keys, list)
		}
		replies, err := c.Pipe(commands)
		if err != nil {
			return err
		}
		for i, r := range replies {
			if err := p.read(r, keys[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pouring) read(r any, keys []string) error {
	stored := 0
	switch {
	case isInteger(r):
		stored = 1
	case strings.Contains(fmt.Sprint(r), "OOM"):
		p.refused++
	default:
		return fmt.Errorf("a batch of %d answers %.300v", len(keys), r)
	}
	for _, k := range keys {
		n := p.sums[k]
		p.sums[k] = [2]int{n[0] + stored, n[1] + 1}
	}
	return nil
}

func isInteger(r any) bool {
	_, ok := r.(int64)
	return ok
}

// batch makes a DN.MADD of a tick, and the keys of its points.
func (p *pouring) batch() (command, keys []string) {
	width, hosts := 20, 50
	switch p.flood {
	case manySeries:
		hosts = 1 << 30
	case longSeries:
		hosts = 2
	case wideBatches:
		width = 2000
	}
	command = []string{"DN.MADD", seconds(p.ms)}
	host, period := fmt.Sprintf("%s-%d", p.name, p.rng.IntN(hosts)), time.UnixMilli(p.ms).UTC().Format(time.DateOnly)
	for m := range width {
		text := strconv.FormatFloat(p.rng.NormFloat64(), 'g', -1, 64)
		if p.flood == bigValues {
			text = fmt.Sprintf("x%0119d", p.rng.Uint64())
		}
		series := fmt.Sprintf("%s:metric%d", host, m)
		command, keys = append(command, series, text), append(keys, period+":"+series)
	}
	return command, keys
}
