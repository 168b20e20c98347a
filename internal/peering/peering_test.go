package peering

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// round lets b pull from a once.
func round(t *testing.T, s *Session, f *Follower) (Answered, int) {
	t.Helper()
	b, err := s.Pull(t.Context(), f.Request(nil, nil, mostAnswer), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	return a, len(b)
}

// TestSession_bytesPerPoint: the names of series go once over a connection; from there on a point is a few bytes.
func TestSession_bytesPerPoint(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	s, f := a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	const n = 500
	first := 0
	for tick := range 40 {
		at := noon.Add(time.Duration(tick-60) * 10 * time.Second)
		for part := range 10 { // writers come one after the other
			a.write(t, n/10, at.Add(time.Duration(part)*100*time.Millisecond), "12.5")
		}
		got, size := round(t, s, f)
		if !got.Drained || got.Useful == 0 || got.Useful != got.Entries || got.Points != n {
			t.Fatalf("tick %d: %+v", tick, got)
		}
		if tick == 0 {
			first = size
		} else if per := float64(size) / n; tick > 1 && per > 8 {
			t.Fatalf("tick %d: %.1f bytes a point, at most 8 (the first %d)", tick, per, first)
		}
	}
	if a.points(t) != b.points(t) {
		t.Errorf("%d points of %d", b.points(t), a.points(t))
	}
}

// TestFollower_afterABreak: a connection that breaks anywhere costs nothing and sends nothing twice that was taken.
func TestFollower_afterABreak(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	entries := 0
	for i := range 10 {
		s, f := a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
		a.write(t, 20, noon.Add(-time.Duration(i)*time.Second), "1")
		got, _ := round(t, s, f)
		entries += got.Entries
		a.write(t, 20, noon.Add(-time.Duration(i)*time.Second), "2")
		if _, err := s.Pull(t.Context(), f.Request(nil, nil, mostAnswer), nil, false); err != nil { // the answer is lost
			t.Fatal(err)
		}
	}
	got, _ := round(t, a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards))
	if a.points(t) != 400 || b.points(t) != 400 || entries+got.Entries > 20 {
		t.Errorf("%d points of %d, %d entries", b.points(t), a.points(t), entries+got.Entries)
	}
}

// TestExchange: a peer that lacks all the log no longer has gets it, hour by hour, the latest first, and whatever is
// written meanwhile by the log. Where there are whole chunks, most hours are there with the latest.
func TestExchange(t *testing.T) {
	t.Run("points", func(t *testing.T) { testExchange(t, false, 20) })
	t.Run("chunks", func(t *testing.T) { testExchange(t, true, 3) })
}

func testExchange(t *testing.T, chunks bool, hours int) {
	t.Helper()
	a, b := newSide(t, "a"), newSide(t, "b")
	for h := range 20 {
		a.write(t, 100, noon.Add(-time.Duration(h)*time.Hour), "1")
	}
	b.write(t, 50, noon.Add(-3*time.Hour), "1") // the same points
	b.write(t, 50, noon.Add(-3*time.Hour), "7") // others
	s := a.feed.NewSession()
	if _, err := s.Do(t.Context(), "dn.peer", []byte(b.feed.Self.String())); err != nil {
		t.Fatal(err)
	}
	x := exchange.New(exchange.Want{Shard: b.sh, Adopt: true}, far{direct{s: s}, chunks})
	newest := int64(-1)
	for n := 0; ; n++ {
		done, err := x.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			a.write(t, 10, noon, "2")
		}
		if b.points(t) >= 200 && newest < 0 {
			got, _ := b.sh.Hours()
			newest = got[0].Hour
		}
		if done {
			break
		}
	}
	if newest != noon.Unix()/3600 {
		t.Errorf("the first points are of hour %d", newest)
	}
	got, _ := round(t, a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards))
	if b.points(t) != a.points(t)+50 || got.Points != 10 {
		t.Errorf("%d points of %d and 50; the log brought %d", b.points(t), a.points(t), got.Points)
	}
	if x.Points != 20*100-50+10 || x.Repair.Hours != hours || (x.Chunks > 0) != chunks {
		t.Errorf("%+v", x.Repair)
	}
}

// TestFollower_passesOnWhatItHad: an entry whose points came before, by an exchange, is logged and passed on all the
// same (R3). Else whoever follows this node alone would never get them.
func TestFollower_passesOnWhatItHad(t *testing.T) {
	a, b, c := newSide(t, "a"), newSide(t, "b"), newSide(t, "c")
	fromA := NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	fromB := NewFollower("b", b.feed.Self.Incarnation, c.feed.Shards)
	toB, toC := a.feed.NewSession(), b.feed.NewSession()
	round(t, toB, fromA)
	round(t, toC, fromB)
	a.write(t, 5, noon, "1")
	if _, err := toB.Do(t.Context(), "dn.peer", []byte(b.feed.Self.String())); err != nil {
		t.Fatal(err)
	}
	x := exchange.New(exchange.Want{Shard: b.sh}, far{direct{s: toB}, true})
	for done := false; !done; {
		var err error
		if done, err = x.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.points(t); got != 5 {
		t.Fatalf("the exchange brought %d points", got)
	}
	got, _ := round(t, a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards))
	if got.Useful != 1 {
		t.Fatalf("%+v", got)
	}
	if round(t, toC, fromB); c.points(t) != 5 {
		t.Errorf("%d of 5 points are passed on", c.points(t))
	}
}

// TestSession_sendsNothingBack: a node does not get its own entries back while it has them.
func TestSession_sendsNothingBack(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	toB, back := a.feed.NewSession(), b.feed.NewSession()
	fromA := NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	fromB := NewFollower("b", b.feed.Self.Incarnation, a.feed.Shards)
	for i := range 5 {
		round(t, back, fromB)
		a.write(t, 5, noon.Add(-time.Duration(i)*time.Second), "1")
		round(t, toB, fromA)
		req := fromB.Request(nil, nil, mostAnswer)
		a.write(t, 5, noon.Add(-time.Duration(i)*time.Second), "2") // which the request does not know of
		round(t, toB, fromA)
		ans, err := back.Pull(t.Context(), req, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fromB.Apply(ans); err != nil || got.Entries > 0 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if b.points(t) != 50 {
		t.Errorf("%d points of 50", b.points(t))
	}
}

func TestHello(t *testing.T) {
	h := Hello{Version: Version, Cluster: `pr "od é`, Node: "nyc1", Incarnation: 7, Ring: 9, Chunks: true}
	got, err := ParseHello(h.String() + " what comes later")
	if err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "1", "1 \"c\" n 0 zz", "x \"c\" n 0 0", "1 c n 0 0", "1 \"c\"  0 0"} {
		if _, err := ParseHello(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	f := func(other Hello, want error) {
		t.Helper()
		if err := h.Check(other); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%+v: %v, want %v", other, err, want)
		}
	}
	f(Hello{Version, h.Cluster, "sfo1", 1, 1, false}, nil)
	f(Hello{Version, "other", "sfo1", 1, 1, false}, ErrCluster)
	f(Hello{Version + 1, h.Cluster, "sfo1", 1, 1, false}, ErrVersion)
	f(Hello{Version, h.Cluster, "nyc1", 1, 1, false}, ErrSelf)
}

func TestSession_Do_refuses(t *testing.T) {
	a := newSide(t, "a")
	s := a.feed.NewSession()
	for _, cmd := range []string{"dn.pull", "dn.grid"} {
		if _, err := s.Do(t.Context(), cmd, nil); !errors.Is(err, ErrNoHello) {
			t.Errorf("%s: %v", cmd, err)
		}
	}
	if _, err := s.Do(t.Context(), "dn.peer", []byte(a.feed.Self.String())); !errors.Is(err, ErrSelf) {
		t.Errorf("its own hello: %v", err)
	}
	twice := errors.New("twice")
	var found error // of the second of two nodes of one name it may be seen only later that it is one
	a.feed.Meet = func(Hello) error { return found }
	if _, err := s.Do(t.Context(), "dn.peer", []byte(newSide(t, "b").feed.Self.String())); err != nil {
		t.Errorf("a hello: %v", err)
	}
	found = twice
	for _, cmd := range []string{"dn.pull", "dn.grid"} {
		if _, err := s.Do(t.Context(), cmd, nil); !errors.Is(err, twice) {
			t.Errorf("%s of the second: %v", cmd, err)
		}
	}
	if _, err := s.Pull(t.Context(), (&Follower{}).Request(nil, nil, 1), nil, false); err != nil {
		t.Errorf("a request for nothing: %v", err)
	}
	b := newSide(t, "b")
	f := NewFollower("a", 1, []*shard.Shard{b.sh})
	req := f.Request(nil, []string{"x"}, 1)
	req[len(req)-3] = 2 // the shard
	if _, err := s.Pull(t.Context(), req, nil, false); err == nil {
		t.Error("a shard that is not held is answered")
	}
}

// TestLink_Run follows a peer through failures, an exchange and its end.
func TestLink_Run(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, b := newSide(t, "a"), newSide(t, "b")
	for i := range 300 { // more than the tail keeps
		a.write(t, 400, noon.Add(-time.Duration(i)*time.Minute), strings.Repeat("7", 15))
	}
	var calls atomic.Int64
	fail := func(string) error {
		if calls.Add(1)%7 == 0 {
			return errors.New("cut")
		}
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	l := NewLink(LinkConfig{
		Peer: "a", Self: b.feed.Self, Shards: b.feed.Shards, Pull: direct{a.feed.NewSession(), fail},
		Compare: direct{a.feed.NewSession(), nil}, Follows: func() []string { return nil },
		Log: slog.New(slog.DiscardHandler),
	})
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	until := time.Now().Add(30 * time.Second)
	settled := func() bool {
		s := l.Status()
		return b.points(t) == a.points(t) && s.State == Following && !s.Complete.IsZero()
	}
	for !settled() && time.Now().Before(until) {
		time.Sleep(5 * time.Millisecond)
	}
	if s := l.Status(); !settled() || s.Compares == 0 || s.Repaired == 0 {
		t.Errorf("%d points of %d: %+v", b.points(t), a.points(t), s)
	}
	a.write(t, 10, noon.Add(time.Second), "1")
	for b.points(t) != a.points(t) && time.Now().Before(until) {
		time.Sleep(5 * time.Millisecond)
	}
	if b.points(t) != a.points(t) {
		t.Error("new points do not come")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLink_Status_overdue: who waits for an answer that should have come says so before it gives up.
func TestLink_Status_overdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, "a"), newSide(t, "b")
		a.write(t, 10, noon, "1")
		var lost atomic.Bool
		timeout := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		fail := func(cmd string) error {
			if cmd == "DN.PULL" && lost.Load() {
				<-timeout
				return errors.New("timeout")
			}
			return ctx.Err() // a connection gives up with it
		}
		l := NewLink(LinkConfig{
			Peer: "a", Self: b.feed.Self, Shards: b.feed.Shards, Pull: direct{a.feed.NewSession(), fail},
			Compare: direct{a.feed.NewSession(), nil}, Follows: func() []string { return nil },
			Log: slog.New(slog.DiscardHandler),
		})
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		f := func(after time.Duration, want State) {
			t.Helper()
			time.Sleep(after)
			if s := l.Status(); s.State != want {
				t.Errorf("%s, want %s", s.State, want)
			}
		}
		f(10*time.Second, Following)
		lost.Store(true)
		f(longPoll+slow/2, Following)
		f(longPoll+slow, Overdue)
		lost.Store(false)
		close(timeout)
		f(10*time.Second, Following)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestLink_Status_applying: while an answer is applied the lag grows, and nobody is overdue.
func TestLink_Status_applying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLink(LinkConfig{Peer: "a", Log: slog.New(slog.DiscardHandler)})
		l.status.State, l.asked = Following, time.Now()
		l.lags[1] = l.asked
		f := func(state State, lag time.Duration) {
			t.Helper()
			if s := l.Status(); s.State != state || s.Lag[1] != lag {
				t.Errorf("%s, lag %s, want %s, %s", s.State, s.Lag[1], state, lag)
			}
		}
		time.Sleep(longPoll / 2)
		f(Following, 0) // nothing has come yet
		l.waited = longPoll / 2
		time.Sleep(10 * time.Second)
		f(Following, 10*time.Second)
		l.waited = 0
		f(Overdue, 10*time.Second-longPoll/2)
	})
}

// TestLink_Run_other: a peer that speaks no log is followed by its journals; one of another cluster not at all.
func TestLink_Run_other(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, b := newSide(t, "a"), newSide(t, "b")
	f := func(want State, self Hello, answer error) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		journal := make(chan bool, 1)
		l := NewLink(LinkConfig{
			Peer: "a", Self: self, Shards: b.feed.Shards, Follows: func() []string { return nil },
			Pull: direct{a.feed.NewSession(), func(string) error { return answer }},
			Log:  slog.New(slog.DiscardHandler),
			Journal: func(ctx context.Context) error {
				journal <- true
				<-ctx.Done()
				return nil
			},
		})
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		for until := time.Now().Add(20 * time.Second); l.Status().State != want && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
		if s := l.Status(); s.State != want {
			t.Errorf("%+v, want %s", s, want)
		}
		if want == Journal {
			<-journal
		} else if len(journal) > 0 {
			t.Errorf("%s: its journals are followed", want)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	f(Journal, b.feed.Self, ErrNoLog)
	f(Unreachable, b.feed.Self, errors.New("cut"))
	other := b.feed.Self
	other.Cluster = "another"
	f(Refused, other, nil)
	other = b.feed.Self
	other.Node = "a"
	f(Refused, other, nil)
}
