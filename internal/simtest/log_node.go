package simtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/orders"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// logNode is a node.
type logNode struct {
	name   string
	inc    replog.Incarnation
	offset time.Duration // of its clock
	down   bool
	rings  int // how many of the flock's it knows
	disk   disk
	images []disk // of its disk, as it was once
	shards []*logShard

	orders   *orders.Orders
	feed     *peering.Feed
	links    []*logLink     // to nodes whose log it follows
	journals []*journalLink // to those whose journals it follows
}

// logShard is a shard of a node: over an engine, or over a model of Redis.
type logShard struct {
	id    int
	st    *engine.Store
	model *model
	sh    *shard.Shard
}

func (n *logNode) redis() bool { return n.shards[0].model != nil }

// disk is what a node has on its disk: the log of all its shards, and the floor. It implements shard.Log.
type disk struct {
	recs    []logRecord
	durable int // of recs
	damaged int // how many recs there were when one was lost, 0 = none was
	floor   series.Period
	edicts  []byte // the file
	node    string
	inc     replog.Incarnation // that writes
}

type logRecord struct {
	rec  []byte
	node string
	inc  replog.Incarnation
}

func (d *disk) Append(rec []byte) wal.LSN {
	d.recs = append(d.recs, logRecord{bytes.Clone(rec), d.node, d.inc})
	return wal.LSN(len(d.recs))
}

func (d *disk) Full() bool { return false }

// image is the disk as it is now.
func (d *disk) image() disk {
	c := *d
	c.recs = slices.Clone(d.recs)
	c.durable = len(c.recs)
	return c
}

// boot starts a node on what its disk has, or beside its Redis.
func (f *LogFlock) boot(n *logNode) {
	n.down = false
	if n.redis() {
		f.bootRedis(n)
		return
	}
	n.inc = replog.Incarnation(f.rng.Uint64())
	if replica.Mutant == "same-incarnation" {
		n.inc = 7
	}
	n.disk.node, n.disk.inc = n.name, n.inc
	bell := &replica.Bell{}
	n.feed = &peering.Feed{Bell: bell, Clock: f.clock(n)}
	if n.inc%2 == 0 { // half of them serve their log from the disk too
		n.feed.Disk = &n.disk
	}
	n.orders = f.newOrders(n)
	n.feed.Edicts = n.orders
	for _, s := range n.shards {
		f.bootShard(n, s, bell)
		n.feed.Shards = append(n.feed.Shards, s.sh)
		s.sh.Obey(n.orders.Set())
	}
	n.drop(n.disk.floor)
	n.replay()
	for _, l := range n.journals {
		l.begin()
	}
}

func (f *LogFlock) bootShard(n *logNode, s *logShard, bell *replica.Bell) {
	rec, g := replog.NewRecorder(), grid.New("sim")
	s.st = engine.New(engine.Config{
		Layout: simLayout, Cluster: "sim", Epoch: fmt.Sprintf("%s-%d-%x", n.name, s.id, uint64(n.inc)),
		Clock: f.clock(n), Recorder: rec, Shard: s.id, Grid: g,
	})
	var err error
	s.sh, err = shard.New(context.Background(), shard.Config{
		Origin: replog.Origin{Node: n.name, Shard: s.id, Incarnation: n.inc}, Layout: simLayout, Store: s.st,
		Clock: f.clock(n), Log: &n.disk, Recorder: rec, Tail: 1 << (9 + f.rng.IntN(6)), Bell: bell, Loading: true,
		Grid: g, Mono: func() time.Duration { return f.now.Sub(simStart) },
	})
	must(err)
}

// drop raises the floor.
func (n *logNode) drop(floor series.Period) {
	n.disk.floor = max(n.disk.floor, floor)
	for _, s := range n.shards {
		_, err := s.sh.Drop(context.Background(), floor)
		must(err)
		if s.model != nil {
			s.model.forget(floor)
		}
	}
	if n.orders != nil {
		n.orders.Prune(floor)
	}
}

// replay reads the log as storage does.
func (n *logNode) replay() {
	dicts := map[replog.Origin]*replog.Dict{}
	var in replog.Reader
	whole := map[int]bool{} // shards that have said so since
	for i, r := range n.disk.recs {
		if replog.KindOf(r.rec) == replog.States {
			st, err := replog.ReadState(r.rec)
			must(err)
			for _, one := range st.Shards {
				tx := n.shards[one.Shard-1].sh.Begin()
				tx.Restore(one)
				tx.End()
				whole[one.Shard] = whole[one.Shard] || i >= n.disk.damaged && len(one.Vector) > 0
			}
			continue
		}
		must(in.Reset(r.rec))
		writer := replog.Origin{Node: r.node, Shard: in.Shard, Incarnation: r.inc}
		if dicts[writer] == nil {
			dicts[writer] = &replog.Dict{}
		}
		n.shards[in.Shard-1].replay(&in, dicts[writer], writer)
	}
	for _, s := range n.shards {
		if n.disk.damaged > 0 && !whole[s.id] {
			s.sh.Suspect()
		}
		s.sh.SetLoaded()
	}
	n.disk.durable = len(n.disk.recs)
}

// replay takes over a record of points.
func (s *logShard) replay(in *replog.Reader, d *replog.Dict, writer replog.Origin) {
	var puts []store.Put
	last := series.Period(0)
	for in.Next(d) {
		p := simLayout.PeriodOf(in.TS)
		last = max(last, p)
		if in.Series != nil && p >= s.sh.Floor() {
			puts = append(puts, store.Put{
				Series: in.Series, Member: in.Member, TS: in.TS, Frac: in.Frac, ValueAt: in.ValueAt, Period: p,
			})
		}
	}
	tx := s.sh.Begin()
	defer tx.End()
	s.st.Replay(func() {
		if in.Seq == 0 {
			must(s.st.Unite(context.Background(), store.Runs(puts), store.Origin{}))
		} else {
			s.st.Put(puts)
		}
	})
	if !in.Foreign {
		in.Origin = writer
	}
	if in.Unknown == 0 {
		tx.Replayed(in.Head, last)
	}
}

// points enters all points of a node into a set.
func (n *logNode) points(set map[string]bool) {
	for _, s := range n.shards {
		s.points(set)
	}
}

func (s *logShard) points(set map[string]bool) {
	if s.model != nil {
		for _, key := range s.model.keys() {
			for _, p := range s.model.all(s.model.parse(key)) {
				set[pointText(s.model.parse(key), p)] = true
			}
		}
		return
	}
	keys, _ := s.st.ScanKeys(0, 1<<20)
	for _, k := range keys {
		got, err := s.st.Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
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
		floor := n.disk.floor
		n.disk = disk{floor: floor}
		for _, s := range n.shards {
			if s.model != nil {
				s.model.lose()
			}
		}
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
	f.boot(n) // to see what is left
	f.excuse(nil)
	n.down = true
}

// damage loses a record in the middle of the log, which the next start notices. A Redis loses everything without a
// word to its node.
func (f *LogFlock) damage(n *logNode) {
	if n.redis() {
		s := n.shards[f.rng.IntN(len(n.shards))]
		s.model.lose()
		_, err := s.sh.Drop(context.Background(), n.disk.floor)
		must(err)
		f.excuse(nil)
		return
	}
	if n.down || n.disk.durable < 3 {
		return
	}
	at := f.rng.IntN(n.disk.durable - 1)
	n.disk.recs = slices.Delete(slices.Clone(n.disk.recs[:n.disk.durable]), at, at+1)
	n.disk.damaged = len(n.disk.recs)
	f.fall(n)
}

// clone keeps an image of a node's disk, or ends the node and puts another disk under it: one of its own images, or
// what another node has at this moment.
func (f *LogFlock) clone(n *logNode) {
	if n.redis() || n.down {
		return
	}
	other := f.nodes[f.rng.IntN(len(f.nodes))]
	switch {
	case len(n.images) == 0:
		n.images = append(n.images, n.disk.image())
		return
	case f.rng.IntN(2) == 0 && !other.redis() && other != n:
		n.disk = other.disk.image()
	default:
		n.disk = n.images[0].image()
		n.images = nil
	}
	f.fall(n)
}
