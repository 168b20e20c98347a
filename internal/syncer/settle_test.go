package syncer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// polledMachine is one that has just polled keys: one that must be read, one that lacks its newest point, one that is
// equal. Their scores are 11, 12, 13.
func polledMachine(t *testing.T, now time.Time) (*machine, action) {
	t.Helper()
	m := newMachine(given{
		peer: "p", layout: series.Day, poll: time.Second, floor: func() series.Period { return 0 },
		jitter: func() float64 { return 0 },
	})
	must(t, m.step(now, event{}), actOwn)
	must(t, m.step(now, event{epoch: "own", cursor: store.Cursor{Epoch: "e", Journal: 10}}), actPoll)
	ev := event{epoch: "e"}
	for i := range 3 {
		pt := series.Point{TS: 1795356000000 + int64(i), Frac: 3, Value: []byte("1")}
		ev.list = append(ev.list, store.Change{
			Key: fmt.Sprintf("2026-11-22:h%d:m", i), Score: int64(11 + i), State: &store.State{Newest: pt},
		})
	}
	ask := m.step(now, ev)
	must(t, ask, actLacks)
	if len(ask.keys) != 3 || len(ask.told) != 3 {
		t.Fatalf("asked about %d keys with %d states, want 3", len(ask.keys), len(ask.told))
	}
	return m, m.step(now, event{lacks: []store.Lack{store.LacksMore, store.LacksNewest, store.LacksNothing}})
}

func must(t *testing.T, a action, want kind) {
	t.Helper()
	if a.kind != want {
		t.Fatalf("action %d, want %d", a.kind, want)
	}
}

// readOn goes from the merge of what was settled to the question for the one key that must be read.
func readOn(t *testing.T, m *machine, now time.Time) {
	t.Helper()
	marks := m.step(now, event{})
	must(t, marks, actMarks)
	if len(marks.keys) != 1 {
		t.Fatalf("marks of %d keys, want 1", len(marks.keys))
	}
	must(t, m.step(now, event{marks: make([]store.Mark, 1)}), actTails)
}

// TestMachine_settledKeysWaitForTheCursor: keys that need not be read are merged and marked at once, but the cursor
// stays below the key that is still to be read.
func TestMachine_settledKeysWaitForTheCursor(t *testing.T) {
	now := time.Unix(1795356000, 0)
	m, merge := polledMachine(t, now)
	must(t, merge, actMerge)
	if merge.origin.Cursor != nil || len(merge.origin.Marks) != 2 || len(merge.groups) != 1 {
		t.Fatalf("merge of %d groups, %d marks, cursor %v; want 1, 2, none",
			len(merge.groups), len(merge.origin.Marks), merge.origin.Cursor)
	}
	readOn(t, m, now)
	last := m.step(now, event{counts: []int{0}, points: [][]series.Point{{{TS: 1795356000000, Value: []byte("1")}}}})
	must(t, last, actMerge)
	if c := last.origin.Cursor; c == nil || c.Journal != 13 {
		t.Fatalf("cursor %v after all keys were read, want 13", c)
	}
}

// TestMachine_settledKeysDoNotHideAFailure: when the key can not be read, the next poll asks for it again.
func TestMachine_settledKeysDoNotHideAFailure(t *testing.T) {
	now := time.Unix(1795356000, 0)
	m, _ := polledMachine(t, now)
	readOn(t, m, now)
	must(t, m.step(now, event{err: errors.New("gone")}), actWait)
	must(t, m.step(now, event{}), actOwn)
	poll := m.step(now, event{epoch: "own"})
	if poll.kind != actPoll || poll.cursor.Journal != 10 {
		t.Fatalf("polls from %d, want 10", poll.cursor.Journal)
	}
}

// TestSyncer_together: the syncers of a node wait for one instant, never longer than they were told, and the next one
// is a Poll later.
func TestSyncer_together(t *testing.T) {
	s := &Syncer{cfg: Config{Poll: 250 * time.Millisecond}, phase: 77_000_000}
	start := time.Unix(1795356000, 0)
	for i := range 500 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		d := s.together(now, s.cfg.Poll)
		at := now.Add(d)
		if d <= 0 || d > s.cfg.Poll || (at.UnixNano()+s.phase)%int64(s.cfg.Poll) != 0 {
			t.Fatalf("at %d ms: waits %s until %s", i, d, at)
		}
		if again := s.together(at.Add(time.Millisecond), s.cfg.Poll-time.Millisecond); again != s.cfg.Poll-time.Millisecond {
			t.Fatalf("the wait after that is %s", again)
		}
	}
}
