package muster

import (
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/infotext"
)

// moment reads an instant, zero for never.
func moment(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// parse reads INFO. What it does not know it passes over: nodes of other versions say more or less.
func parse(text string) Node {
	var n Node
	lines := infotext.Parse(text)
	n.Name, n.Site, n.Store = lines["dunlin_node"], lines["dunlin_site"], lines["dunlin_store"]
	n.Durability, n.holds = lines["dunlin_durability"], lines["dunlin_shards"] != ""
	n.Hurt = lines.Number("damaged_series_now")
	for k, v := range lines {
		if id, ok := strings.CutPrefix(k, "shard_"); ok {
			n.readShard(id, infotext.Pairs(v))
		} else if id, ok := strings.CutPrefix(k, "vector_"); ok {
			s := n.shard(int(infotext.Number(id)))
			s.vector = map[string]int64{}
			for o, seq := range infotext.Pairs(v) {
				s.vector[o] = infotext.Number(seq)
			}
		}
	}
	for k, v := range lines {
		kind, peer, _ := strings.Cut(k, "_")
		switch f := infotext.Pairs(v); {
		case strings.HasPrefix(k, "proof_of_"):
			l := n.link(strings.TrimPrefix(k, "proof_of_"))
			l.Proven, l.Same, l.Different = moment(f["proven_at"]), moment(f["same_at"]), f.Number("hours_different")
		case kind == "peer":
			l := n.link(peer)
			l.State, l.Up, l.LagMillis, l.Bytes = f["state"], f["up"] == "true", f.Number("lag_ms"), f.Number("bytes")
		case kind == "complete":
			l := n.link(peer)
			l.Complete, l.Behind = moment(f["until"]), f.Number("behind_ms")
		}
	}
	for k, v := range lines {
		if id, ok := strings.CutPrefix(k, "link_"); ok {
			n.readLink(id, infotext.Pairs(v))
		}
	}
	return n
}

func (n *Node) readShard(id string, f infotext.Fields) {
	s := n.shard(int(infotext.Number(id)))
	s.Points, s.Bytes, s.Divergence = f.Number("points"), f.Number("bytes"), f.Number("divergence")
	switch {
	case f["loading"] == "true":
		s.State = "loading"
	case f["up"] == "false":
		s.State = "down"
	}
}

// readLink adds a shard's link to a peer to its shard. What comes from the peer through others counts too.
func (n *Node) readLink(id string, f infotext.Fields) {
	shard, peer, _ := strings.Cut(id, "_")
	s, lag := n.shard(int(infotext.Number(shard))), f.Number("lag_ms")
	if f["up"] == "false" {
		lag = Unknown
	}
	if l := n.link(peer); worse(lag, l.Behind) {
		lag = l.Behind
	}
	s.add(f["state"], lag)
	s.Different += f.Number("hours_different")
}
