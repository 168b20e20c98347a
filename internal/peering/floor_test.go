package peering

import (
	"context"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/series"
)

// meddled is a Remote to which something happens before it tells its hours.
type meddled struct {
	exchange.Remote
	before func()
}

func (m meddled) Hours(ctx context.Context, shard int) ([]grid.HourDigest, error) {
	m.before()
	return m.Remote.Hours(ctx, shard)
}

// adopt exchanges with another side, whose vector is adopted.
func (s *side) adopt(t *testing.T, from exchange.Remote) {
	t.Helper()
	x := exchange.New(exchange.Want{Shard: s.sh, Adopt: true}, from)
	for done := false; !done; {
		var err error
		if done, err = x.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *side) drop(t *testing.T, floor series.Period) {
	t.Helper()
	if _, err := s.sh.Drop(t.Context(), floor); err != nil {
		t.Fatal(err)
	}
}

func (s *side) standing(t *testing.T) exchange.Standing {
	t.Helper()
	st, err := s.feed.Source().Standing(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// twoDays is a side with a point of yesterday and one of today, and today's period.
func twoDays(t *testing.T, name string) (*side, series.Period) {
	t.Helper()
	s := newSide(t, name)
	s.write(t, 1, noon.Add(-24*time.Hour), "1")
	s.write(t, 1, noon, "1")
	return s, series.Day.PeriodOf(noon.UnixMilli())
}

// TestExchange_higherFloor: whoever adopts the vector of a node that has dropped more says that it may lack what was
// dropped there, and so does whoever adopts it next.
func TestExchange_higherFloor(t *testing.T) {
	a, today := twoDays(t, "a")
	f := func(what string, to *side, from exchange.Remote, want series.Period) {
		t.Helper()
		if to.adopt(t, from); to.standing(t).Thin != want {
			t.Errorf("%s: may lack what is before %d, want %d", what, to.standing(t).Thin, want)
		}
	}
	b, c, d, e := newSide(t, "b"), newSide(t, "c"), newSide(t, "d"), newSide(t, "e")
	f("equal floors", b, a.feed.Source(), 0)
	f("dropped meanwhile", e, meddled{a.feed.Source(), func() { a.drop(t, today) }}, today)
	f("nothing new", b, a.feed.Source(), 0)
	f("dropped", c, a.feed.Source(), today)
	f("from one that may lack it", d, c.feed.Source(), today)
	g := newSide(t, "g")
	g.drop(t, today)
	f("dropped by both", g, c.feed.Source(), 0)
	restored := newSide(t, "h")
	tx := d.sh.Begin()
	st := tx.State()
	tx.End()
	tx = restored.sh.Begin()
	tx.Restore(st)
	tx.End()
	if got := restored.standing(t).Thin; got != today {
		t.Errorf("after a start: %d", got)
	}
}

// TestExchange_busyPeer: what a peer had from an exchange that it began meanwhile is more than its vector said.
func TestExchange_busyPeer(t *testing.T) {
	a, _ := twoDays(t, "a")
	b, c := newSide(t, "b"), newSide(t, "c")
	b.write(t, 3, noon, "2")
	c.adopt(t, meddled{b.feed.Source(), func() { b.adopt(t, a.feed.Source()) }})
	if c.standing(t).Excess == 0 {
		t.Error("points that no vector covers are not told of")
	}
}

// TestExchange_ahead: an exchange also brings what is written while it runs. Until the entries come the vector does not
// cover that, and says so.
func TestExchange_ahead(t *testing.T) {
	a, _ := twoDays(t, "a")
	b, c := newSide(t, "b"), newSide(t, "c")
	b.adopt(t, a.feed.Source())
	if b.standing(t).Ahead {
		t.Error("ahead though nothing was written meanwhile")
	}
	c.adopt(t, meddled{a.feed.Source(), func() { a.write(t, 3, noon, "2") }})
	d := newSide(t, "d")
	if d.adopt(t, c.feed.Source()); !c.standing(t).Ahead || d.standing(t).Excess == 0 {
		t.Errorf("brought while it was written: %+v, and taken on: %+v", c.standing(t), d.standing(t))
	}
	s, f := a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, c.feed.Shards)
	round(t, s, f)
	if st := c.standing(t); st.Ahead || st.Excess != 0 {
		t.Errorf("all entries have come: %+v", st)
	}
}

// TestTx_Take_belowTheFloor: a node passes on what it does not keep itself.
func TestTx_Take_belowTheFloor(t *testing.T) {
	a, today := twoDays(t, "a")
	a.write(t, 5, noon.Add(-24*time.Hour), "2")
	b, c := newSide(t, "b"), newSide(t, "c")
	b.drop(t, today)
	for _, l := range [][2]*side{{a, b}, {b, c}} {
		s, f := l[0].feed.NewSession(), NewFollower(l[0].feed.Self.Node, l[0].feed.Self.Incarnation, l[1].feed.Shards)
		for range 3 {
			round(t, s, f)
		}
	}
	if b.points(t) != 1 || c.points(t) != a.points(t) {
		t.Errorf("%d points of %d arrived, through one with %d", c.points(t), a.points(t), b.points(t))
	}
}
