//go:build linux

package durable

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// TestDrain: SIGTERM under load ends with code 0 and loses nothing that was acknowledged, with fsync=never too.
func TestDrain(t *testing.T) {
	t.Parallel()
	count, draw := newTally(t), seed(t)
	const generations = 5
	for i := range times(4, 40) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := draining{target: real, seed: draw + uint64(i), count: count}
			if err := d.run(t, generations); err != nil {
				t.Error(err)
			}
		})
	}
}

// draining is a directory whose node is ended politely again and again.
type draining struct {
	target
	seed  uint64
	count *tally
}

func (d draining) run(t *testing.T, generations int) error {
	rng := rand.New(rand.NewPCG(d.seed, 4))
	l := newLoad(newBook(), d.seed, time.Millisecond)
	s := setup{target: d.target, dir: tempDir(t), fsync: "never", flags: d.rowFlags()}
	for generation := range generations {
		n, err := start(t, s)
		if err != nil {
			return err
		}
		r, err := n.check(l.book, promise{})
		if err != nil {
			return fmt.Errorf("generation %d: %w", generation, err)
		}
		if generation > 0 {
			d.count.add(r)
		}
		stop := l.background(n.addr)
		n.ended(time.Duration(20+rng.IntN(300)) * time.Millisecond)
		if err := errors.Join(n.term(20*time.Second), stop()); err != nil {
			return fmt.Errorf("generation %d: %w", generation, err)
		}
	}
	n, r, err := (&node{t: t, setup: s}).restart(l.book, promise{})
	if err != nil {
		return err
	}
	n.kill()
	d.count.add(r)
	return nil
}

// stalls: every write and fsync of the log hangs until the channel is closed.
func stalls(release <-chan struct{}) func(call) verdict {
	return func(c call) verdict {
		switch c.name {
		case "write", "pwrite64", "fsync", "fdatasync":
			return verdict{until: release}
		}
		return verdict{}
	}
}

// TestDrain_twice: a second SIGTERM ends at once, whatever the disk does.
func TestDrain_twice(t *testing.T) {
	t.Parallel()
	needRoot(t)
	l := newLoad(newBook(), seed(t), time.Millisecond)
	n, err := start(t, setup{dir: tempDir(t), watch: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.loaded(); err != nil {
		t.Fatal(err)
	}
	if err := l.during(100*time.Millisecond, n.addr); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	defer close(release)
	n.watch.set(stalls(release))
	stop := l.background(n.addr)
	defer stop()
	n.ended(100 * time.Millisecond)
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if n.ended(500 * time.Millisecond) {
		t.Fatalf("it ended with %v while the disk hung: nothing can have been fsynced", n.cmd.ProcessState)
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if !n.ended(2 * time.Second) {
		t.Fatal("the second SIGTERM does not end it at once")
	}
	if n.cmd.ProcessState.ExitCode() == 0 {
		t.Error("it ended with 0, as if all were on the disk")
	}
}

// TestStall: the disk hangs for eight seconds. Reads go on, after five seconds writes too and INFO says degraded; when
// the disk is back it heals and nothing is lost.
func TestStall(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	s := stalling{target: real, seed: draw, count: count}
	if err := s.run(t); err != nil {
		t.Error(err)
	}
}

// stalling is a node whose disk hangs.
type stalling struct {
	target
	seed  uint64
	count *tally
}

func (s stalling) run(t *testing.T) error {
	l := newLoad(newBook(), s.seed, 2*time.Millisecond)
	n, err := start(t, setup{target: s.target, dir: tempDir(t), flags: s.rowFlags(), watch: true})
	if err != nil {
		return err
	}
	if err := n.loaded(); err != nil {
		return err
	}
	if err := l.during(200*time.Millisecond, n.addr); err != nil {
		return err
	}
	release := make(chan struct{})
	open := true
	defer func() {
		if open {
			close(release)
		}
	}()
	n.watch.set(stalls(release))
	stop := l.background(n.addr)
	err = s.reading(n, l, 8*time.Second)
	if err == nil {
		err = degradedAndWriting(n, l)
	}
	n.watch.set(nil)
	open = false
	close(release)
	// A client whose own request hung in the write has its reply only now.
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	r, err := heals(n, l, func() error { return nil })
	s.count.add(r)
	return err
}

// reading reads for some time; each read is answered within a second, and in the end the node says degraded.
func (s stalling) reading(n *node, l *load, d time.Duration) error {
	c, err := plain.Dial(n.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.Patience = time.Second
	for end := time.Now().Add(d); time.Now().Before(end); n.ended(20 * time.Millisecond) {
		if _, err := c.Do("ZRANGE", periodBefore(0)+":shared.nyc:m0.user", "-5", "-1", "WITHSCORES"); err != nil {
			return fmt.Errorf("read while the disk hangs: %w", err)
		}
	}
	return n.says("durability", "degraded")
}
