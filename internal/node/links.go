package node

import (
	"fmt"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/account"
	"github.com/dunlin-db/dunlin/internal/lookout"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/web"
)

// linkSections are Links, a line for each shard and each peer that it follows, and Vectors, how far the shards know
// each origin. They are long, and told only to those who ask for them.
func (n *Node) linkSections(s *status) []account.Section {
	seen := n.peers.seen()
	links := make([][2]string, 0, len(s.Links))
	for _, l := range s.Links {
		links = append(links, [2]string{fmt.Sprintf("link_%d_%s", l.Shard, l.Peer), fmt.Sprintf(
			"state=%s,up=%t,lag_ms=%d,hours_different=%d", l.State, l.Err == "", l.LagMillis,
			seen.Peers[l.Peer].Shards[l.Shard])})
	}
	return []account.Section{
		{Name: "Links", Fields: links, OnDemand: true},
		{Name: "Vectors", Fields: n.peers.vectors(), OnDemand: true},
	}
}

// seen is what the proof says, nothing on a node that proves nothing.
func (p *peers) seen() proof.Status {
	if p == nil {
		return proof.Status{}
	}
	return p.proof.Status()
}

// replicas says by peer how this node compares with it.
func (n *Node) replicas(s *status) map[string]web.Replica {
	all, seen := map[string]web.Replica{}, n.peers.seen()
	for _, p := range s.peers() {
		was := seen.Peers[p.Peer]
		all[p.Peer] = web.Replica{
			BehindMillis: lookout.CutOff, Same: unixMilli(was.Same), Proven: unixMilli(was.Proven),
			HoursDifferent: int64(was.Differ),
		}
	}
	for _, o := range n.peers.origins() {
		r := all[o.node]
		r.BehindMillis, r.Complete = millisOf(o.Behind), unixMilli(o.Until)
		all[o.node] = r
	}
	return all
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// vectors tells how far each shard knows each origin: node/incarnation=number.
func (p *peers) vectors() (fields [][2]string) {
	if p == nil {
		return nil
	}
	for _, sh := range p.feed.Shards {
		tx := sh.Begin()
		vector := tx.Peers().Published()
		tx.End()
		parts := make([]string, 0, len(vector))
		for _, r := range vector {
			parts = append(parts, fmt.Sprintf("%s/%s=%d", r.Origin.Node, r.Origin.Incarnation, r.Seq))
		}
		fields = append(fields, [2]string{fmt.Sprintf("vector_%d", sh.ID()), strings.Join(parts, ",")})
	}
	return fields
}
