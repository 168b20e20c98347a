//go:build linux

package flock

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// TestChain: a, b and c in a row. Points go through b, also the ones of a that died, and of b's earlier lives.
func TestChain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, kind{})
	f.lose(f.between(0, 2)...)
	ends := append(f.wrote(0, 20), f.wrote(2, 20)...)
	for i := range f.nodes {
		f.await("the points of both ends", func() error { return f.hasAll(i, ends) })
	}

	f.kill(f.nodes[1])
	ends = append(f.wrote(0, 20), f.wrote(2, 20)...)
	f.start(1)
	for i := range f.nodes {
		f.await("what was written while the middle was dead", func() error { return f.hasAll(i, ends) })
	}

	f.lose(f.between(1, 2)...)
	last := f.wrote(0, 20)
	f.await("the points of the one that will die", func() error { return f.hasAll(1, last) })
	f.kill(f.nodes[0])
	f.find(f.between(1, 2)...)
	f.await("the points of the dead", func() error { return f.hasAll(2, last) })
	f.start(0)
	f.settle()
}

// TestFlapping: a link that is there for a second and away for a second, while everybody writes.
func TestFlapping(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, kind{})
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for i := range f.nodes {
		writers.Go(func() { f.trickle(i, stop) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.After(times(6*time.Second, time.Minute))
	for on, done := true, false; !done; on = !on {
		if on {
			f.lose(f.between(0, 1)...)
		} else {
			f.find(f.between(0, 1)...)
		}
		select {
		case <-tick.C:
		case <-end:
			done = true
		}
	}
	close(stop)
	writers.Wait()
	took := f.settle()
	f.t.Logf("%d points, equal %.1f s after the last", len(f.book.acked), took.Seconds())
}

// trickle writes two points every 20 ms until it is stopped.
func (f *fleet) trickle(i int, stop <-chan struct{}) {
	each(20*time.Millisecond, stop, func() { f.write(i, 2) })
}

// each calls fn again and again until it is stopped.
func each(d time.Duration, stop <-chan struct{}, fn func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			fn()
		}
	}
}

// TestHalfOpen: packets of one direction are lost, and a peer that is another one when they come through again.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, kind{})
	f.wrote(0, 10)
	f.settle()
	for _, lost := range []struct {
		name    string
		packets []string
	}{
		{"requests", []string{f.net.requests(way{0, 1}), f.net.requests(way{0, 2})}},
		{"answers", []string{f.net.answers(way{0, 1}), f.net.answers(way{0, 2})}},
	} {
		f.lose(lost.packets...)
		theirs := append(f.wrote(1, 10), f.wrote(2, 10)...)
		ours := f.wrote(0, 10)
		for _, i := range []int{1, 2} {
			f.await("what hears to go on", func() error { return f.hasAll(i, append(theirs, ours...)) })
		}
		t.Logf("%s lost: equal %.1f s after it healed", lost.name, f.settle().Seconds())
	}

	f.lose(append(f.between(0, 1), f.between(1, 2)...)...)
	ours := f.wrote(1, 10)
	f.kill(f.nodes[1])
	f.wrote(0, 10)
	f.start(1)
	f.await("the reborn node to answer", func() error { return f.hasAll(1, ours) })
	f.wrote(1, 10)
	t.Logf("reborn: equal %.1f s after it healed", f.settle().Seconds())
}

// TestThinLink: two nodes with a thousand bytes a second between them follow each other.
func TestThinLink(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, kind{})
	f.settle()
	f.must(f.net.thin(0, 1, "8kbit"))
	began := time.Now()
	for range 8 {
		waves := [][]point{f.wrote(0, 20), f.wrote(1, 20)}
		f.await("what was written on one side", func() error { return f.hasAll(1, waves[0]) })
		f.await("what was written on the other", func() error { return f.hasAll(0, waves[1]) })
	}
	f.settle()
	sent, err := f.net.sent(0)
	f.must(err)
	took := time.Since(began)
	t.Logf("320 points after %.1f s, %d bytes one way", took.Seconds(), sent)
	if most := 1600 + int(1000*took.Seconds()); sent < 2000 || sent > most+most/10 {
		t.Errorf("the link was to carry 1000 bytes a second, it took %d in %s", sent, took)
	}
}

// TestStopped: a process that stands still holds nobody up and has everything soon after it goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, kind{})
	f.settle()
	f.must(f.nodes[1].cmd.Process.Signal(syscall.SIGSTOP))
	var worst time.Duration
	end := time.Now().Add(times(4*time.Second, 3*time.Minute))
	for time.Now().Before(end) {
		began := time.Now()
		wave := f.wrote(0, 10)
		f.await("the third node to have it", func() error { return f.hasAll(2, wave) })
		worst = max(worst, time.Since(began))
	}
	f.must(f.nodes[1].cmd.Process.Signal(syscall.SIGCONT))
	t.Logf("the others needed %d ms at most; equal %.1f s after it went on", worst.Milliseconds(), f.settle().Seconds())
}

// TestTwice: a second node that calls itself like one that runs is refused by the others, and says so.
func TestTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 4, kind{})
	f.settle()
	f.kill(f.nodes[3])
	second := &process{name: "a", log: &output{}, conn: f.nodes[3].conn}
	f.runNode(second, f.net.space(3), f.net.address(3), "twice")
	f.await("the second to answer", func() error { return f.ping(3) })
	stranger := f.book.points("stranger", 10, f.now())
	if acked := f.send(3, stranger); len(acked) != len(stranger) {
		f.fail("the second a acknowledged %d points", len(acked))
	}
	f.await("the second to be refused", func() error {
		if !strings.Contains(second.log.String(), "another node of this name is running") {
			return fmt.Errorf("it says\n%s", second.log)
		}
		return nil
	})
	wave := f.wrote(0, 10)
	for _, i := range []int{1, 2} {
		f.await("the first a to be followed all the same", func() error { return f.hasAll(i, wave) })
		if n, err := f.has(i, stranger); n > 0 || err != nil {
			f.fail("%s has %d points of the second a (%v)", f.nodes[i].name, n, err)
		}
	}

	// The first one goes for good: the others take the second for it, and nothing that either took is lost.
	f.kill(second)
	f.start(3)
	f.book.mu.Lock()
	for _, p := range stranger {
		delete(f.book.acked, p) // they are in the directory of the second
	}
	f.book.mu.Unlock()
	f.settle()
}

// TestMixed: two nodes on the engine and one on Redis processes, which other programs write to as well.
func TestMixed(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "redis-server is not installed: %v", err)
	}
	f := newFleet(t, 3, kind{redis: []int{2}})
	f.wrote(0, 20)
	f.wrote(2, 20)
	f.settle()

	f.lose(append(f.between(0, 2), f.between(1, 2)...)...)
	f.wrote(0, 20)
	f.wrote(1, 20)
	f.wrote(2, 20)
	t.Logf("the one on Redis was cut off: equal after %.1f s", f.settle().Seconds())

	f.lose(f.between(0, 2)...)
	through := append(f.wrote(0, 20), f.wrote(2, 20)...)
	for i := range f.nodes {
		f.await("what goes through the middle", func() error { return f.hasAll(i, through) })
	}
	f.kill(f.nodes[1])
	f.wrote(2, 20)
	f.wrote(0, 20)
	f.start(1)
	f.bare(2, f.book.points("bare", 10, f.now()))
	t.Logf("the middle was killed: equal after %.1f s", f.settle().Seconds())
}

// bare writes points straight into the Redis processes beside a node, which knows nothing of it.
func (f *fleet) bare(i int, points []point) {
	f.t.Helper()
	topology, err := ring.Load(f.topology())
	f.must(err)
	for _, p := range points {
		port := redisPorts[topology.ShardOf([]byte(p.key))-1]
		f.must(run("ip", "netns", "exec", f.net.space(i), "redis-cli", "-p", port, "zadd", p.key, p.ts(), p.member))
		f.book.acked[p] = true
	}
}
