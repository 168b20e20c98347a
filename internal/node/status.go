package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/account"
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// statusEvery is how often a node looks at itself and its peers.
const statusEvery = time.Second

// shardStatus is one shard, as people are told about it.
type shardStatus struct {
	ID       int
	Stats    store.Stats
	Counters shard.Counters
	Strays   int64  // keys that the ring places on another shard
	Loading  bool   // not all that is on disk is in memory yet
	Err      string // why the store could not be asked, "" = it answered
}

// status is a node at one moment.
type status struct {
	At     time.Time // monotonic
	Shards []shardStatus
	Links  []syncer.Status
	Rate   float64 // points that clients wrote per second
	// Unjournaled counts points that a sweep found in the node's own Redis processes.
	Unjournaled int64
}

// look asks every shard. A store that does not answer keeps what it said last.
func (n *Node) look(ctx context.Context) *status {
	before := n.status.Load()
	s := &status{At: time.Now(), Shards: make([]shardStatus, 0, len(n.shards))}
	for i, sh := range n.ordered() {
		st := shardStatus{ID: sh.ID(), Counters: sh.Counters(), Strays: n.sweepers[i].Keys(), Loading: sh.Loading()}
		err := sh.View(func(v store.Store) (err error) {
			st.Stats, err = v.Stats(ctx)
			return err
		})
		if err != nil {
			st.Err = err.Error()
			if before != nil {
				st.Stats = before.Shards[i].Stats
			}
		}
		s.Shards = append(s.Shards, st)
	}
	s.Links = n.linkStatuses()
	for _, f := range n.followers {
		s.Unjournaled += f.Status().Unjournaled
	}
	if before != nil {
		_, was := before.sums()
		_, is := s.sums()
		s.Rate = float64(is.Points-was.Points) / s.At.Sub(before.At).Seconds()
	}
	return s
}

// runStatus refreshes the node's status and its view of the peers until ctx ends.
func (n *Node) runStatus(ctx context.Context) {
	t := time.NewTicker(statusEvery)
	defer t.Stop()
	goLimit := int64(0)
	for {
		ask, cancel := context.WithTimeout(ctx, 5*statusEvery)
		s := n.look(ask)
		n.status.Store(s)
		n.keeper.budget.Set(budget.Index, n.index.Bytes())
		n.keeper.budget.Set(budget.Peers, n.peerBytes())
		n.peers.tidyMarks()
		st, _ := s.sums()
		goLimit = n.limitGo(st.Bytes, goLimit)
		n.lookout.RunOnce(ask)
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sums adds the shards up. Points is -1 when a store does not know its own.
func (s *status) sums() (st store.Stats, c shard.Counters) {
	unknown := false
	st.PerPeriod = map[string]int64{}
	for _, sh := range s.Shards {
		st.Series += sh.Stats.Series
		if st.Points += sh.Stats.Points; sh.Stats.Points < 0 {
			unknown = true
		}
		st.Bytes += sh.Stats.Bytes
		st.PointBytes += sh.Stats.PointBytes
		st.SeriesBytes += sh.Stats.SeriesBytes
		for p, bytes := range sh.Stats.PerPeriod {
			st.PerPeriod[p] += bytes
		}
		st.Foreign += sh.Stats.Foreign
		c.Points += sh.Counters.Points
		c.Pulled += sh.Counters.Pulled
		c.Merged += sh.Counters.Merged
		c.Refused += sh.Counters.Refused
		c.BelowFloor += sh.Counters.BelowFloor
	}
	if unknown {
		st.Points = -1
	}
	return st, c
}

// strays counts the stray keys of all shards.
func (s *status) strays() (keys int64) {
	for _, sh := range s.Shards {
		keys += sh.Strays
	}
	return keys
}

// peerSum is the links of all shards to one peer, added up; state and lag are of the worst.
type peerSum struct {
	Peer, State, Err string
	LagMillis        int64
	Bytes, Points    int64
	Commands         int64
}

// peers sums the links per peer, in the order of the links.
func (s *status) peers() []peerSum {
	var sums []peerSum
	at := map[string]int{}
	for _, l := range s.Links {
		i, ok := at[l.Peer]
		if !ok {
			i = len(sums)
			at[l.Peer] = i
			sums = append(sums, peerSum{Peer: l.Peer, State: string(l.State)})
		}
		p := &sums[i]
		p.Bytes += l.Bytes
		p.Points += l.Points
		p.Commands += l.Commands
		if l.Err != "" {
			p.Err = l.Err
		}
		if worse(l.LagMillis, p.LagMillis) {
			p.State, p.LagMillis = string(l.State), l.LagMillis
		}
	}
	return sums
}

// behindMillis is how old the oldest point may be that a peer has and this node has not; -1 when a peer can not be
// asked. via is how far a peer is behind by whatever way its points come, also through others.
func (s *status) behindMillis(via func(peer string) int64) int64 {
	behind := int64(0)
	for _, p := range s.peers() {
		lag := lagOf(p.Err, p.LagMillis)
		if other := via(p.Peer); worse(lag, other) {
			lag = other
		}
		if worse(lag, behind) {
			behind = lag
		}
	}
	return behind
}

// worse compares lags, of which -1 (nothing is known yet) is the worst.
func worse(a, b int64) bool { return b >= 0 && (a < 0 || a > b) }

// info is the node's part of INFO.
func (n *Node) info() []account.Section {
	s := n.status.Load()
	if s == nil {
		s = &status{}
	}
	st, c := s.sums()
	num := func(v int64) string { return fmt.Sprint(v) }
	own := [][2]string{
		{"dunlin_version", n.cfg.Version},
		{"dunlin_cluster", n.cfg.Topology.Cluster},
		{"dunlin_node", n.self.Name},
		{"dunlin_site", n.self.Site},
		{"dunlin_store", n.storeKind()},
		{"dunlin_durability", n.durability()},
		{"dunlin_divergence", num(n.peers.seen().Divergence)},
		{"dunlin_fsync", n.cfg.Disk.Fsync.String()},
		{"dunlin_http", n.cfg.WebAddr},
		{"dunlin_url", n.self.URL},
		{"dunlin_floor", n.period(n.keeper.Floor())},
		{"dunlin_retention", n.retention()},
		{"dunlin_shards", strings.Trim(strings.ReplaceAll(fmt.Sprint(n.self.Hold), " ", ","), "[]")},
		{"dunlin_series", num(int64(st.Series))},
		{"dunlin_points", num(st.Points)},
		{"dunlin_bytes", num(st.Bytes)},
		{"dunlin_written", num(c.Points)},
		{"dunlin_refused", num(c.Refused)},
		{"dunlin_pulled", num(c.Pulled)},
		{"dunlin_merged", num(c.Merged)},
		{"dunlin_below_floor", num(c.BelowFloor)},
		{"dunlin_foreign", num(st.Foreign)},
		{"dunlin_stray_keys", num(s.strays())},
		{"dunlin_unjournaled", num(s.Unjournaled)},
		{"dunlin_plain_keys", "local to this node, never replicated"},
	}
	links := [][2]string{{"behind_ms", num(s.behindMillis(n.peers.behindOf))}}
	replicas := n.replicas(s)
	for _, p := range s.peers() {
		r := replicas[p.Peer]
		links = append(links, [2]string{"peer_" + p.Peer, fmt.Sprintf(
			"state=%s,up=%t,lag_ms=%d,bytes=%d,points=%d,commands=%d,behind_ms=%d,complete=%d,same=%d,proven=%d,differ=%d",
			p.State, p.Err == "", p.LagMillis, p.Bytes, p.Points, p.Commands, r.BehindMillis, r.Complete, r.Same, r.Proven,
			r.HoursDifferent)})
	}
	shards, seen := make([][2]string, 0, len(s.Shards)), n.peers.seen()
	for _, sh := range s.Shards {
		shards = append(shards, [2]string{fmt.Sprintf("shard_%d", sh.ID), fmt.Sprintf(
			"series=%d,points=%d,bytes=%d,written=%d,merged=%d,foreign=%d,stray=%d,up=%t,loading=%t,divergence=%d",
			sh.Stats.Series, sh.Stats.Points, sh.Stats.Bytes, sh.Counters.Points, sh.Counters.Merged, sh.Stats.Foreign,
			sh.Strays, sh.Err == "", sh.Loading, seen.Shards[sh.ID])})
	}
	return append([]account.Section{
		{Name: "Dunlin", Fields: own},
		{Name: "Peers", Fields: links},
		{Name: "Shards", Fields: shards},
		{Name: "Replication", Fields: n.peers.fields()},
	}, n.linkSections(s)...)
}

func (n *Node) storeKind() string {
	if n.self.OnRedis() {
		return "redis"
	}
	return "engine"
}

// durability says in a word what a crash of this node costs it.
func (n *Node) durability() string {
	if n.self.OnRedis() {
		return "as its redis processes"
	}
	switch {
	case n.disk == nil:
		return "memory only"
	case n.disk.Status().Degraded() != "":
		return "degraded"
	}
	return "ok"
}

func (n *Node) retention() string {
	if why := n.keeper.Paused(); why != "" {
		return "paused: " + why
	}
	return "ok"
}

// period writes a period for people, "" for none.
func (n *Node) period(p series.Period) string {
	if p <= 0 {
		return ""
	}
	return n.cfg.Topology.Layout.PeriodString(p)
}
