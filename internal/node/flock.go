package node

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

const (
	// pollTimeout bounds one look at a peer.
	pollTimeout = time.Second
	// infoEvery is after how many looks a peer is asked for more than its clock: its INFO would be most of what goes
	// over a link where nothing happens.
	infoEvery = 3
)

// peerView is what a peer said last.
type peerView struct {
	node *ring.Node
	conn *door.Conn

	up    bool
	err   string            // why it is not up
	info  map[string]string // fields of INFO; what it said last while it is away
	skew  time.Duration     // its clock less ours
	rate  float64           // points written per second
	asked time.Time
	looks int
}

// flock is this node's view of all the others.
type flock struct {
	clock func() time.Time

	mu    sync.Mutex // protects the views' fields below conn
	peers []*peerView
}

func newFlock(t *ring.Topology, self *ring.Node, clock func() time.Time) (*flock, error) {
	f := &flock{clock: clock}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Name == self.Name {
			continue
		}
		c, err := door.New(door.Config{URL: n.URL, Login: n.Login})
		if err != nil {
			return nil, err
		}
		f.peers = append(f.peers, &peerView{node: n, conn: c})
	}
	return f, nil
}

// runPoll asks all peers at once.
func (f *flock) runPoll(ctx context.Context) {
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

func (f *flock) ask(ctx context.Context, p *peerView) {
	cmds := [][]string{{"TIME"}}
	if p.looks++; p.info == nil || p.looks%infoEvery == 0 {
		cmds = append(cmds, []string{"INFO", "dunlin", "peers"})
	}
	replies, _, err := p.conn.Do(ctx, cmds)
	now := f.clock()
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		p.up, p.err, p.rate = false, err.Error(), 0
		return
	}
	clock, err := replies[0].AsStrSlice()
	var text string
	if len(replies) > 1 {
		var infoErr error
		text, infoErr = replies[1].ToString()
		err = errors.Join(err, infoErr)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || len(clock) != 2 {
		p.up, p.err, p.rate = false, fmt.Sprintf("it answers TIME and INFO with: %v", err), 0
		return
	}
	p.up, p.err = true, ""
	sec, _ := strconv.ParseInt(clock[0], 10, 64)
	micro, _ := strconv.ParseInt(clock[1], 10, 64)
	p.skew = time.Unix(sec, micro*1000).Sub(now)
	if text != "" {
		p.tell(parseInfo(text), now)
	}
}

// tell takes over what the peer says of itself.
func (p *peerView) tell(info map[string]string, now time.Time) {
	if elapsed := now.Sub(p.asked).Seconds(); p.info != nil && elapsed > 0 {
		p.rate = max(0, float64(number(info["dunlin_written"])-number(p.info["dunlin_written"]))/elapsed)
	}
	p.info, p.asked = info, now
}

// snapshot copies the views, by name.
func (f *flock) snapshot() map[string]peerView {
	f.mu.Lock()
	defer f.mu.Unlock()
	views := make(map[string]peerView, len(f.peers))
	for _, p := range f.peers {
		views[p.node.Name] = *p
	}
	return views
}

// skew is the median of the reachable peers' clocks less ours, nil when no peer is reachable.
func (f *flock) skew() *time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var skews []time.Duration
	for _, p := range f.peers {
		if p.up {
			skews = append(skews, p.skew)
		}
	}
	if len(skews) == 0 {
		return nil
	}
	slices.Sort(skews)
	return &skews[(len(skews)-1)/2]
}

func (f *flock) close() {
	for _, p := range f.peers {
		p.conn.Close()
	}
}

// parseInfo reads the text of INFO.
func parseInfo(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			fields[k] = v
		}
	}
	return fields
}

// parsePairs reads a=1,b=2.
func parsePairs(text string) map[string]string {
	pairs := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			pairs[k] = v
		}
	}
	return pairs
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
