//go:build linux

package durable

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestInject: kill -9 in front of the Nth system call on the data directory, or an error instead of it. After a kill
// and a restart nothing is lost; after an error the node goes on, heals, and nothing is lost when it is killed then.
func TestInject(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	tell := &hits{m: map[string]int{}}
	t.Cleanup(func() { t.Logf("struck: %v", tell.m) })
	const workers = 4
	for worker := range workers {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			in := injecting{target: real, seed: draw + uint64(worker), count: count, tell: tell}
			var err error
			if long() {
				err = in.all(t, worker, workers)
			} else {
				err = in.some(t, 10)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// hits counts which calls were struck how.
type hits struct {
	mu sync.Mutex
	m  map[string]int
}

func (h *hits) add(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[what]++
}

// strikes are what can happen to a call.
var strikes = []struct {
	name string
	verdict
	times int // so many calls in a row
}{
	{"KILL", verdict{kill: true}, 1},
	{"torn KILL", verdict{kill: true, part: 7}, 1},
	{"EIO", verdict{errno: unix.EIO}, 1},
	{"ENOSPC", verdict{errno: unix.ENOSPC}, 1},
	{"short ENOSPC", verdict{errno: unix.ENOSPC, part: 100}, 5},
	{"EDQUOT", verdict{errno: unix.EDQUOT}, 20},
	{"EINTR", verdict{errno: unix.EINTR}, 1},
	{"short write", verdict{part: 5}, 1},
	{"EROFS", verdict{errno: unix.EROFS}, 20},
}

// struck are the calls that are struck, those most made first.
var struck = []string{
	"write", "fsync", "openat", "renameat", "unlinkat", "fdatasync", "mkdirat", "pwrite64", "ftruncate", "linkat",
	"renameat2", "fallocate", "sync_file_range",
}

// injecting is a directory whose node meets one strike after the other.
type injecting struct {
	target
	seed  uint64
	count *tally
	tell  *hits

	s setup
	b *book
	l *load
}

// some draws cases: most of them writes and fsyncs, which are most of the calls.
func (in *injecting) some(t *testing.T, cases int) error {
	rng := rand.New(rand.NewPCG(in.seed, 3))
	for done, tries := 0, 0; done < cases && tries < 3*cases; tries++ {
		name := struck[min(rng.IntN(8), rng.IntN(5))]
		hit, err := in.one(t, name, rng.IntN(len(strikes)), 1+rng.IntN(12))
		if err != nil {
			return err
		}
		if hit {
			done++
		}
	}
	return nil
}

// all strikes every call that a run makes, the first of each kind first, as one of several workers, until the time is
// over.
func (in *injecting) all(t *testing.T, worker, workers int) error {
	type kind struct {
		name   string
		strike int
	}
	var kinds []kind
	for i := range len(struck) * len(strikes) {
		if i%workers == worker {
			kinds = append(kinds, kind{struck[i/len(strikes)], i % len(strikes)})
		}
	}
	end := time.Now().Add(longTime())
	for nth := 1; len(kinds) > 0; nth++ {
		var left []kind // with calls behind the nth
		for _, k := range kinds {
			if time.Now().After(end) {
				return nil
			}
			hit, err := in.one(t, k.name, k.strike, nth)
			if err != nil {
				return err
			}
			if hit {
				left = append(left, k)
			}
		}
		kinds = left
	}
	return nil
}

// one is one case. It says whether the call was made at all.
func (in *injecting) one(t *testing.T, name string, strike, nth int) (hit bool, err error) {
	if in.b == nil || in.b.count() > 60_000 {
		in.fresh(t)
	}
	how := strikes[strike]
	fail := func(err error) error {
		return fmt.Errorf("%s instead of %s %d, %d times: %w\nfiles: %v",
			how.name, name, nth, how.times, err, files(in.s.dir))
	}
	s := in.s
	s.watch, s.rule = true, func(c call) verdict {
		if c.name == name && c.n >= nth && c.n < nth+how.times {
			return how.verdict
		}
		return verdict{}
	}
	n, err := start(t, s)
	if err != nil {
		return false, fail(err)
	}
	if hit, err = in.meet(n, how.kill); err != nil {
		return hit, fail(err)
	}
	n, r, err := (&node{t: t, setup: in.s}).restart(in.b, promise{})
	if err != nil {
		return hit, fail(err)
	}
	n.kill()
	if hit {
		in.count.add(r)
		in.tell.add(how.name + " " + name)
	}
	return hit, nil
}

// fresh begins with an empty directory.
func (in *injecting) fresh(t *testing.T) {
	in.s = setup{target: in.target, dir: tempDir(t), fsync: []string{"always", "1s"}[in.seed%2], flags: in.rowFlags()}
	in.b = newBook()
	in.l = newLoad(in.b, in.seed, time.Millisecond)
	_ = os.RemoveAll(in.s.dir) // it is not there
}

// meet loads a node until the strike, and then kills it if the strike has not.
func (in *injecting) meet(n *node, kills bool) (hit bool, err error) {
	defer n.kill()
	// A kill may come before it answers.
	if err := n.answering(); err != nil {
		if kills && n.watch.hit() > 0 {
			return true, nil
		}
		return false, err
	}
	stop := in.l.background(n.addr)
	end := time.Now().Add(400 * time.Millisecond)
	for n.watch.hit() == 0 && time.Now().Before(end) {
		n.ended(5 * time.Millisecond)
	}
	if hit = n.watch.hit() > 0; !hit {
		hit = n.watch.lift() > 0
	}
	if hit && kills {
		if !n.ended(5 * time.Second) {
			return hit, fmt.Errorf("it survives kill -9")
		}
		return hit, stop()
	}
	n.ended(50 * time.Millisecond)
	if err := stop(); err != nil {
		return hit, err
	}
	n.watch.set(nil) // what failed several times works again
	if err := n.loaded(); err != nil {
		return hit, err
	}
	return hit, n.await(n.setup.patience(), "durability:ok", func() error { return n.says("durability", "ok") })
}
