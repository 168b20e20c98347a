//go:build linux

package flock

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is what one node acknowledged, and when.
type journal struct {
	mu      sync.Mutex // protects entries
	entries []entry
}

type entry struct {
	points []point
	at     time.Time // the acknowledgement was here
}

// before gives what was acknowledged before an instant, in the last two seconds before it: what is older was looked at.
func (j *journal) before(at time.Time) (points []point) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.entries {
		if e.at.Before(at) && at.Sub(e.at) < 2*time.Second {
			points = append(points, e.points...)
		}
	}
	return points
}

// keepWriting writes to a node until it is stopped.
func (f *fleet) keepWriting(i int, j *journal, stop <-chan struct{}) {
	each(10*time.Millisecond, stop, func() {
		e := entry{points: f.write(i, 2), at: time.Now()}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.entries = append(j.entries, e)
	})
}

// claim is up to when node i says that it has all of another; zero = it says nothing.
func (f *fleet) claim(i int, of string) time.Time {
	f.t.Helper()
	info, err := f.ask(i, "INFO", "replication")
	f.must(err)
	_, rest, _ := strings.Cut(info[0], "complete_"+of+":until=")
	text, _, _ := strings.Cut(rest, ",")
	at, _ := time.Parse(time.RFC3339, text)
	return at
}

// lag is how late the link of node i to another is; where that is not known it is an hour.
func (f *fleet) lag(i int, peer string) time.Duration {
	f.t.Helper()
	info, err := f.ask(i, "INFO", "peers")
	f.must(err)
	_, rest, _ := strings.Cut(info[0], "peer_"+peer+":")
	_, rest, _ = strings.Cut(rest, "lag_ms=")
	text, _, _ := strings.Cut(rest, ",")
	ms, err := strconv.Atoi(text)
	f.must(err)
	if ms < 0 {
		return time.Hour
	}
	return time.Duration(ms) * time.Millisecond
}

// holdToClaims looks at the claims of node 0 about node 1 until cond is content with one, and at what it then has.
func (f *fleet) holdToClaims(what string, j *journal, cond func(claim time.Time) bool) (claims int) {
	f.t.Helper()
	var last time.Time
	f.await(what, func() error {
		at := f.claim(0, "b")
		if at.Before(last) {
			f.fail("%s: the claim went back from %s to %s", what, last, at)
		}
		if at.After(last) {
			claims++
			f.must(f.hasAll(0, j.before(at)))
		}
		if last = at; !cond(at) {
			return fmt.Errorf("complete up to %s", at)
		}
		return nil
	})
	return claims
}

// TestComplete_throughAThird: a and b do not reach each other, both reach c. a says how far b is complete, all the
// while, and what it says is true of the points that can be read at a. Cut off from c too it claims nothing new.
func TestComplete_throughAThird(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, kind{})
	var j journal
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() { f.keepWriting(1, &j, stop) })
	end := sync.OnceFunc(func() { close(stop); writer.Wait() })
	defer end()
	f.holdToClaims("a claim while all reach all", &j, func(at time.Time) bool { return !at.IsZero() })

	f.lose(f.between(0, 1)...)
	cut := time.Now().Add(time.Second) // nothing that was on its way comes later
	claims := f.holdToClaims("claims of what came through c", &j, func(at time.Time) bool {
		return at.Sub(cut) > 5*time.Second
	})
	if claims < 4 {
		t.Errorf("%d claims in 5 s, want one or two each second", claims)
	}
	if lag := f.lag(0, "b"); lag < 4*time.Second {
		t.Errorf("the link of a to b is %s late: that is no cut, and nothing came through c", lag)
	}

	f.lose(f.between(0, 2)...)
	alone := time.Now()
	f.holdToClaims("two seconds alone", &j, func(at time.Time) bool {
		if at.After(alone.Add(time.Second)) {
			f.fail("a is cut off from all since %s, and says that b is complete up to %s", alone, at)
		}
		return time.Since(alone) > 3*time.Second
	})

	f.find(f.between(0, 2)...)
	healed := time.Now()
	f.holdToClaims("claims through c again", &j, func(at time.Time) bool { return at.After(healed) })
	end()
	f.settle()
}
