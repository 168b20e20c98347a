package muster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// Asker is the part of the client that is needed.
type Asker interface {
	Ask(ctx context.Context, node string, db int, commands ...[]string) ([]dunlin.Reply, error)
}

// Muster asks a flock.
type Muster struct {
	Topology *ring.Topology
	Node     Asker // asks the nodes, by their names; several at once
	Clock    func() time.Time
	MostLag  time.Duration // what is more is a problem
}

// Look asks all nodes once. It takes as long as the slowest, the client's timeout at most.
func (m *Muster) Look(ctx context.Context) *Report {
	r := &Report{At: m.Clock(), Nodes: make([]Node, len(m.Topology.Nodes)), Cluster: m.Topology.Cluster}
	m.runAll(ctx, r.Nodes)
	r.measure()
	r.judge(m.MostLag)
	r.compare(m.Topology)
	return r
}

// runAll asks all nodes at once and waits for all.
func (m *Muster) runAll(ctx context.Context, nodes []Node) {
	var wg sync.WaitGroup
	for i := range nodes {
		wg.Go(func() { nodes[i] = m.ask(ctx, &m.Topology.Nodes[i]) })
	}
	wg.Wait()
}

func (m *Muster) ask(ctx context.Context, t *ring.Node) Node {
	cmd := []string{"INFO", "dunlin", "peers", "shards", "replication", "links", "vectors"}
	replies, err := m.Node.Ask(ctx, t.Name, 0, cmd)
	var text string
	if err == nil {
		text, _ = replies[0].Value.(string)
		err = replies[0].Err
	}
	n := parse(text)
	switch {
	case err != nil:
		n = Node{Error: err.Error()}
	case n.Name == "":
		n = Node{Error: "what answers there is no node of Dunlin"}
	case n.Name != t.Name && len(m.Topology.Nodes) > 1:
		n = Node{Error: "the node that answers there is " + n.Name}
	default:
		return n
	}
	n.Name, n.Site = t.Name, t.Site
	return n
}

// measure finds out how many entries each shard lacks of what any node has.
func (r *Report) measure() {
	most := map[int]map[string]int64{} // by shard and origin
	for _, n := range r.Nodes {
		for _, s := range n.Shards {
			if most[s.ID] == nil {
				most[s.ID] = map[string]int64{}
			}
			for o, seq := range s.vector {
				most[s.ID][o] = max(most[s.ID][o], seq)
			}
		}
	}
	for _, n := range r.Nodes {
		for i := range n.Shards {
			s := &n.Shards[i]
			if s.vector == nil {
				s.Lacks = Unknown
				continue
			}
			for o, seq := range most[s.ID] {
				s.Lacks += seq - s.vector[o]
			}
		}
	}
}

// calm are the states in which a shard, or a link, has what it should have.
var calm = []string{"following", "journal", "alone"}

// judge lists the problems.
func (r *Report) judge(mostLag time.Duration) {
	for _, n := range r.Nodes {
		if n.Error != "" {
			r.problem("%s can not be asked: %s", n.Name, n.Error)
			continue
		}
		if n.holds && len(n.Shards) == 0 {
			r.problem("%s has just started, and says nothing of its shards yet", n.Name)
		}
		if n.Hurt > 0 {
			r.problem("%s: %d series are damaged in memory, and no peer has mended them yet", n.Name, n.Hurt)
		}
		if n.Durability == "degraded" {
			r.problem("%s: its disk fails; INFO persistence says why", n.Name)
		}
		for _, l := range n.Links {
			switch {
			case !slices.Contains(calm, l.State):
				r.problem("%s follows %s: %s%s", n.Name, l.Peer, l.State, l.until())
			case l.LagMillis < 0:
				r.problem("nothing says how far %s is behind %s", n.Name, l.Peer)
			case worse(l.LagMillis, mostLag.Milliseconds()):
				r.problem("%s is %s behind %s", n.Name, lagText(l.LagMillis), l.Peer)
			}
			if l.Different > 0 {
				r.problem("%s and %s differ in %d hours; they are being repaired", n.Name, l.Peer, l.Different)
			}
		}
		for _, s := range n.Shards {
			if s.State == "loading" || s.State == "down" {
				r.problem("%s: shard %d is %s", n.Name, s.ID, s.State)
			}
		}
	}
}

// compare lists which nodes do not follow whom they should by the topology: theirs may be another.
func (r *Report) compare(t *ring.Topology) {
	for i := range r.Nodes {
		for j := range t.Nodes {
			n, own, peer := &r.Nodes[i], &t.Nodes[i], &t.Nodes[j]
			shares := slices.ContainsFunc(own.Hold, peer.Holds)
			known := slices.ContainsFunc(n.Links, func(l Link) bool { return l.Peer == peer.Name })
			if i != j && n.Error == "" && shares && !known {
				r.problem("%s does not follow %s, with which it shares shards: its topology file may be another", n.Name,
					peer.Name)
			}
		}
	}
}

// until says how far a node came with a peer, where that is known.
func (l *Link) until() string {
	if l.Complete.IsZero() {
		return ""
	}
	return ", complete up to " + clock(l.Complete)
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// worse compares lags, of which Unknown is the worst.
func worse(a, b int64) bool { return b >= 0 && (a < 0 || a > b) }

// rank says which of two states is worse: what is calm is least, what is away most.
func rank(state string) int {
	switch {
	case slices.Contains(calm, state):
		return 0
	case state == "exchanging", state == "comparing":
		return 1
	case state == "connecting":
		return 2
	}
	return 3
}

// add adds the state of a link to that of its shard.
func (s *Shard) add(state string, lag int64) {
	if s.State == "alone" || rank(state) > rank(s.State) {
		s.State = state
	}
	if worse(lag, s.LagMillis) {
		s.LagMillis = lag
	}
}

func (n *Node) shard(id int) *Shard {
	i, ok := slices.BinarySearchFunc(n.Shards, id, func(s Shard, id int) int { return cmp.Compare(s.ID, id) })
	if !ok {
		n.Shards = slices.Insert(n.Shards, i, Shard{ID: id, State: "alone"})
	}
	return &n.Shards[i]
}

func (n *Node) link(peer string) *Link {
	i, ok := slices.BinarySearchFunc(n.Links, peer, func(l Link, peer string) int { return strings.Compare(l.Peer, peer) })
	if !ok {
		n.Links = slices.Insert(n.Links, i, Link{Peer: peer, Behind: Unknown})
	}
	return &n.Links[i]
}
