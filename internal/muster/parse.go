package muster

import (
	"strconv"
	"strings"
	"time"
)

// fields are the pairs a=1,b=2 of a line of INFO.
type fields map[string]string

func (f fields) number(name string) int64 { return number(f[name]) }

// moment reads an instant, zero for never.
func (f fields) moment(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, f[name])
	return t
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func pairs(text string) fields {
	f := fields{}
	for part := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			f[k] = v
		}
	}
	return f
}

// parse reads INFO. What it does not know it passes over: nodes of other versions say more or less.
func parse(text string) Node {
	var n Node
	lines := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			lines[k] = v
		}
	}
	n.Name, n.Site, n.Store = lines["dunlin_node"], lines["dunlin_site"], lines["dunlin_store"]
	n.Durability, n.holds = lines["dunlin_durability"], lines["dunlin_shards"] != ""
	n.Hurt = number(lines["damaged_series_now"])
	for k, v := range lines {
		if id, ok := strings.CutPrefix(k, "shard_"); ok {
			n.readShard(id, pairs(v))
		} else if id, ok := strings.CutPrefix(k, "vector_"); ok {
			s := n.shard(int(number(id)))
			s.vector = map[string]int64{}
			for o, seq := range pairs(v) {
				s.vector[o] = number(seq)
			}
		}
	}
	for k, v := range lines {
		kind, peer, _ := strings.Cut(k, "_")
		switch f := pairs(v); {
		case strings.HasPrefix(k, "proof_of_"):
			l := n.link(strings.TrimPrefix(k, "proof_of_"))
			l.Proven, l.Same, l.Different = f.moment("proven_at"), f.moment("same_at"), f.number("hours_different")
		case kind == "peer":
			l := n.link(peer)
			l.State, l.Up, l.LagMillis, l.Bytes = f["state"], f["up"] == "true", f.number("lag_ms"), f.number("bytes")
		case kind == "complete":
			l := n.link(peer)
			l.Complete, l.Behind = f.moment("until"), f.number("behind_ms")
		}
	}
	for k, v := range lines {
		if id, ok := strings.CutPrefix(k, "link_"); ok {
			n.readLink(id, pairs(v))
		}
	}
	return n
}

func (n *Node) readShard(id string, f fields) {
	s := n.shard(int(number(id)))
	s.Points, s.Bytes, s.Divergence = f.number("points"), f.number("bytes"), f.number("divergence")
	switch {
	case f["loading"] == "true":
		s.State = "loading"
	case f["up"] == "false":
		s.State = "down"
	}
}

// readLink adds a shard's link to a peer to its shard. What comes from the peer through others counts too.
func (n *Node) readLink(id string, f fields) {
	shard, peer, _ := strings.Cut(id, "_")
	s, lag := n.shard(int(number(shard))), f.number("lag_ms")
	if f["up"] == "false" {
		lag = Unknown
	}
	if l := n.link(peer); worse(lag, l.Behind) {
		lag = l.Behind
	}
	s.add(f["state"], lag)
	s.Different += f.number("hours_different")
}
