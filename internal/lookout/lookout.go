package lookout

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
	"github.com/dunlin-db/dunlin/internal/infotext"
	"github.com/dunlin-db/dunlin/internal/ring"
)

const (
	// pollTimeout bounds one look at a peer.
	pollTimeout = time.Second
	// infoEvery is after how many looks a peer is asked for more than its clock: its INFO would be most of what goes
	// over a link where nothing happens.
	infoEvery = 3
)

// View is what a peer said last.
type View struct {
	Up   bool
	Err  string          // why it is not up
	Info infotext.Fields // fields of INFO; what it said last while it is away
	Rate float64         // points written per second

	skew  time.Duration // its clock less ours
	asked time.Time
}

// peer is one that is looked at.
type peer struct {
	name  string
	conn  *door.Conn
	looks int
	View
}

// Lookout looks at the other nodes. It is safe for concurrent use.
type Lookout struct {
	clock func() time.Time

	mu    sync.Mutex // protects the peers' Views
	peers []*peer
}

// New makes a Lookout of a node. It connects to nobody yet.
func New(t *ring.Topology, self *ring.Node, clock func() time.Time) (*Lookout, error) {
	o := &Lookout{clock: clock}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Name == self.Name {
			continue
		}
		c, err := door.New(door.Config{URL: n.URL, Login: n.Login})
		if err != nil {
			return nil, err
		}
		o.peers = append(o.peers, &peer{name: n.Name, conn: c})
	}
	return o, nil
}

// Peers is how many it looks at.
func (o *Lookout) Peers() int { return len(o.peers) }

// RunOnce asks all peers at once.
func (o *Lookout) RunOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var g errgroup.Group
	for _, p := range o.peers {
		g.Go(func() error {
			o.ask(ctx, p)
			return nil
		})
	}
	_ = g.Wait() // ask reports through the view
}

func (o *Lookout) ask(ctx context.Context, p *peer) {
	cmds := [][]string{{"TIME"}}
	if p.looks++; p.Info == nil || p.looks%infoEvery == 0 {
		cmds = append(cmds, []string{"INFO", "dunlin", "peers"})
	}
	replies, _, err := p.conn.Do(ctx, cmds)
	now := o.clock()
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		p.Up, p.Err, p.Rate = false, err.Error(), 0
		return
	}
	clock, err := replies[0].AsStrSlice()
	var text string
	if len(replies) > 1 {
		var infoErr error
		text, infoErr = replies[1].ToString()
		err = errors.Join(err, infoErr)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil || len(clock) != 2 {
		p.Up, p.Err, p.Rate = false, fmt.Sprintf("it answers TIME and INFO with: %v", err), 0
		return
	}
	p.Up, p.Err = true, ""
	sec, _ := strconv.ParseInt(clock[0], 10, 64)
	micro, _ := strconv.ParseInt(clock[1], 10, 64)
	p.skew = time.Unix(sec, micro*1000).Sub(now)
	if text != "" {
		p.tell(infotext.Parse(text), now)
	}
}

// tell takes over what the peer says of itself.
func (p *peer) tell(info infotext.Fields, now time.Time) {
	if elapsed := now.Sub(p.asked).Seconds(); p.Info != nil && elapsed > 0 {
		p.Rate = max(0, float64(info.Number("dunlin_written")-p.Number("dunlin_written"))/elapsed)
	}
	p.Info, p.asked = info, now
}

// Views copies what is known, by name.
func (o *Lookout) Views() map[string]View {
	o.mu.Lock()
	defer o.mu.Unlock()
	views := make(map[string]View, len(o.peers))
	for _, p := range o.peers {
		views[p.name] = p.View
	}
	return views
}

// Skew is the median of the reachable peers' clocks less ours, nil when no peer is reachable.
func (o *Lookout) Skew() *time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	var skews []time.Duration
	for _, p := range o.peers {
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

// Close ends its connections.
func (o *Lookout) Close() {
	for _, p := range o.peers {
		p.conn.Close()
	}
}

// Number gives a field of INFO that is a number, 0 when it is not there.
func (v *View) Number(field string) int64 { return v.Info.Number(field) }

// CutOff stands for a lag that can not be told: the other does not answer.
const CutOff = -1

// Lags gives how far the peer says it is behind each of its own peers, ms.
func (v *View) Lags() map[string]int64 {
	lags := map[string]int64{}
	for k, text := range v.Info {
		if peer, ok := strings.CutPrefix(k, "peer_"); ok {
			pairs := infotext.Pairs(text)
			lags[peer] = pairs.Number("lag_ms")
			if pairs["up"] == "false" {
				lags[peer] = CutOff
			}
		}
	}
	return lags
}

// Peers gives all numbers that the peer says of each of its own peers.
func (v *View) Peers() map[string]map[string]int64 {
	all := map[string]map[string]int64{}
	for k, text := range v.Info {
		if peer, ok := strings.CutPrefix(k, "peer_"); ok {
			all[peer] = map[string]int64{}
			for field, value := range infotext.Pairs(text) {
				all[peer][field] = infotext.Number(value)
			}
		}
	}
	return all
}
