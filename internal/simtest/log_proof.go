package simtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/proof"
)

// prove compares both ends as package proof does, shard by shard. Whatever has happened, no hour may count as different
// that is not, but for what was forgotten.
func (f *LogFlock) prove(l *logLink) {
	for _, s := range l.from.shards {
		is := proof.Pair{Compared: l.follower.Compared(s.id)}
		var err error
		is.Peer, err = l.to.feed.Source().Snapshot(context.Background(), s.id)
		must(err)
		for _, back := range l.to.links {
			if back.to == l.from && back.follower != nil {
				is.Peer.Compared = back.follower.Compared(s.id)
			}
		}
		flaky{f, l}.busy()
		is.Own, err = l.from.feed.Source().Snapshot(context.Background(), s.id)
		must(err)
		if l.ahead[s.id]++; !is.Own.Ahead {
			l.ahead[s.id] = 0
		} else if l.ahead[s.id] == proof.Patience {
			tx := s.sh.Begin()
			tx.Peers().Exceed()
			tx.End()
		}
		was, ok := l.pairs[s.id]
		if l.pairs[s.id] = is; ok {
			f.judge(l, s, proof.Judge(simLayout, was, is))
		}
	}
}

func (f *LogFlock) judge(l *logLink, s *logShard, v proof.Verdict) {
	f.Count.Proofs++
	f.Count.Equal += v.Equal
	if len(v.Lacking) > 0 {
		f.repair(l, s, v.Lacking)
	}
	var hours []int64
	for _, d := range v.Different {
		hours = append(hours, d.Hour)
	}
	switch {
	case len(hours) == 0:
	case !f.differ(s, l.to.shards[s.id-1], hours):
		f.repair(l, s, hours)
	case f.wrong == nil:
		f.wrong = fmt.Errorf("shard %d of %s and %s is said to differ: %+v", s.id, l.from.name, l.to.name, v.Different)
	}
}

// repair fetches what differs, as a Prover does.
func (f *LogFlock) repair(l *logLink, s *logShard, hours []int64) {
	f.Count.Repairs++
	w := exchange.Want{Shard: s.sh, Hours: hours}
	x := exchange.New(w, l.to.feed.Source())
	done, err := false, error(nil)
	for !done && err == nil {
		done, err = x.Step(context.Background())
	}
	if err != nil {
		x.Abandon()
	}
}

// differ says whether two replicas differ in some hours by more than points that were forgotten once. By these they
// may, truly: whoever knows a tombstone passes entries on without its points, to nodes whose clock does not let them
// take it over; and a tombstone is lost with the last disk that had it.
func (f *LogFlock) differ(a, b *logShard, hours []int64) bool {
	return apart(a, b, func(text string) bool { return !dead(f.ever, text) && slices.Contains(hours, hourOf(text)) })
}
