package simtest

import (
	"context"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// ringFrom places hosts on shards, from a period on.
type ringFrom struct {
	from series.Period
	turn int
}

// place gives the shard of a host, as a node knows the rings.
func (f *LogFlock) place(n *logNode, host int, p series.Period) *logShard {
	ring := f.rings[0]
	for _, r := range f.rings[:n.rings] {
		if p >= r.from {
			ring = r
		}
	}
	return n.shards[(host+ring.turn)%len(n.shards)]
}

// newRing makes a ring for the next periods. Nodes learn of it one by one: until then they write to the wrong shard.
func (f *LogFlock) newRing(*logNode) {
	from := max(simLayout.PeriodOf(f.now.UnixMilli())+1, f.rings[len(f.rings)-1].from+1)
	f.rings = append(f.rings, ringFrom{from, f.rng.IntN(f.cfg.Shards)})
}

// write is a client's batch, for all shards. Into a Redis it may also go behind the node's back.
func (f *LogFlock) write(n *logNode) {
	bare := n.redis() && f.rng.IntN(2) == 0
	if n.down && !bare {
		return
	}
	groups := map[*logShard][]store.Group{}
	for range 1 + f.rng.IntN(3) {
		host := f.rng.IntN(5)
		k, p := f.point(host)
		s := f.place(n, host, k.Period)
		if !bare {
			groups[s] = append(groups[s], store.Group{Key: k, Points: []series.Point{p}})
		} else if k.Period >= n.disk.floor {
			s.model.bare(k, p)
			f.acknowledged(k, p)
		}
	}
	for _, s := range n.shards { // in the order of the shards
		refused, err := s.sh.Add(context.Background(), groups[s])
		must(err)
		gone := map[int]bool{}
		for _, r := range refused {
			gone[r.Group] = true
		}
		for i, g := range groups[s] {
			if !gone[i] {
				f.acknowledged(g.Key, g.Points[0])
			}
		}
	}
}

func (f *LogFlock) acknowledged(k series.Key, p series.Point) {
	text := pointText(k, p)
	f.Count.Written++
	f.written[text], f.owed[text] = true, true
}

// point makes a point of a host: mostly of now, sometimes of hours ago, and sometimes one that another node may have
// been given too.
func (f *LogFlock) point(host int) (series.Key, series.Point) {
	ts := f.now.Add(-time.Duration(f.rng.IntN(5000)) * time.Millisecond)
	if f.rng.IntN(5) == 0 {
		ts = f.now.Add(-time.Duration(f.rng.IntN(3*3600)) * time.Second)
	}
	f.serial++
	member := fmt.Sprintf("%d:%d", ts.Unix(), f.serial)
	if f.rng.IntN(6) == 0 {
		member = fmt.Sprintf("%d:1", ts.Unix()/60*60)
	}
	p, err := series.ParseMember([]byte(member))
	must(err)
	k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:m", host))
	must(err)
	k.Period = simLayout.PeriodOf(p.TS)
	return k, p
}

func pointText(k series.Key, p series.Point) string {
	return string(simLayout.AppendKey(nil, k)) + " " + string(series.AppendMember(nil, p))
}
