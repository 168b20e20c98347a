//go:build linux

package durable

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// smallCheckpoints makes what happens every 64 MiB of log happen all the time.
var smallCheckpoints = []string{"--storage.checkpoint-bytes", "64KiB"}

// rowFlags are those that the real binary gets in the rows.
func (t target) rowFlags() []string {
	if t.standin || !knowsFlag(smallCheckpoints) {
		return nil
	}
	return smallCheckpoints
}

// knowsFlag: a binary without the flag has nothing that it could make smaller.
func knowsFlag(flag []string) bool {
	return exec.Command(binary, append([]string{"node", "--help"}, flag...)...).Run() == nil
}

// TestKill: kill -9 under load loses nothing that was acknowledged, whatever the fsync policy is.
func TestKill(t *testing.T) {
	t.Parallel()
	count, draw := newTally(t), seed(t)
	const generations = 10 // restarts of one directory
	for i := range times(6, 30) {
		fsync := []string{"always", "1s", "never"}[i%3]
		t.Run(fmt.Sprintf("%s %d", fsync, i), func(t *testing.T) {
			t.Parallel()
			k := killing{target: real, fsync: fsync, seed: draw + uint64(i), count: count}
			if err := k.run(t, generations); err != nil {
				t.Error(err)
			}
		})
	}
}

// killing is a directory whose node is killed again and again.
type killing struct {
	target
	fsync string
	seed  uint64
	count *tally
}

func (k killing) run(t *testing.T, generations int) error {
	rng := rand.New(rand.NewPCG(k.seed, 1))
	s := setup{target: k.target, dir: tempDir(t), fsync: k.fsync, flags: k.rowFlags()}
	b := newBook()
	l := newLoad(b, k.seed, time.Millisecond)
	for generation := range generations {
		n, err := start(t, s)
		if err != nil {
			return err
		}
		if rng.IntN(4) == 0 { // in the middle of starting
			n.ended(time.Duration(rng.IntN(60)) * time.Millisecond)
			n.kill()
		} else if err := k.loadAndKill(n, l, rng); err != nil {
			return fmt.Errorf("generation %d: %w", generation, err)
		}
		n, r, err := n.restart(b, promise{})
		if err != nil {
			return fmt.Errorf("generation %d: %w\nfiles: %v", generation, err, files(s.dir))
		}
		k.count.add(r)
		if rng.IntN(2) == 0 { // the next generation begins with what loading and comparing left behind
			n.kill()
		} else if err := k.loadAndKill(n, l, rng); err != nil {
			return fmt.Errorf("generation %d: %w", generation, err)
		}
	}
	return nil
}

// loadAndKill writes from the first moment on, also while the node loads, and kills it in the midst of it.
func (k killing) loadAndKill(n *node, l *load, rng *rand.Rand) error {
	if err := n.answering(); err != nil {
		return err
	}
	stop := l.background(n.addr)
	n.ended(time.Duration(20+rng.IntN(500)) * time.Millisecond)
	n.kill()
	return stop()
}

// files lists a directory, for errors.
func files(dir string) (list []string) {
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		m, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, f := range m {
			rel, _ := filepath.Rel(dir, f)
			list = append(list, rel)
		}
	}
	return list
}
