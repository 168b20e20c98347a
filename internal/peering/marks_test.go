package peering

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/watermark"
)

// TestMarks_throughOthers: how far a node has come is told through a third one, and it counts as complete only when its
// points are here too.
func TestMarks_throughOthers(t *testing.T) {
	a, b, c := newSide(t, "a"), newSide(t, "b"), newSide(t, "c")
	now := noon
	held := map[string][]int{"a": {1}, "b": {1}}
	for _, s := range []*side{a, b, c} {
		s.feed.Clock, s.feed.Marks = func() time.Time { return now }, watermark.NewBoard()
	}
	toB, toC := a.feed.NewSession(), b.feed.NewSession()
	fromA := NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	fromB := NewFollower("b", b.feed.Self.Incarnation, c.feed.Shards)
	hear := func(f *Follower, s *Session, own *side, most int) {
		t.Helper()
		ans, err := s.Pull(t.Context(), f.Request(nil, nil, most), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Apply(ans)
		if err != nil {
			t.Fatal(err)
		}
		own.feed.Marks.Hear(got.Marks)
		f.cover(own.feed.Marks)
	}
	until := func() time.Time { return c.feed.Marks.Complete(held)["a"].Until }
	a.write(t, 5, noon, "1")
	hear(fromA, toB, b, mostAnswer)
	hear(fromB, toC, c, 0) // marks alone
	if got := c.feed.Marks.Complete(held)["a"]; !got.Until.IsZero() || !got.Heard.Equal(noon) || got.Behind != -1 {
		t.Errorf("c lacks the points of a: %+v", got)
	}
	hear(fromB, toC, c, mostAnswer)
	if got := until(); !got.Equal(noon) || c.points(t) != 5 {
		t.Errorf("all is here, complete until %v", got)
	}
	now = now.Add(10 * time.Second)
	hear(fromB, toC, c, mostAnswer)
	if got := until(); !got.Equal(noon) {
		t.Errorf("nothing was heard of a since, complete until %v", got)
	}
	if got := c.feed.Marks.Complete(held)["b"].Until; !got.Equal(now) {
		t.Errorf("b is complete until %v", got)
	}
	hear(fromA, toB, b, mostAnswer)
	now = now.Add(time.Second)
	hear(fromB, toC, c, mostAnswer)
	if got := until(); !got.Equal(noon.Add(10 * time.Second)) {
		t.Errorf("complete until %v", got)
	}
}
