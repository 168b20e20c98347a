package neighbours

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/door"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// pollTimeout bounds one look at a peer.
const pollTimeout = time.Second

// View is what another node said last.
type View struct {
	Up   bool
	Err  string            // why it is not up
	Info map[string]string // fields of INFO; what it said last while it is away
	Rate float64           // points written per second

	node  *ring.Node
	conn  *door.Conn
	skew  time.Duration // its clock less ours
	asked time.Time
}

// All is this node's view of all the others.
type All struct {
	clock func() time.Time

	mu    sync.Mutex // protects the views
	peers []*View
}

// New makes the view of all nodes but self. Nobody is asked before RunPoll.
func New(t *ring.Topology, self *ring.Node, clock func() time.Time) (*All, error) {
	f := &All{clock: clock}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Name == self.Name {
			continue
		}
		c, err := door.New(door.Config{URL: n.URL, Password: t.PasswordOf(n)})
		if err != nil {
			return nil, err
		}
		f.peers = append(f.peers, &View{node: n, conn: c})
	}
	return f, nil
}

// RunPoll asks all peers at once.
func (f *All) RunPoll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var g errgroup.Group
	for _, p := range f.peers {
		g.Go(func() error {
			f.ask(ctx, p)
			return nil
		})
	}
	_ = g.Wait() // ask reports through the view
}

func (f *All) ask(ctx context.Context, p *View) {
	replies, _, err := p.conn.Do(ctx, [][]string{{"TIME"}, {"INFO"}})
	now := f.clock()
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		p.Up, p.Err, p.Rate = false, err.Error(), 0
		return
	}
	clock, timeErr := replies[0].AsStrSlice()
	text, infoErr := replies[1].ToString()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(timeErr, infoErr); err != nil || len(clock) != 2 {
		p.Up, p.Err, p.Rate = false, fmt.Sprintf("it answers TIME and INFO with: %v", err), 0
		return
	}
	p.Up, p.Err = true, ""
	sec, _ := strconv.ParseInt(clock[0], 10, 64)
	micro, _ := strconv.ParseInt(clock[1], 10, 64)
	p.skew = time.Unix(sec, micro*1000).Sub(now)
	info := ParseInfo(text)
	if elapsed := now.Sub(p.asked).Seconds(); p.Info != nil && elapsed > 0 {
		p.Rate = max(0, float64(Number(info["dunlin_written"])-Number(p.Info["dunlin_written"]))/elapsed)
	}
	p.Info, p.asked = info, now
}

// Snapshot copies the views, by name.
func (f *All) Snapshot() map[string]View {
	f.mu.Lock()
	defer f.mu.Unlock()
	views := make(map[string]View, len(f.peers))
	for _, p := range f.peers {
		views[p.node.Name] = *p
	}
	return views
}

// Skew is the median of the reachable peers' clocks less ours, nil when no peer is reachable.
func (f *All) Skew() *time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var skews []time.Duration
	for _, p := range f.peers {
		if p.Up {
			skews = append(skews, p.skew)
		}
	}
	if len(skews) == 0 {
		return nil
	}
	slices.Sort(skews)
	return &skews[(len(skews)-1)/2]
}

// Len is how many other nodes there are.
func (f *All) Len() int { return len(f.peers) }

// Close ends all connections.
func (f *All) Close() {
	for _, p := range f.peers {
		p.conn.Close()
	}
}

// ParseInfo reads the text of INFO.
func ParseInfo(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			fields[k] = v
		}
	}
	return fields
}

// ParsePairs reads a=1,b=2.
func ParsePairs(text string) map[string]string {
	pairs := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			pairs[k] = v
		}
	}
	return pairs
}

// Number reads a number, 0 where there is none.
func Number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
