package simtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/orders"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// simLayout has a period for each hour, so that a history of hours drops some.
const simLayout = series.Hour

// simStart is when histories begin.
var simStart = time.UnixMilli(1795356000000).UTC()

// keepPeriods is how many periods besides the current one retention keeps.
const keepPeriods = 3

// LogFlock is nodes of one shard each that speak the log protocol with each other: the real engine, shard and peering,
// over a disk that is modelled.
type LogFlock struct {
	rng     *rand.Rand
	now     time.Time // true time
	nodes   []*logNode
	calm    bool
	serial  int
	written map[string]bool // every point that was ever acknowledged
	owed    map[string]bool // those of them that must be everywhere in the end
	wrong   error           // a proof that was wrong
	ever    *edict.Set      // all that was ever forgotten
	Count   Counts
}

// Counts is what a history came to.
type Counts struct {
	Written, Sent, Useful, Exchanges, Abandoned, Crashes, Answers int
	Orders, Repairs, Proofs, Equal                                int // looks at two nodes, hours that were proven equal
	TailMost                                                      int64
}

// logNode is a node.
type logNode struct {
	name   string
	inc    replog.Incarnation
	offset time.Duration // of its clock
	down   bool
	disk   disk
	st     *engine.Store
	sh     *shard.Shard
	feed   *peering.Feed
	orders *orders.Orders
	links  []*logLink
}

// disk is the log of a node on its disk. It implements shard.Log.
type disk struct {
	recs    []logRecord
	durable int // of recs
	damaged bool
	edicts  []byte // the file
	writer  replog.Origin
}

type logRecord struct {
	rec    []byte
	writer replog.Origin
}

func (d *disk) Append(rec []byte) wal.LSN {
	d.recs = append(d.recs, logRecord{bytes.Clone(rec), d.writer})
	return wal.LSN(len(d.recs))
}

func (d *disk) Full() bool { return false }

// logLink is how a node follows another.
type logLink struct {
	from, to *logNode
	cut      bool
	session  *peering.Session // of the other end; nil = not connected
	follower *peering.Follower
	late     [][]byte // answers that are under way
	exchange *peering.Exchange
	want     peering.Want // it was begun for
	pair     *proof.Pair  // as both ends were when they were proven equal last
}

// NewLogFlock makes a flock of n nodes.
func NewLogFlock(seed uint64, n int) *LogFlock {
	f := &LogFlock{
		rng: rand.New(rand.NewPCG(seed, 11)), now: simStart, written: map[string]bool{},
		owed: map[string]bool{},
	}
	for i := range n {
		f.nodes = append(f.nodes, &logNode{name: fmt.Sprintf("n%d", i)})
	}
	for _, a := range f.nodes {
		for _, b := range f.nodes {
			if a != b {
				a.links = append(a.links, &logLink{from: a, to: b})
			}
		}
		f.boot(a, 0)
	}
	return f
}

func (f *LogFlock) clock(n *logNode) func() time.Time {
	return func() time.Time { return f.now.Add(n.offset) }
}

// boot starts a node on what its disk has.
func (f *LogFlock) boot(n *logNode, floor series.Period) {
	n.inc = replog.Incarnation(f.rng.Uint64())
	if replica.Mutant == "same-incarnation" {
		n.inc = 7
	}
	n.disk.writer = replog.Origin{Node: n.name, Shard: 1, Incarnation: n.inc}
	rec := replog.NewRecorder()
	g := grid.New("sim")
	n.st = engine.New(engine.Config{
		Layout: simLayout, Cluster: "sim", Epoch: n.name, Clock: f.clock(n), Recorder: rec, Shard: 1, Grid: g,
	})
	bell := &replica.Bell{}
	sh, err := shard.New(context.Background(), shard.Config{
		Origin: n.disk.writer, Layout: simLayout, Store: n.st, Clock: f.clock(n), Log: &n.disk, Recorder: rec,
		Tail: 1 << (9 + f.rng.IntN(6)), Bell: bell, Loading: true, Grid: g,
		Mono: func() time.Duration { return f.now.Sub(simStart) },
	})
	must(err)
	n.sh = sh
	n.orders = f.newOrders(n)
	sh.Obey(n.orders.Set())
	_, err = sh.Drop(context.Background(), floor)
	must(err)
	f.replay(n)
	n.feed = &peering.Feed{Shards: []*shard.Shard{sh}, Bell: bell, Clock: f.clock(n), Edicts: n.orders}
	n.down = false
}

// replay reads the log as storage does.
func (f *LogFlock) replay(n *logNode) {
	dicts := map[replog.Incarnation]*replog.Dict{}
	var in replog.Reader
	for _, r := range n.disk.recs {
		tx := n.sh.Begin()
		if replog.KindOf(r.rec) == replog.States {
			st, err := replog.ReadState(r.rec)
			must(err)
			tx.Restore(st.Shards[0])
			tx.End()
			continue
		}
		must(in.Reset(r.rec))
		d := dicts[r.writer.Incarnation]
		if d == nil {
			d = &replog.Dict{}
			dicts[r.writer.Incarnation] = d
		}
		var puts []store.Put
		last := series.Period(0)
		for in.Next(d) {
			p := simLayout.PeriodOf(in.TS)
			last = max(last, p)
			if in.Series != nil && p >= n.sh.Floor() {
				puts = append(puts, store.Put{
					Series: in.Series, Member: in.Member, TS: in.TS, Frac: in.Frac, ValueAt: in.ValueAt, Period: p,
				})
			}
		}
		n.st.Replay(puts)
		if !in.Foreign {
			in.Origin = r.writer
		}
		if in.Unknown == 0 {
			tx.Replayed(in.Head, last)
		}
		tx.End()
	}
	if n.disk.damaged {
		n.sh.Suspect()
	}
	n.disk.damaged = false
	n.sh.SetLoaded()
	n.disk.durable = len(n.disk.recs)
}

func must(err error) {
	if err != nil {
		panic("BUG: simtest: " + err.Error())
	}
}

// Run lets a history happen: so many events.
func (f *LogFlock) Run(events int) {
	for range events {
		f.event()
		f.now = f.now.Add(time.Duration(f.rng.IntN(40_000)) * time.Millisecond)
	}
}

func (f *LogFlock) node() *logNode { return f.nodes[f.rng.IntN(len(f.nodes))] }

// event is one thing that happens to the flock.
func (f *LogFlock) event() {
	n := f.node()
	l := n.links[f.rng.IntN(len(n.links))]
	switch r := f.rng.IntN(1000); {
	case r < 300:
		f.write(n)
	case r < 820:
		f.step(l)
	case r < 860:
		n.disk.durable = len(n.disk.recs)
	case r < 875:
		l.cut = !l.cut
	case r < 885:
		for _, m := range f.nodes {
			for _, l := range m.links {
				l.cut = false
			}
		}
	case r < 905:
		f.disconnect(l)
	case r < 925:
		f.crash(n, false)
	case r < 930:
		f.crash(n, true)
	case r < 934:
		f.damage(n)
	case r < 945:
		f.order(n)
	case r < 978:
		if n.down {
			f.boot(n, n.sh.Floor())
		}
	case r < 986:
		n.offset = time.Duration(f.rng.IntN(2*240)-240) * time.Hour
	case r < 993:
		n.offset = 0
	default:
		f.retain(n, simLayout.PeriodOf(f.now.UnixMilli())-keepPeriods)
	}
	for _, m := range f.nodes {
		if !m.down {
			tx := m.sh.Begin()
			f.Count.TailMost = max(f.Count.TailMost, tx.Tail().Size())
			tx.End()
		}
	}
}

// write is a client's batch.
func (f *LogFlock) write(n *logNode) {
	if n.down {
		return
	}
	groups := make([]store.Group, 0, 3)
	var texts []string
	for range 1 + f.rng.IntN(3) {
		ts := f.now.Add(-time.Duration(f.rng.IntN(5000)) * time.Millisecond)
		if f.rng.IntN(5) == 0 {
			ts = f.now.Add(-time.Duration(f.rng.IntN(3*3600)) * time.Second)
		}
		f.serial++
		member := fmt.Sprintf("%d:%d", ts.Unix(), f.serial)
		if f.rng.IntN(6) == 0 { // one that another node may have been given too
			member = fmt.Sprintf("%d:1", ts.Unix()/60*60)
		}
		p, err := series.ParseMember([]byte(member))
		must(err)
		k, err := series.ParseSeries([]byte(fmt.Sprintf("h%d:m", f.rng.IntN(5))))
		must(err)
		k.Period = simLayout.PeriodOf(p.TS)
		groups = append(groups, store.Group{Key: k, Points: []series.Point{p}})
		texts = append(texts, pointText(k, p))
	}
	refused, err := n.sh.Add(context.Background(), groups)
	must(err)
	for i, text := range texts {
		if !slices.ContainsFunc(refused, func(r shard.Refusal) bool { return r.Group == i }) {
			f.Count.Written++
			f.written[text], f.owed[text] = true, true
		}
	}
}

func pointText(k series.Key, p series.Point) string {
	return string(simLayout.AppendKey(nil, k)) + " " + string(series.AppendMember(nil, p))
}

// retain raises a node's floor. Of what is below it nothing is owed any more.
func (f *LogFlock) retain(n *logNode, floor series.Period) {
	if n.down {
		return
	}
	_, err := n.sh.Drop(context.Background(), floor)
	must(err)
	n.orders.Prune(floor)
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

// points enters all points of a node into a set.
func (n *logNode) points(set map[string]bool) {
	keys, _ := n.st.ScanKeys(0, 1<<20)
	for _, k := range keys {
		got, err := n.st.Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
		must(err)
		for _, p := range got[0] {
			set[pointText(k, p)] = true
		}
	}
}

// crash ends a node at once: what it had not made durable is gone, with the disk everything is.
func (f *LogFlock) crash(n *logNode, lost bool) {
	if n.down {
		return
	}
	f.Count.Crashes++
	n.disk.recs = n.disk.recs[:n.disk.durable]
	if lost {
		n.disk = disk{}
	}
	f.fall(n)
}

// fall takes a node down. What only its memory held is owed no longer.
func (f *LogFlock) fall(n *logNode) {
	for _, m := range f.nodes {
		for _, l := range m.links {
			if l.from == n {
				l.exchange = nil // it ends without a word
			}
			if l.from == n || l.to == n {
				f.disconnect(l)
			}
		}
	}
	floor := n.sh.Floor()
	f.boot(n, floor) // to see what is left
	f.excuse(nil)
	n.down = true
}

// damage loses a record in the middle of the log, which the next start notices.
func (f *LogFlock) damage(n *logNode) {
	if n.down || n.disk.durable < 3 {
		return
	}
	at := f.rng.IntN(n.disk.durable - 1)
	n.disk.recs = slices.Delete(slices.Clone(n.disk.recs[:n.disk.durable]), at, at+1)
	n.disk.damaged = true
	f.fall(n)
	n.disk.damaged = true
}
