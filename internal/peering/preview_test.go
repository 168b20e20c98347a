package peering

import (
	"testing"
	"time"
)

// back is a side that is back after an absence and asks another, in small answers.
type back struct {
	*side
	from *side
	s    *Session
	f    *Follower
}

func newBack(t *testing.T, from *side, previews bool) *back {
	t.Helper()
	b := newSide(t, "b")
	s, f := from.feed.NewSession(), NewFollower("a", from.feed.Self.Incarnation, b.feed.Shards)
	if round(t, s, f); b.points(t) != from.points(t) {
		t.Fatalf("%d points of %d", b.points(t), from.points(t))
	}
	f = NewFollower("a", from.feed.Self.Incarnation, b.feed.Shards)
	f.Previews = previews
	return &back{b, from, from.feed.NewSession(), f}
}

func (b *back) ask(t *testing.T) Answered {
	t.Helper()
	ans, err := b.s.Pull(t.Context(), b.f.Request(nil, nil, 2<<10), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.f.Apply(ans)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// missed is what is written while the side is away: 200 ticks.
func (b *back) missed(t *testing.T) {
	for i := range 200 {
		b.from.write(t, 200, noon.Add(time.Duration(i-300)*10*time.Second), "1")
	}
}

// TestSession_previews: to a peer that is back goes what is written now before its turn, once, and again in its turn;
// until then it says that it is ahead of its vector. A peer that did not ask for that gets all in order.
func TestSession_previews(t *testing.T) {
	onDisk := newLogged(t, "a")
	for _, tt := range []struct {
		what     string
		from     *side
		previews bool
	}{
		{"from memory", newSide(t, "a"), true},
		{"from the disk", onDisk.side, true},
		{"not asked for", newSide(t, "a"), false},
	} {
		tt.from.write(t, 200, noon.Add(-time.Hour), "1")
		b := newBack(t, tt.from, tt.previews)
		if b.missed(t); tt.from == onDisk.side {
			onDisk.roll(t)
		}
		b.ask(t) // it is back
		tt.from.write(t, 5, noon, "9")
		got := b.ask(t)
		hours, _ := b.sh.Hours()
		if shown := hours[0].Hour == noon.Unix()/3600; shown != tt.previews || (got.Shown > 0) != tt.previews {
			t.Errorf("%s: the present is seen: %t, %+v", tt.what, shown, got)
		}
		if b.standing(t).Ahead != tt.previews || got.Drained {
			t.Errorf("%s: ahead %t, %+v", tt.what, b.standing(t).Ahead, got)
		}
		more := 0
		for n := 0; !got.Drained && n < 1000; n++ {
			got = b.ask(t)
			more += got.Shown
		}
		if st := b.standing(t); b.points(t) != tt.from.points(t) || st.Ahead || st.Excess != 0 || more > 0 {
			t.Errorf("%s: %d points of %d, %d shown again, %+v", tt.what, b.points(t), tt.from.points(t), more, st)
		}
		if tt.from.write(t, 5, noon, "8"); b.ask(t).Shown > 0 {
			t.Errorf("%s: shown before its turn though nothing is to go before it", tt.what)
		}
	}
}

// TestExchange_previews: what is taken from a peer to which some of it came before its turn, while the exchange ran, is
// more than the vector says.
func TestExchange_previews(t *testing.T) {
	a := newSide(t, "a")
	a.write(t, 200, noon.Add(-time.Hour), "1")
	b, c := newBack(t, a, true), newSide(t, "c")
	b.missed(t)
	b.ask(t)
	c.adopt(t, meddled{b.feed.Source(), func() {
		a.write(t, 5, noon, "9")
		if b.ask(t).Shown == 0 {
			t.Fatal("nothing is shown")
		}
	}})
	if c.standing(t).Excess == 0 {
		t.Error("points that no vector covers are not told of")
	}
}
