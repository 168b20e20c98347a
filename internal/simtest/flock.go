package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// Stepper follows one peer: a *syncer.Syncer, or a mutant of it.
type Stepper interface {
	// Step carries out one action; it gives the time before which there is nothing to do, zero if there is more.
	Step(ctx context.Context) (until time.Time)
}

// Link is what a Stepper is made of.
type Link struct {
	Shard  *shard.Shard
	Peer   store.Reader
	Name   string // of the peer
	Clock  func() time.Time
	Poll   time.Duration
	Jitter func() float64
}

// poll is long, so that a history of hours is few steps.
const poll = 5 * time.Second

// Flock is some nodes with one shard each.
type Flock struct {
	rng     *rand.Rand
	now     time.Time // true time
	nodes   []*node
	make    func(Link) Stepper
	lossy   float64 // how likely a call to a peer fails
	calm    bool
	written map[string]bool // every point ever written: key + " " + member
	owed    map[string]bool // those of them that must be everywhere in the end
	sent    int             // points that went over links
	serial  int
}

type node struct {
	name   string
	st     *model
	sh     *shard.Shard
	offset time.Duration // of its clock
	redis  bool          // bare writers, sweep, FLUSHALL
	links  []*link
}

type link struct {
	f        *Flock
	from, to *node
	down     bool
	stepper  Stepper
	due      time.Time
}

// New makes a flock of n nodes; every other one stands on a model of Redis.
func New(seed uint64, n int, newStepper func(Link) Stepper) *Flock {
	f := &Flock{
		rng: rand.New(rand.NewPCG(seed, 7)), now: time.UnixMilli(1795356000000).UTC(), make: newStepper,
		written: map[string]bool{}, owed: map[string]bool{},
	}
	for i := range n {
		nd := &node{name: fmt.Sprintf("n%d", i), redis: i%2 == 1}
		nd.st = newModel(i, series.Day, f.clock(nd))
		nd.st.redis = nd.redis
		f.nodes = append(f.nodes, nd)
		f.boot(nd)
	}
	for _, a := range f.nodes {
		for _, b := range f.nodes {
			if a != b {
				a.links = append(a.links, &link{f: f, from: a, to: b})
			}
		}
		f.follow(a)
	}
	return f
}

func (f *Flock) clock(n *node) func() time.Time {
	return func() time.Time { return f.now.Add(n.offset) }
}

// boot gives a node a shard over its store.
func (f *Flock) boot(n *node) {
	sh, err := shard.New(context.Background(), shard.Config{
		Origin: replog.Origin{Node: n.name, Shard: 1}, Layout: series.Day, Store: n.st,
		Clock: f.clock(n),
	})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	n.sh = sh
}

// follow starts what follows the peers of a node afresh.
func (f *Flock) follow(n *node) {
	for _, l := range n.links {
		l.stepper = f.make(Link{
			Shard: n.sh, Peer: wire{l}, Name: l.to.name, Clock: f.clock(n), Poll: poll,
			Jitter: f.rng.Float64,
		})
		l.due = f.now
	}
}

// Run lets a history happen: for so long, with an event every few seconds.
func (f *Flock) Run(length time.Duration) {
	for end := f.now.Add(length); f.now.Before(end); {
		f.event()
		f.advance(time.Duration(f.rng.IntN(10_000)) * time.Millisecond)
	}
}

// advance lets time pass and every link do what is due.
func (f *Flock) advance(d time.Duration) {
	end := f.now.Add(d)
	for {
		var next *link
		for _, n := range f.nodes {
			for _, l := range n.links {
				if next == nil || l.due.Before(next.due) {
					next = l
				}
			}
		}
		if next.due.After(end) {
			f.now = end
			return
		}
		if next.due.After(f.now) {
			f.now = next.due
		}
		f.step(next)
	}
}

// step carries out one action of a link; in between something else may happen.
func (f *Flock) step(l *link) {
	until := l.stepper.Step(context.Background())
	l.due = f.now.Add(time.Duration(f.rng.IntN(50)) * time.Millisecond)
	if !until.IsZero() {
		l.due = f.now.Add(min(max(until.Sub(f.clock(l.from)()), 0), poll))
	}
}

// event is one thing that happens to the flock.
func (f *Flock) event() {
	n := f.nodes[f.rng.IntN(len(f.nodes))]
	switch r := f.rng.IntN(1000); {
	case r < 700:
		f.write(n, f.redisWriter(n))
	case r < 770:
		l := n.links[f.rng.IntN(len(n.links))]
		l.down = !l.down
	case r < 800:
		f.lossy = []float64{0, 0.05, 0.4}[f.rng.IntN(3)]
	case r < 830:
		n.st.loseNext = true
	case r < 845 && n.redis:
		f.sweep(n)
	case r < 852:
		f.lose(n, true)
	case r < 864 && n.redis:
		f.lose(n, false)
	case r < 880:
		n.offset = time.Duration(f.rng.IntN(600)-300) * time.Second
	case r < 884:
		f.drop(n)
	default:
		for range f.rng.IntN(5) {
			f.write(n, false)
		}
	}
}

func (f *Flock) redisWriter(n *node) bool { return n.redis && f.rng.IntN(2) == 0 }

// write is a client's write to a node, acknowledged if the floor allows it.
func (f *Flock) write(n *node, bare bool) {
	ts := f.now.Add(-time.Duration(f.rng.IntN(4000)) * time.Millisecond)
	switch f.rng.IntN(12) {
	case 0:
		ts = f.now.Add(-time.Duration(f.rng.IntN(120)) * time.Second)
	case 1, 2:
		ts = f.now.Add(-time.Duration(f.rng.IntN(20*3600)) * time.Second)
	}
	f.put(n, bare, ts)
}

// put writes a point of an instant.
func (f *Flock) put(n *node, bare bool, ts time.Time) {
	f.serial++
	member := fmt.Sprintf("%d:%d", ts.Unix(), f.serial%7)
	key := fmt.Sprintf("%s:h%d:m", ts.Format("2006-01-02"), f.rng.IntN(4))
	k := storetest.Key(key)
	p, err := series.ParseMember([]byte(member))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if k.Period < n.sh.Floor() {
		return
	}
	if bare {
		n.st.bare(k, p)
	} else if _, err := n.sh.Add(context.Background(), []store.Group{{Key: k, Points: []series.Point{p}}}); err != nil {
		return // not acknowledged; the model has done nothing
	}
	f.written[key+" "+member] = true
	f.owed[key+" "+member] = true
}

func (f *Flock) sweep(n *node) {
	if err := n.st.sweep(n.sh.Floor()); err != nil {
		panic("BUG: " + err.Error())
	}
}

// lose takes a node's memory. What nobody else holds is owed no longer. With its node beside it, what follows the
// peers starts afresh; otherwise it was a FLUSHALL, and nobody tells it.
func (f *Flock) lose(n *node, whole bool) {
	floor := n.sh.Floor()
	f.excuse(n)
	n.st.lose()
	if whole {
		f.boot(n)
		f.follow(n)
	}
	if _, err := n.sh.Drop(context.Background(), floor); err != nil {
		panic("BUG: " + err.Error())
	}
}

// drop is an operator's drop on one node. What was only there is owed no longer.
func (f *Flock) drop(n *node) {
	floor := series.Day.PeriodOf(f.now.UnixMilli())
	if _, err := n.sh.Drop(context.Background(), floor); err != nil {
		panic("BUG: " + err.Error())
	}
	for key := range n.st.raw {
		if storetest.Key(key).Period < floor {
			delete(n.st.raw, key)
		}
	}
	f.excuse(nil)
}

// excuse takes what no node but the one that is named holds off what is owed.
func (f *Flock) excuse(but *node) {
	held := map[string]bool{}
	for _, o := range f.nodes {
		if o != but {
			o.points(held)
		}
	}
	for point := range f.owed {
		if !held[point] {
			delete(f.owed, point)
		}
	}
}

// points enters all points of a node into a set.
func (n *node) points(set map[string]bool) {
	for _, key := range n.st.keys() {
		for _, p := range n.st.all(storetest.Key(key)) {
			set[key+" "+string(series.AppendMember(nil, p))] = true
		}
	}
}
