package replica

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// shardLog is a State and a Tail, as a shard has them.
type shardLog struct {
	s     *State
	t     *Tail
	rec   *replog.Recorder
	named replog.Named
	now   time.Duration
}

func newShardLog(o replog.Origin, most int64) *shardLog {
	return &shardLog{s: New(o), t: NewTail(most), rec: replog.NewRecorder()}
}

func (l *shardLog) log(h replog.Head) {
	l.rec.BeginEntry()
	l.rec.Point(&l.named, []byte("h:m"), &series.Point{TS: int64(h.Seq) * 1000, Value: []byte("1")})
	l.t.Append(Entry{l.rec.Record(h), h.Origin, h.Seq, l.rec.Names()}, l.now, l.s.Trimmed)
}

func (l *shardLog) own() {
	l.log(replog.Head{Shard: 1, Seq: l.s.Own(1), Origin: l.s.self})
}

// take is what a shard does with an entry of a peer.
func (l *shardLog) take(h replog.Head) Verdict {
	v := l.s.Judge(h.Origin, h.First(), h.Seq)
	if v == Next {
		l.s.Took(h.Origin, h.Seq, 1)
		h.Foreign = true
		l.log(h)
	}
	return v
}

// TestCursor_law: whatever is appended, forgotten and taken elsewhere, a peer is served only what it can take, and in
// the end all of it, or told of a gap.
func TestCursor_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newShardLog(self, rapid.Int64Range(300, 20_000).Draw(t, "tail"))
		c := newShardLog(third, 1<<20)
		var cursor Cursor
		reset := func() { cursor.Reset(a.t, c.s.Asked()) }
		reset()
		next := replog.Seq(1)
		gap := false
		serve := func(most int) (more bool) {
			cursor.Knows(c.s.Asked())
			follows := map[string]bool{"b": rapid.Bool().Draw(t, "follows")}
			got := cursor.Serve(a.t, a.s, Asker{Follows: follows, Now: a.now, Most: most, Previews: true})
			for _, p := range got.Previews {
				if p.Head.Seq <= c.s.Seq(p.Head.Origin) {
					t.Fatalf("%s %d is shown though it is known", p.Head.Origin.Node, p.Head.Seq)
				}
			}
			gap = got.Gap
			for _, p := range got.Picks {
				if v := c.take(p.Head); v == Hole {
					t.Fatalf("%s %d-%d is served behind a hole", p.Head.Origin.Node, p.Head.First(), p.Head.Seq)
				}
			}
			return len(got.Picks) > 0
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			a.now += time.Duration(rapid.IntRange(0, 700).Draw(t, "ms")) * time.Millisecond
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1, 2:
				a.own()
			case 3, 4:
				h := replog.Head{Shard: 1, Origin: other, Seq: next, Count: 1}
				next++
				a.take(h)
				if rapid.Bool().Draw(t, "also") {
					c.take(h)
				}
			case 5, 6:
				serve(rapid.IntRange(1, 500).Draw(t, "most"))
			case 7:
				reset()
			}
			if gap {
				return
			}
		}
		a.now += 2 * Hold
		for n := 0; serve(1<<20) && n < 1000; n++ {
		}
		if gap {
			return
		}
		if a.s.Seq(self) != c.s.Seq(self) || a.s.Seq(other) > c.s.Seq(other) {
			t.Fatalf("told of no gap, and left behind: %v has %v", a.s.Published(), c.s.Published())
		}
	})
}

// TestCursor_Serve_transit: entries of a node that the peer follows itself are kept from it for a while, those of
// others are not.
func TestCursor_Serve_transit(t *testing.T) {
	a := newShardLog(self, 1<<20)
	var cursor Cursor
	cursor.Reset(a.t, nil)
	a.take(replog.Head{Shard: 1, Origin: other, Seq: 1})
	a.take(replog.Head{Shard: 1, Origin: third, Seq: 1})
	ask := Asker{Follows: map[string]bool{"b": true}, Now: a.now, Most: 1000}
	f := func(what string, want ...replog.Origin) {
		t.Helper()
		got := cursor.Serve(a.t, a.s, ask)
		if len(got.Picks) != len(want) || got.Gap || !got.Drained {
			t.Fatalf("%s: %d picks, gap %t, drained %t", what, len(got.Picks), got.Gap, got.Drained)
		}
		for i, o := range want {
			if got.Picks[i].Head.Origin != o {
				t.Errorf("%s: pick %d is of %s", what, i, got.Picks[i].Head.Origin.Node)
			}
		}
	}
	f("at once", third)
	f("again")
	ask.Now += Hold
	f("after a while", other)
	ask.Now += Hold
	f("once")
}

func TestTail_trim(t *testing.T) {
	a := newShardLog(self, 1000)
	for range 200 {
		a.own()
	}
	if a.t.Size() > 1500 || a.t.First() == 0 {
		t.Errorf("%d bytes from %d on", a.t.Size(), a.t.First())
	}
	if a.s.Covers(nil) || !a.s.Covers(map[replog.Origin]replog.Seq{self: 199}) {
		t.Error("the start is not where the tail begins")
	}
	if _, ok := a.t.Read(0); ok {
		t.Error("what is gone can be read")
	}
}
