package proof

import (
	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Pair is two replicas of a shard, each as it was at about the same time.
type Pair struct {
	Own, Peer exchange.Snapshot
	Compared  uint64 // the peer's excess that the own side has compared with
}

// Verdict is what became of the hours of two replicas.
type Verdict struct {
	Open      bool // too much was under way: nothing can be said
	Equal     int  // hours that did not move and are equal
	Moving    int  // hours that moved
	Different []Difference
	Lacking   []int64 // hours that differ, and may: a vector was adopted from a node that had dropped their period
}

// Difference is an hour that differs and should not.
type Difference struct {
	Hour      int64 // since 1970
	Own, Peer store.Digest
}

// Judge compares two replicas that were looked at twice. What each had the first time, the other must have had the
// second time; so hours that did not move in between must be equal.
func Judge(layout series.Layout, was, is Pair) (v Verdict) {
	floor := is.Own.Floor
	have := covers(is.Own.Vector, was.Peer.Vector, floor) && covers(is.Peer.Vector, was.Own.Vector, floor)
	if !settled(was) || !settled(is) ||
		was.Own.Floor != floor || was.Own.Edicts != is.Own.Edicts || !have && replica.Mutant != "proof-uncovered" {
		return Verdict{Open: true}
	}
	before := [2]map[int64]store.Digest{digests(was.Own), digests(was.Peer)}
	now := [2]map[int64]store.Digest{digests(is.Own), digests(is.Peer)}
	judge := func(h int64) {
		own, peer := now[0][h], now[1][h]
		switch {
		case replica.Mutant != "proof-moving" && (own != before[0][h] || peer != before[1][h]):
			v.Moving++
		case own == peer:
			v.Equal++
		case layout.PeriodOf(h*store.HourMillis) < max(is.Own.Thin, is.Peer.Thin):
			v.Lacking = append(v.Lacking, h)
		default:
			v.Different = append(v.Different, Difference{h, own, peer})
		}
	}
	for _, h := range is.Own.Hours { // in order, for people
		judge(h.Hour)
	}
	for _, h := range is.Peer.Hours {
		if _, both := now[0][h.Hour]; !both {
			judge(h.Hour)
		}
	}
	return v
}

// settled says that neither side brings, or lacks, points that no vector tells of.
func settled(p Pair) bool {
	quiet := func(s exchange.Snapshot) bool { return s.Whole && !s.Suspect && !s.Busy && !s.Ahead }
	seen := func(excess, compared uint64) bool { return excess == 0 || excess == compared }
	compared := seen(p.Peer.Excess, p.Compared) && seen(p.Own.Excess, p.Peer.Compared)
	return quiet(p.Own) && quiet(p.Peer) && p.Own.Floor == p.Peer.Floor && p.Own.Edicts == p.Peer.Edicts &&
		(compared || replica.Mutant == "proof-excess")
}

// covers says that a vector knows all that another knew. An origin of which nothing lives may be forgotten.
func covers(v, other []replog.Reach, floor series.Period) bool {
	known := make(map[replog.Origin]replog.Seq, len(v))
	for _, r := range v {
		known[r.Origin] = r.Seq
	}
	for _, r := range other {
		if known[r.Origin] < r.Seq && r.Last >= floor {
			return false
		}
	}
	return true
}

func digests(s exchange.Snapshot) map[int64]store.Digest {
	m := make(map[int64]store.Digest, len(s.Hours))
	for _, h := range s.Hours {
		m[h.Hour] = h.Digest
	}
	return m
}
