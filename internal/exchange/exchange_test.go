package exchange

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// side is one shard of one node, and what its log got.
type side struct {
	*shard.Shard
	st   *engine.Store
	log  *logged
	node *budget.Budget
}

// logged is a log in memory.
type logged struct{ recs [][]byte }

func (l *logged) Append(rec []byte) wal.LSN {
	l.recs = append(l.recs, bytes.Clone(rec))
	return wal.LSN(len(l.recs))
}

func (l *logged) Full() bool { return false }

func newSide(tb testing.TB, node string) side {
	tb.Helper()
	g, rec, log, b := grid.New("c"), replog.NewRecorder(), &logged{}, budget.New()
	clock := func() time.Time { return noon }
	st := engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: node, Clock: clock, Recorder: rec, Shard: 1, Grid: g, Budget: b,
	})
	sh, err := shard.New(tb.Context(), shard.Config{
		Origin: replog.Origin{Node: node, Shard: 1, Incarnation: replog.NewIncarnation()}, Layout: series.Day, Store: st,
		Clock: clock, Recorder: rec, Tail: 1 << 20, Grid: g, Log: log,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return side{sh, st, log, b}
}

func (s side) source() Source { return Source{s.Shard} }

// put writes a point of a series.
func (s side) put(tb testing.TB, name string, at time.Time, value int) {
	k, err := series.ParseSeries([]byte(name))
	if err != nil {
		tb.Fatal(err)
	}
	ts := at.UnixMilli()
	k.Period = series.Day.PeriodOf(ts)
	pt := series.Point{TS: ts, Frac: series.FracFor(ts), Value: fmt.Append(nil, value)}
	refused, err := s.Add(context.Background(), []store.Group{{Key: k, Points: []series.Point{pt}}})
	if err != nil || len(refused) > 0 {
		tb.Fatalf("%v %v", refused, err)
	}
}

// write writes n points to each of some series, step apart, the last at noon.
func (s side) write(tb testing.TB, names, n int, step time.Duration) {
	for i := range names {
		for j := range n {
			s.put(tb, fmt.Sprintf("h%d:cpu.user", i), noon.Add(-step*time.Duration(n-1-j)), j%7)
		}
	}
}

// set is all points of a side, as text. What was kept of each key as its points came must fit them.
func (s side) set(tb testing.TB) map[string]bool {
	set := map[string]bool{}
	keys, _ := s.st.ScanKeys(0, 1<<20)
	for _, k := range keys {
		got, err := s.st.Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
		if err != nil {
			tb.Fatal(err)
		}
		kept, seed := s.st.Claim(k)
		var sum store.Digest
		for _, pt := range got[0] {
			sum.AddPoint(seed, pt)
			set[string(k.Series)+" "+string(series.AppendMember(nil, pt))] = true
		}
		if sum != kept {
			tb.Fatalf("%s: its digest does not fit its points", k.Series)
		}
	}
	return set
}

// replayed is all points that a log has, as text.
func (l *logged) replayed(tb testing.TB) map[string]bool {
	set := map[string]bool{}
	var d replog.Dict
	for _, rec := range l.recs {
		if replog.KindOf(rec) == replog.States {
			continue
		}
		in, err := replog.Read(rec)
		if err != nil {
			tb.Fatal(err)
		}
		for in.Next(&d) {
			set[string(in.Series)+" "+string(in.Member)] = true
		}
		if in.Err() != nil || in.Unknown > 0 {
			tb.Fatal(in.Err(), in.Unknown)
		}
	}
	return set
}

// bring brings all that a remote has.
func (s side) bring(tb testing.TB, from Remote) *Exchange {
	x := New(Want{Shard: s.Shard}, from)
	for done, err := false, error(nil); !done; {
		if done, err = x.Step(context.Background()); err != nil {
			tb.Fatal(err)
		}
	}
	return x
}

// FuzzExchange_unite: no record that a peer answers makes a node panic, or store what is outside the grammar.
func FuzzExchange_unite(f *testing.F) {
	a := newSide(f, "a")
	a.write(f, 2, 3, time.Second)
	q := HourQuery{Shard: 1, Hour: noon.Unix() / 3600, Series: [][]byte{[]byte("h0:cpu.user"), []byte("h1:cpu.user")}}
	recs, err := a.source().Points(f.Context(), q)
	if err != nil || len(recs) != 1 {
		f.Fatal(len(recs), err)
	}
	f.Add(recs[0])
	f.Fuzz(func(t *testing.T, rec []byte) {
		b := newSide(t, "b")
		_ = New(Want{Shard: b.Shard}, a.source()).unite(rec)
		keys, _ := b.st.ScanKeys(0, 1<<20)
		for _, k := range keys {
			if _, err := b.Layout().ParseKey(b.Layout().AppendKey(nil, k)); err != nil {
				t.Errorf("%q: %v", k.Series, err)
			}
		}
	})
}
