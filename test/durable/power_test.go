//go:build linux

package durable

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestPower: a real power loss costs what the fsync policy says, at most. always: nothing; 1s: what was acknowledged in
// the second before; a node that SIGTERM ended: nothing, also with never.
func TestPower(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	for i := range times(6, 12) {
		fsync := []string{"always", "1s", "never"}[i%3]
		t.Run(fmt.Sprintf("%s %d", fsync, i), func(t *testing.T) {
			t.Parallel()
			p := powerLoss{target: real, fsync: fsync, seed: draw + uint64(i), count: count}
			if err := p.run(t, times(5, 40)); err != nil {
				t.Error(err)
			}
		})
	}
}

// powerLoss is a disk whose power fails again and again.
type powerLoss struct {
	target
	fsync string
	seed  uint64
	count *tally
}

func (p powerLoss) run(t *testing.T, generations int) error {
	d, err := newExt4(t, 96)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(p.seed, 2))
	s := setup{target: p.target, dir: d.dir(), fsync: p.fsync, flags: p.rowFlags()}
	b := newBook()
	l := newLoad(b, p.seed, 2*time.Millisecond)
	n, err := start(t, s)
	if err != nil {
		return err
	}
	for generation := range generations {
		fail := func(err error) error { return fmt.Errorf("generation %d: %w", generation, err) }
		excuse, err := p.loadAndCut(n, l, d, rng)
		if err != nil {
			return fail(err)
		}
		if err := d.powerUp(); err != nil {
			return fail(err)
		}
		var r result
		n, r, err = n.restart(b, excuse)
		if err != nil {
			return fail(err)
		}
		p.count.add(r)
		if rng.IntN(4) == 0 && p.fsync != "never" {
			// A directory that grows for ever fills the disk; a new one also tests the first moments.
			n.kill()
			if err := os.RemoveAll(s.dir); err != nil {
				return fail(err)
			}
			b = newBook()
			l = newLoad(b, p.seed+uint64(generation), 2*time.Millisecond)
			if n, err = start(t, s); err != nil {
				return fail(err)
			}
		}
	}
	n.kill()
	return nil
}

// loadAndCut writes, cuts the power and says what the promise excuses.
func (p powerLoss) loadAndCut(n *node, l *load, d *disk, rng *rand.Rand) (promise, error) {
	if err := n.answering(); err != nil {
		return promise{}, err
	}
	stop := l.background(n.addr)
	wait := 100 + rng.IntN(500)
	if p.fsync == "1s" {
		wait += 1100 // or everything would be excused
	}
	n.ended(time.Duration(wait) * time.Millisecond)
	if p.fsync == "never" {
		// What SIGTERM acknowledged by ending is on the disk.
		if err := n.term(20 * time.Second); err != nil {
			return promise{}, err
		}
		if err := stop(); err != nil {
			return promise{}, err
		}
		return promise{}, d.cut()
	}
	bound, err := p.bound(n)
	if err != nil {
		return promise{}, err
	}
	// Replies that were read before this moment left before it; those after it came from a node without a disk.
	now := time.Now()
	if err := d.cut(); err != nil {
		return promise{}, err
	}
	n.kill()
	return promise{until: now.Add(-bound)}, stop()
}

// bound is how long before the loss a point may have been acknowledged and be lost. With always nothing is excused but
// what was acknowledged after the loss.
func (p powerLoss) bound(n *node) (time.Duration, error) {
	if p.fsync == "always" {
		return 0, nil
	}
	return time.Second, nil
}
