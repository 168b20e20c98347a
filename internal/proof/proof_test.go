package proof

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// side is one shard of one node.
type side struct {
	*peering.Feed
	sh *shard.Shard
}

// near is a Peer that is always there.
type near struct{ other, own *side }

func (n near) Peer() string                   { return n.other.Self.Node }
func (n near) Shards() []*shard.Shard         { return n.own.Feed.Shards }
func (n near) Follows() (peering.Hello, bool) { return n.other.Self, true }
func (n near) Compared(int) uint64            { return 0 }
func (n near) Remote(context.Context) (exchange.Remote, error) {
	return comparing{n.other.Source(), n.own}, nil
}

// comparing is a far side that has compared with all that the near side has.
type comparing struct {
	exchange.Source
	with *side
}

func (c comparing) Snapshot(ctx context.Context, shard int) (exchange.Snapshot, error) {
	tx := c.with.sh.Begin()
	excess := tx.Peers().Excess()
	tx.End()
	snap, err := c.Source.Snapshot(ctx, shard)
	snap.Compared = excess
	return snap, err
}

func newSide(t *testing.T, node string) *side {
	t.Helper()
	g, rec, bell := grid.New("c"), replog.NewRecorder(), &replica.Bell{}
	clock := func() time.Time { return noon }
	origin := replog.Origin{Node: node, Shard: 1, Incarnation: replog.NewIncarnation()}
	st := engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: node, Clock: clock, Recorder: rec, Shard: 1, Grid: g,
	})
	sh, err := shard.New(t.Context(), shard.Config{
		Origin: origin, Layout: series.Day, Store: st, Clock: clock, Recorder: rec, Tail: 1 << 20, Grid: g, Bell: bell,
	})
	if err != nil {
		t.Fatal(err)
	}
	hello := peering.Hello{Version: peering.Version, Cluster: "c", Node: node, Incarnation: origin.Incarnation}
	return &side{Feed: &peering.Feed{Self: hello, Shards: []*shard.Shard{sh}, Bell: bell, Clock: clock}, sh: sh}
}

// write writes n points to one series, a minute apart from at on.
func (s *side) write(t *testing.T, name string, at time.Time, n int) {
	t.Helper()
	k, err := series.ParseSeries([]byte(name))
	if err != nil {
		t.Fatal(err)
	}
	k.Period = series.Day.PeriodOf(at.UnixMilli())
	g := store.Group{Key: k}
	for i := range n {
		ts := at.Add(time.Duration(i) * time.Minute).UnixMilli()
		g.Points = append(g.Points, series.Point{TS: ts, Value: []byte("12.5")})
	}
	if refused, err := s.sh.Add(t.Context(), []store.Group{g}); err != nil || len(refused) > 0 {
		t.Fatalf("%v %v", refused, err)
	}
}

// pull brings all that a has in its log to b.
func pull(t *testing.T, a, b *side) {
	t.Helper()
	f := peering.NewFollower(a.Self.Node, a.Self.Incarnation, b.Feed.Shards)
	ans, err := a.NewSession().Pull(t.Context(), f.Request(nil, nil, 1<<20), nil, false)
	if err == nil {
		_, err = f.Apply(ans)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func pair(t *testing.T, own, peer *side) (p Pair) {
	t.Helper()
	var err1, err2 error
	p.Own, err1 = own.Source().Snapshot(t.Context(), 1)
	p.Peer, err2 = peer.Source().Snapshot(t.Context(), 1)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return p
}

// TestJudge: what is on its way is no difference, what moves is none yet, and what stays is one.
func TestJudge(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, "h:m", noon.Add(-5*time.Hour), 10)
	pull(t, a, b)
	was := pair(t, b, a)
	f := func(what string, want Verdict) {
		t.Helper()
		is := pair(t, b, a)
		got := Judge(series.Day, was, is)
		if was = is; got.Open != want.Open || got.Equal != want.Equal || got.Moving != want.Moving ||
			len(got.Different) != len(want.Different) || len(got.Lacking) != len(want.Lacking) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	f("equal", Verdict{Equal: 1})
	a.write(t, "h:m", noon.Add(-3*time.Hour), 10)
	f("on its way, not yet looked at twice", Verdict{Equal: 1, Moving: 1})
	f("on its way all the while", Verdict{Open: true})
	pull(t, a, b)
	f("just come", Verdict{Equal: 1, Moving: 1})
	f("come", Verdict{Equal: 2})
	c := newSide(t, "c")
	pull(t, a, c)
	lose(t, c, a)
	a.write(t, "h:m", noon.Add(-time.Hour), 3)
	lose(t, b, a)
	f("just lost", Verdict{Equal: 2, Moving: 1})
	f("lost", Verdict{Equal: 2, Different: make([]Difference, 1)})
	tx := a.sh.Begin()
	tx.Restore(replog.ShardState{Thin: series.Day.PeriodOf(noon.UnixMilli()) + 1})
	tx.End()
	f("a knows that it may lack points", Verdict{Equal: 2, Lacking: make([]int64, 1)})
	tx = b.sh.Begin()
	tx.Peers().Exceed()
	tx.End()
	f("b has more than its vector says", Verdict{Open: true})
	for _, s := range []*side{a, b} {
		if _, err := s.sh.Drop(t.Context(), series.Day.PeriodOf(noon.UnixMilli())); err != nil {
			t.Fatal(err)
		}
		f("a floor of one side", Verdict{Open: true})
	}
}

// lose makes a side believe that it has what another has.
func lose(t *testing.T, s, other *side) {
	t.Helper()
	tx := other.sh.Begin()
	v := tx.Peers().Published()
	tx.End()
	tx = s.sh.Begin()
	tx.Peers().Restore(replog.ShardState{Shard: 1, Vector: v})
	tx.End()
}

// lines is a log that is written to from several sides.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestProver_lost: points that were lost unnoticed are found, counted once for each hour, named and brought back, while
// others are being written. Then nothing differs any more.
func TestProver_lost(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, "h1:m", noon.Add(-5*time.Hour), 150)
	pull(t, a, b)
	a.write(t, "h2:m", noon.Add(-5*time.Hour), 60)
	lose(t, b, a)
	log := &lines{}
	p := New(Config{
		Self: b.Feed, Peers: []Peer{near{a, b}}, Layout: series.Day, Every: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; ; i++ {
		if i < 20 {
			a.write(t, "h3:m", noon.Add(-time.Hour).Add(time.Duration(i)*time.Minute), 1)
			pull(t, a, b)
		}
		s := p.Status()
		if s.Repaired == 60 && time.Since(s.Peers["a"].Proven) < time.Second && s.Peers["a"].Moving == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v\n%s", s, log)
		}
		time.Sleep(2 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s := p.Status()
	if s.Divergence != 1 || !strings.Contains(s.Last, "hour 2026-11-22T07: 60 points here, 120 on a") {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"of=[h2:m]", "points_brought=60", "level=ERROR"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}
