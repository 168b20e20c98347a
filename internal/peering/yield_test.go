package peering

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// TestLink_yield: an exchange pauses while the log has more than was taken, and only then.
func TestLink_yield(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	s := a.feed.NewSession()
	l := NewLink(LinkConfig{
		Peer: "a", Self: b.feed.Self, Shards: b.feed.Shards, Pull: direct{s: s}, Follows: func() []string { return nil },
		Log: slog.New(slog.DiscardHandler),
	})
	if _, err := l.hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	const took = 10 * time.Millisecond
	yields := func() time.Duration {
		began := time.Now()
		l.yield(t.Context(), took)
		return time.Since(began)
	}
	f := NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	if err := l.pull(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if yields(); l.Status().Yields != 0 {
		t.Error("it pauses, and nothing is to come")
	}
	for i := range 500 { // more than an answer has
		a.write(t, 60, noon.Add(-time.Duration(i)*time.Second), fmt.Sprint(i))
	}
	if err := l.pull(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if got := yields(); got < yieldTimes*took || l.Status().Yields != 1 {
		t.Errorf("it pauses for %s, %d times", got, l.Status().Yields)
	}
	for l.behind {
		if err := l.pull(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if yields(); l.Status().Yields != 1 || a.points(t) != b.points(t) {
		t.Errorf("in the end: %d pauses, %d points of %d", l.Status().Yields, b.points(t), a.points(t))
	}
}
