package node

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/syncer"
)

// TestNode_partial: what a node knows that it lacks it says, and clients are told not to take it for complete.
func TestNode_partial(t *testing.T) {
	n := &Node{} // it follows nobody's log: what comes through others is tested with real nodes
	f := func(s status, behind int64, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, n.partial(&s)); d != "" {
			t.Errorf("want -, got +\n%s", d)
		}
		if got := n.behindMillis(&s); got != behind {
			t.Errorf("%v: behind %d ms, want %d", want, got, behind)
		}
	}
	now := time.Now()
	link := func(peer string, lag int64, err string) syncer.Status {
		return syncer.Status{Peer: peer, LagMillis: lag, Err: err}
	}
	f(status{}, -1, "it has just started")
	f(status{At: now, Shards: []shardStatus{{ID: 1}}}, 0)
	f(status{At: now, Links: []syncer.Status{link("b", 31, ""), link("c", 2000, "")}}, 2000)
	f(status{At: now, Links: []syncer.Status{link("b", 31, ""), link("b", 34_000, "")}}, 34_000, "34s behind b")
	f(status{At: now, Links: []syncer.Status{link("b", 31, "gone"), link("c", -1, "")}}, -1,
		"nobody says what b has", "nobody says what c has")
	some := []shardStatus{{ID: 1, Lacking: true}, {ID: 2, Loading: true}, {ID: 3, Lacking: true}, {ID: 4}}
	f(status{At: now, Shards: some}, -1,
		"shard 2 is still being loaded", "shard 1, 3 gets back from peers what it lacks")
	f(status{At: now, Shards: []shardStatus{{ID: 1, Err: "away"}}}, 0, "shard 1 can not be read")
}
