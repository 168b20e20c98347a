package exchange

import (
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// side is one shard of one node.
type side struct {
	*shard.Shard
	st *engine.Store
}

func newSide(tb testing.TB, node string) side {
	tb.Helper()
	g, rec := grid.New("c"), replog.NewRecorder()
	clock := func() time.Time { return noon }
	st := engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: node, Clock: clock, Recorder: rec, Shard: 1, Grid: g,
	})
	sh, err := shard.New(tb.Context(), shard.Config{
		Origin: replog.Origin{Node: node, Shard: 1, Incarnation: replog.NewIncarnation()}, Layout: series.Day, Store: st,
		Clock: clock, Recorder: rec, Tail: 1 << 20, Grid: g,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return side{sh, st}
}

func (s side) source() Source { return Source{s.Shard} }

// write writes n points to each of some series, step apart, the last at noon.
func (s side) write(tb testing.TB, names, n int, step time.Duration) {
	tb.Helper()
	for i := range names {
		k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:cpu.user", i))
		if err != nil {
			tb.Fatal(err)
		}
		for j := range n {
			ts := noon.Add(-step * time.Duration(n-1-j)).UnixMilli()
			k.Period = series.Day.PeriodOf(ts)
			pt := series.Point{TS: ts, Frac: series.FracFor(ts), Value: fmt.Append(nil, j%7)}
			refused, err := s.Add(tb.Context(), []store.Group{{Key: k, Points: []series.Point{pt}}})
			if err != nil || len(refused) > 0 {
				tb.Fatalf("%v %v", refused, err)
			}
		}
	}
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
