//go:build linux

package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
)

// The load: 50,000 points a second, of 50,000 series with a point a second each.
const (
	perTick = 500 // points, of as many series
	metrics = 10  // of a host
	tick    = 10 * time.Millisecond

	mostWaiting = 150_000 // three seconds' worth
)

// The numbers of the long tier come from the environment.
const (
	longEnv   = "DUNLIN_CLIENT_LONG" // stops of a minute, and Write held to its deadline
	countsEnv = "DUNLIN_COUNTS"      // a file; the test adds a line with its number of rounds
)

const deadline = 400 * time.Millisecond // of Write

// load writes the points and knows what the client accepted.
type load struct {
	c    *dunlin.Client
	noon time.Time

	long bool

	added   int // ticks that Add took
	late    int // ticks that were put off
	written map[int64]bool
	took    []time.Duration // by Write
}

// fill makes the points of the i-th tick.
func (l *load) fill(points []dunlin.Point, i int) {
	for j := range points {
		series := i%100*perTick + j
		points[j] = dunlin.Point{
			Host: "host" + strconv.Itoa(series/metrics), Metric: "metric." + strconv.Itoa(series%metrics),
			Time: l.noon.Add(time.Duration(i/100) * time.Second), Value: strconv.Itoa(i % 1000),
		}
	}
}

// add gives Add a point of every series each tick, until ctx ends.
func (l *load) add(ctx context.Context, t *testing.T) {
	points := make([]dunlin.Point, perTick)
	next := time.Now()
	for ctx.Err() == nil {
		l.fill(points, l.added)
		if err := l.c.Add(context.Background(), points...); err != nil {
			t.Errorf("Add: %v", err)
			return
		}
		l.added++
		next = next.Add(tick)
		if s := l.c.Stats(); int64(s.Waiting)+s.Spooled > mostWaiting && !l.long {
			l.late++ // this machine is too busy for the load: no use to pile it up
			next = time.Now().Add(10 * tick)
		}
		time.Sleep(time.Until(next))
	}
}

// write calls Write one point at a time, until ctx ends.
func (l *load) write(ctx context.Context, t *testing.T) {
	for i := 0; ctx.Err() == nil; i++ {
		p := dunlin.Point{Host: "writer", Metric: "m", Time: l.noon.Add(time.Duration(i) * time.Millisecond), Value: "1"}
		began := time.Now()
		results, err := l.c.Write(context.Background(), []dunlin.Point{p})
		l.took = append(l.took, time.Since(began))
		switch {
		case err == nil:
			l.written[p.Time.UnixMilli()] = true
		case !errors.Is(err, dunlin.ErrUnavailable) || results[0].Status != dunlin.Unavailable:
			t.Errorf("Write: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestKill: three nodes under 50,000 points/s; each in turn is killed and started again while the two others are
// stopped. Every point that the client accepted is on every node in the end.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds, stop := 10, 3*time.Second
	long := os.Getenv(longEnv) != ""
	if long {
		rounds, stop = 3, time.Minute
	}
	flock, file := startFlock(t, "a", "b", "c")
	c, err := dunlin.Open(t.Context(), dunlin.Config{
		File: file, Node: "a", Timeout: 100 * time.Millisecond, Deadline: deadline, Spool: t.TempDir(),
		Limits: dunlin.Limits{MaxPause: 500 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await(t, c)
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour) // one period, and none that is dropped soon
	l := &load{c: c, long: long, noon: noon, written: map[int64]bool{}}
	ctx, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { l.add(ctx, t) })
	wg.Go(func() { l.write(ctx, t) })
	names := []string{"a", "b", "c"}
	for i := range rounds {
		victim := names[i%3]
		for _, name := range names {
			if name != victim {
				flock[name].signal(syscall.SIGSTOP)
			}
		}
		time.Sleep(stop / 3)
		flock[victim].kill()
		time.Sleep(stop / 10) // nobody is there at all
		flock[victim].start()
		time.Sleep(stop - stop/3 - stop/10)
		for _, name := range names {
			if name != victim {
				flock[name].signal(syscall.SIGCONT)
			}
		}
	}
	end()
	wg.Wait()
	flush, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	if err := c.Flush(flush); err != nil {
		t.Fatalf("%v; %+v", err, c.Stats())
	}
	l.compare(t, file)
	l.report(t, rounds)
}

// compare waits until every node has every point, and equal bytes.
func (l *load) compare(t *testing.T, file string) {
	t.Helper()
	c, err := dunlin.Open(t.Context(), dunlin.Config{File: file, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for end := time.Now().Add(15 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		lacks := l.missing(t, c)
		if lacks == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s; %+v", lacks, l.c.Stats())
		}
	}
}

// missing says what a node lacks, "" when all have everything. The points of Add must be there to the last and no more:
// what nobody accepted, nobody sent. Of Write's, more may be there: what was unavailable may have been stored all the
// same.
func (l *load) missing(t *testing.T, c *dunlin.Client) string {
	t.Helper()
	day, key := l.noon.Format(time.DateOnly), l.noon.Format("2006-01-02:writer:m")
	sums := map[string]bool{}
	for _, n := range c.Topology().Nodes {
		replies, err := c.Ask(t.Context(), n.Name, 0, []string{"DN.DIGEST", day}, []string{"ZRANGE", key, "0", "-1"})
		if err = errors.Join(err, replies[0].Err, replies[1].Err); err != nil {
			return err.Error()
		}
		digest, writes := replies[0].Value.([]any), replies[1].Value.([]any)
		got, want := digest[1].(int64)-int64(len(writes)), int64(l.added)*perTick
		if got > want {
			t.Fatalf("%s has %d points of Add, of %d that it took", n.Name, got, want)
		}
		if got < want {
			return fmt.Sprintf("%s has %d points of Add, want %d", n.Name, got, want)
		}
		has := map[string]bool{}
		for _, m := range writes {
			has[m.(string)] = true
		}
		for ms := range l.written {
			if text := strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) + ":1"; !has[text] {
				return n.Name + " lacks the written point " + text
			}
		}
		sums[digest[2].(string)] = true
	}
	if len(sums) != 1 {
		return "the nodes' digests differ"
	}
	return ""
}

func (l *load) report(t *testing.T, rounds int) {
	slices.Sort(l.took)
	p99, worst := l.took[len(l.took)*99/100], l.took[len(l.took)-1]
	s := l.c.Stats()
	t.Logf("%d rounds: %d points of Add, %d of %d of Write, all on three nodes; %d times another node took them; "+
		"the load was put off %d times; Write p99 %s, at most %s",
		rounds, s.Added, len(l.written), len(l.took), s.FailedOver, l.late, p99, worst)
	if len(s.Dropped) != 0 || s.Added != int64(l.added)*perTick {
		t.Errorf("%+v", s)
	}
	// A machine that is busy with other things is late with everything: only the long tier judges that.
	if l.long && p99 > deadline*11/10 {
		t.Errorf("p99 of Write is %s with a deadline of %s", p99, deadline)
	}
	if path := os.Getenv(countsEnv); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintln(f, rounds)
	}
}
