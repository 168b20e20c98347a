package simtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/series"
)

// simLayout has a period for each hour, so that a history of hours drops some.
const simLayout = series.Hour

// simStart is when histories begin.
var simStart = time.UnixMilli(1795356000000).UTC()

// keepPeriods is how many periods besides the current one retention keeps.
const keepPeriods = 3

// LogConfig is what a LogFlock is made of.
type LogConfig struct {
	Seed   uint64
	Nodes  int
	Shards int                // of each node; 0 = 1
	Redis  int                // the last so many nodes stand on a model of Redis, and are followed by their journals
	Follow func(Link) Stepper // makes what follows a journal
}

// LogFlock is nodes that speak the log protocol with each other: the real engine, shard and peering, over a disk that
// is modelled; and nodes on a model of Redis among them.
type LogFlock struct {
	cfg     LogConfig
	source  *rand.PCG // of rng; each event has a seed of its own, so that it does the same when others are left out
	rng     *rand.Rand
	now     time.Time // true time
	nodes   []*logNode
	cut     map[way]bool
	slow    map[way]bool
	rings   []ringFrom
	calm    bool
	serial  int
	written map[string]bool // every point that was ever acknowledged
	owed    map[string]bool // those of them that must be everywhere in the end
	wrong   error           // a proof that was wrong
	ever    *edict.Set      // all that was ever forgotten
	Count   Counts
}

// way is what leads from one node to another.
type way struct{ from, to *logNode }

// Counts is what a history came to.
type Counts struct {
	Written, Sent, Useful, Exchanges, Abandoned, Crashes, Answers int
	Orders, Repairs, Chunks                                       int
	Shown                                                         int   // entries that came before their turn
	Proofs, Equal                                                 int   // looks at two replicas, hours that were equal
	TailMost, AnswerMost                                          int64 // bytes
}

// NewLogFlock makes a flock.
func NewLogFlock(cfg LogConfig) *LogFlock {
	cfg.Shards = max(cfg.Shards, 1)
	f := &LogFlock{
		cfg: cfg, source: rand.NewPCG(cfg.Seed, 0), now: simStart, cut: map[way]bool{}, slow: map[way]bool{},
		written: map[string]bool{}, owed: map[string]bool{}, rings: []ringFrom{{}},
	}
	f.rng = rand.New(f.source)
	for i := range cfg.Nodes {
		n := &logNode{name: fmt.Sprintf("n%d", i), rings: 1}
		for id := 1; id <= cfg.Shards; id++ {
			s := &logShard{id: id}
			if i >= cfg.Nodes-cfg.Redis {
				s.model = newModel(i*10+id, simLayout, f.clock(n))
				s.model.redis = true
			}
			n.shards = append(n.shards, s)
		}
		f.nodes = append(f.nodes, n)
	}
	for _, a := range f.nodes {
		for _, b := range f.nodes {
			switch {
			case a == b:
			case a.redis() || b.redis():
				for _, s := range a.shards {
					a.journals = append(a.journals, &journalLink{f: f, way: way{a, b}, shard: s})
				}
			default:
				a.links = append(a.links, &logLink{way: way{a, b}})
			}
		}
		f.boot(a)
	}
	return f
}

func (f *LogFlock) clock(n *logNode) func() time.Time {
	return func() time.Time { return f.now.Add(n.offset) }
}

// reachable says whether the far end of a way answers.
func (f *LogFlock) reachable(w way) bool { return !f.cut[w] && !w.to.down && !w.from.down }

// Run lets a history happen: those events of it. It gives what each came to, in words.
func (f *LogFlock) Run(events []int) (told []string) {
	for _, i := range events {
		f.source.Seed(f.cfg.Seed, uint64(i)+1)
		told = append(told, f.event())
		f.now = f.now.Add(time.Duration(f.rng.IntN(40_000)) * time.Millisecond)
		f.measure()
	}
	return told
}

// measure looks at what must stay small.
func (f *LogFlock) measure() {
	for _, m := range f.nodes {
		for _, s := range m.shards {
			if m.down || s.model != nil {
				continue
			}
			tx := s.sh.Begin()
			f.Count.TailMost = max(f.Count.TailMost, tx.Tail().Size())
			tx.End()
		}
	}
}

// happening is something that may happen to a flock, and how often it does.
type happening struct {
	name string
	of   int // of a thousand
	do   func(f *LogFlock, n *logNode)
}

var happenings = []happening{
	{"write to", 300, (*LogFlock).write},
	{"order to", 11, (*LogFlock).order},
	{"step of", 504, (*LogFlock).stepOne},
	{"fsync of", 40, func(_ *LogFlock, n *logNode) { n.disk.durable = len(n.disk.recs) }},
	{"link cut or healed at", 15, func(f *LogFlock, n *logNode) { w := f.wayFrom(n); f.cut[w] = !f.cut[w] }},
	{"all links healed, seen from", 10, func(f *LogFlock, _ *logNode) { clear(f.cut) }},
	{"link slow or quick at", 5, func(f *LogFlock, n *logNode) { w := f.wayFrom(n); f.slow[w] = !f.slow[w] }},
	{"connection lost by", 20, (*LogFlock).loseConnection},
	{"crash of", 20, func(f *LogFlock, n *logNode) { f.crash(n, false) }},
	{"crash and lost disk of", 5, func(f *LogFlock, n *logNode) { f.crash(n, true) }},
	{"damage at", 4, (*LogFlock).damage},
	{"another disk for", 4, (*LogFlock).clone},
	{"new ring, seen from", 3, (*LogFlock).newRing},
	{"ring learned by", 6, func(f *LogFlock, n *logNode) { n.rings = len(f.rings) }},
	{"start of", 35, (*LogFlock).start},
	{"clock step of", 5, func(f *LogFlock, n *logNode) {
		n.offset = time.Duration(f.rng.IntN(2*240)-240) * time.Hour
	}},
	{"clock set right at", 5, func(_ *LogFlock, n *logNode) { n.offset = 0 }},
	{"retention at", 8, func(f *LogFlock, n *logNode) {
		f.retain(n, simLayout.PeriodOf(f.now.UnixMilli())-keepPeriods)
	}},
}

// event is one thing that happens to the flock.
func (f *LogFlock) event() string {
	n := f.nodes[f.rng.IntN(len(f.nodes))]
	r := f.rng.IntN(1000)
	for _, h := range happenings {
		if r -= h.of; r < 0 {
			h.do(f, n)
			return h.name + " " + n.name
		}
	}
	panic("BUG: simtest: what happens does not add up to a thousand")
}

// wayFrom picks a way that begins at a node.
func (f *LogFlock) wayFrom(n *logNode) way {
	for {
		if m := f.nodes[f.rng.IntN(len(f.nodes))]; m != n {
			return way{n, m}
		}
	}
}

// stepOne lets one link of a node do something; slow ones do it seldom.
func (f *LogFlock) stepOne(n *logNode) {
	if i := f.rng.IntN(len(n.links) + len(n.journals)); i < len(n.links) {
		if l := n.links[i]; !f.slow[l.way] || f.rng.IntN(6) == 0 {
			f.step(l)
		}
	} else if l := n.journals[i-len(n.links)]; !f.slow[l.way] || f.rng.IntN(6) == 0 {
		l.step()
	}
}

func (f *LogFlock) loseConnection(n *logNode) {
	if len(n.links) > 0 {
		f.disconnect(n.links[f.rng.IntN(len(n.links))])
	}
	for _, s := range n.shards {
		if s.model != nil {
			s.model.loseNext = true
		}
	}
}

// start starts a node that is down. Beside a Redis that may also be the moment of a sweep.
func (f *LogFlock) start(n *logNode) {
	if n.down {
		f.boot(n)
	} else {
		n.sweep()
	}
}

// retain raises a node's floor. Of what is below it nothing is owed any more.
func (f *LogFlock) retain(n *logNode, floor series.Period) {
	if n.down {
		return
	}
	n.drop(floor)
	f.excuse(nil)
}

// excuse takes what no node but the one that is named holds off what is owed.
func (f *LogFlock) excuse(but *logNode) {
	held := map[string]bool{}
	for _, n := range f.nodes {
		if n != but {
			n.points(held)
		}
	}
	for text := range f.owed {
		if !held[text] {
			delete(f.owed, text)
		}
	}
}

func must(err error) {
	if err != nil {
		panic("BUG: simtest: " + err.Error())
	}
}
