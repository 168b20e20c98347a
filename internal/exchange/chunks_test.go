package exchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// allOf asks for everything of an hour.
func allOf(hour int64) HourQuery {
	q := HourQuery{Shard: 1, Hour: hour}
	for b := range q.Want {
		q.Want[b] = true
	}
	return q
}

// TestExchange_law: whatever both sides have, in whatever order it was written, afterwards one has all of both, its
// digests are those of a side to which all was written, and what came is in its log.
func TestExchange_law(t *testing.T) {
	chunks := 0
	rapid.Check(t, func(r *rapid.T) {
		a, b, both := newSide(t, "a"), newSide(t, "b"), newSide(t, "both")
		for i := range rapid.IntRange(1, 8).Draw(r, "runs") {
			to := rapid.SampledFrom([][]side{{a}, {a}, {b}, {a, b}}).Draw(r, "to")
			name := fmt.Sprintf("h%d:m", rapid.IntRange(0, 3).Draw(r, "host"))
			step := time.Duration(rapid.SampledFrom([]int{1, 10, 60, 900}).Draw(r, "step")) * time.Second
			n := rapid.SampledFrom([]int{1, 5, 100, 700}).Draw(r, "n")
			at := noon.Add(-time.Duration(rapid.IntRange(0, 30*3600).Draw(r, "ago")) * time.Second)
			for j := range n {
				at := at.Add(-step * time.Duration(n-1-j))
				for _, s := range append(to, both) {
					s.put(t, name, at, i)
				}
			}
		}
		had := b.set(t)
		x := b.bring(t, a.source())
		chunks += x.Chunks
		want := both.set(t)
		if got := b.set(t); !maps.Equal(got, want) {
			r.Fatalf("%d points, want %d", len(got), len(want))
		}
		if x.Points != len(want)-len(had) || x.Refused > 0 {
			r.Fatalf("%d points are new, want %d: %+v", x.Points, len(want)-len(had), x.Repair)
		}
		if got := b.log.replayed(t); !maps.Equal(got, want) {
			r.Fatalf("the log has %d points of %d", len(got), len(want))
		}
		got, ok := b.Hours()
		if all, _ := both.Hours(); !ok || !slices.Equal(got, all) {
			r.Fatalf("the digests of the hours are %v (%t), want %v", got, ok, all)
		}
	})
	if chunks == 0 {
		t.Error("no chunk was taken whole")
	}
}

// TestExchange_chunksAcrossHours: chunks go once, with the hour in which they end, and hardly any point goes by itself.
func TestExchange_chunksAcrossHours(t *testing.T) {
	f := func(names, n int, step time.Duration) {
		t.Helper()
		a, b := newSide(t, "a"), newSide(t, "b")
		a.write(t, names, n, step)
		from := &counting{Remote: a.source()}
		x := b.bring(t, from)
		if !maps.Equal(a.set(t), b.set(t)) || from.points > 0 {
			t.Errorf("%d points of %d; %d questions for points", len(b.set(t)), len(a.set(t)), from.points)
		}
		if per := float64(from.bytes) / float64(x.Points); per > 3 || x.Chunks < names*n/300 {
			t.Errorf("%.1f bytes a point, %d chunks", per, x.Chunks)
		}
	}
	f(10, 12*360, 10*time.Second)
	f(3, 7000, time.Second) // several records a key
}

// TestExchange_dense: what is too much for whole chunks comes as points.
func TestExchange_dense(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 1, 40_000, 20*time.Millisecond)
	from := &counting{Remote: a.source()}
	x := b.bring(t, from)
	if !maps.Equal(a.set(t), b.set(t)) || from.points == 0 || x.Chunks == 0 {
		t.Errorf("%d points of %d; %d questions for points, %+v", len(b.set(t)), len(a.set(t)), from.points, x.Repair)
	}
}

// counting counts what is asked for.
type counting struct {
	Remote
	points, bytes int
}

func (c *counting) Points(ctx context.Context, q HourQuery) ([][]byte, error) {
	c.points++
	return c.Remote.Points(ctx, q)
}

func (c *counting) Chunks(ctx context.Context, q HourQuery) (recs [][]byte, next uint32, err error) {
	recs, next, err = c.Remote.Chunks(ctx, q)
	for _, rec := range recs {
		c.bytes += len(rec)
	}
	return recs, next, err
}

// TestExchange_oldPeer: a peer that gives no chunks is asked for points.
func TestExchange_oldPeer(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 3, 1000, 10*time.Second)
	if x := b.bring(t, chunkless{a.source()}); x.Chunks > 0 || !maps.Equal(a.set(t), b.set(t)) {
		t.Errorf("%+v, %d points of %d", x.Repair, len(b.set(t)), len(a.set(t)))
	}
}

type chunkless struct{ Remote }

func (chunkless) Chunks(context.Context, HourQuery) ([][]byte, uint32, error) {
	return nil, 0, ErrNoChunks
}

// meddled changes the records of chunks that a remote gives.
type meddled struct {
	Remote
	with func(rec []byte)
}

func (m meddled) Chunks(ctx context.Context, q HourQuery) ([][]byte, uint32, error) {
	recs, next, err := m.Remote.Chunks(ctx, q)
	for _, rec := range recs {
		m.with(rec)
	}
	return recs, next, err
}

// TestExchange_wrongDigest: points that are not those of their digest are not taken, and come one by one.
func TestExchange_wrongDigest(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 3, 1000, 10*time.Second)
	x := b.bring(t, meddled{a.source(), func(rec []byte) {
		if err := chunkrec.SetDigest(rec, store.Digest{Hi: 1}); err != nil {
			t.Fatal(err)
		}
	}})
	if got := b.set(t); x.Refused == 0 || x.Chunks > 0 || !maps.Equal(a.set(t), got) {
		t.Errorf("%+v, %d points of %d", x.Repair, len(got), len(a.set(t)))
	}
}

// TestExchange_corruptChunks: what is no record of chunks, or one of another shard, ends the exchange.
func TestExchange_corruptChunks(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 1, 1000, 10*time.Second)
	for i, with := range []func(rec []byte){
		func(rec []byte) { rec[0] = 0 },
		func(rec []byte) { rec[1] = 2 }, // the shard
		func(rec []byte) { rec[len(rec)-1] ^= 0xff; rec[len(rec)-30] ^= 0xff; rec[3] ^= 1 },
	} {
		x := New(Want{Shard: b.Shard}, meddled{a.source(), with})
		var err error
		for done := false; !done && err == nil; {
			done, err = x.Step(t.Context())
		}
		if x.Abandon(); !errors.Is(err, chunkrec.ErrCorrupt) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestExchange_forgottenInChunks: a chunk brings nothing back that was forgotten, nor what is below the floor.
func TestExchange_forgottenInChunks(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 3, 2*8640, 10*time.Second)
	today := series.Day.PeriodOf(noon.UnixMilli())
	from, to := noon.Add(-5*time.Hour).UnixMilli(), noon.Add(-4*time.Hour).UnixMilli()
	b.Obey(edict.Of(0, edict.Tomb{Period: today, Host: true, Name: "h1", From: from, To: to}))
	if _, err := b.Drop(t.Context(), today); err != nil {
		t.Fatal(err)
	}
	x := b.bring(t, a.source())
	of := func(name string) int {
		k, err := series.ParseSeries([]byte(name))
		if k.Period = today; err != nil {
			t.Fatal(err)
		}
		return b.st.Card(k)
	}
	all := 12*360 + 1
	if of("h0:cpu.user") != all || of("h1:cpu.user") != all-361 || of("h2:cpu.user") != all || x.Chunks == 0 {
		t.Errorf("%d, %d, %d points: %+v", of("h0:cpu.user"), of("h1:cpu.user"), of("h2:cpu.user"), x.Repair)
	}
	if periods, _ := b.st.Periods(t.Context()); len(periods) != 1 {
		t.Errorf("periods %v", periods)
	}
}

// TestExchange_chunksLate: hours of a series that get points behind its newest are told to those who follow journals.
func TestExchange_chunksLate(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 1, 4*360, 10*time.Second)
	b.write(t, 1, 1, time.Second)
	b.bring(t, a.source())
	late, err := b.st.LateChanges(t.Context(), 0, 0)
	if err != nil || len(late) != 4 || late[3].Key != "2026-11-22:h0:cpu.user#2026-11-22T08" {
		t.Errorf("late: %v, %v", late, err)
	}
}

// TestExchange_chunksFull: a limit on memory keeps whole chunks out, by name, and what is stored stays right.
func TestExchange_chunksFull(t *testing.T) {
	a, b := newSide(t, "a"), newSide(t, "b")
	a.write(t, 70, 800, 10*time.Second)
	b.node.SetMax(b.node.Used() + 50<<10)
	x := New(Want{Shard: b.Shard}, a.source())
	var err error
	for done := false; !done && err == nil; {
		done, err = x.Step(t.Context())
	}
	x.Abandon()
	if got := b.set(t); !errors.Is(err, store.ErrMemory) || len(got) != x.Points || b.node.Counters().Deferred == 0 {
		t.Errorf("%v: %d points, %+v, %+v", err, len(got), x.Repair, b.node.Counters())
	}
	b.node.SetMax(0)
	if b.bring(t, a.source()); !maps.Equal(a.set(t), b.set(t)) {
		t.Error("it does not go on")
	}
}

// FuzzExchange_takeChunk: no record of chunks makes a node panic, or store what does not fit its digests.
func FuzzExchange_takeChunk(f *testing.F) {
	a := newSide(f, "a")
	a.write(f, 1, 400, 10*time.Second)
	for h := noon.Unix()/3600 - 1; h <= noon.Unix()/3600; h++ {
		recs, _, err := a.source().Chunks(f.Context(), allOf(h))
		if err != nil || len(recs) == 0 {
			f.Fatal(len(recs), err)
		}
		for _, rec := range recs {
			f.Add(rec)
		}
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		b := newSide(t, "b")
		b.write(t, 1, 3, 20*time.Minute)
		x := New(Want{Shard: b.Shard}, a.source())
		if x.takeChunk(rec) == nil && x.Refused > 0 { // its digest is made right, so that more of them get in
			var in chunkrec.Reader
			if in.Reset(rec, series.Day) == nil {
				_, sum := in.Hours(b.Seed(in.Key.Series), nil)
				_ = chunkrec.SetDigest(rec, sum)
				_ = x.takeChunk(rec)
			}
		}
		b.set(t)
		sum := map[int64]int64{}
		hours, _ := b.Hours()
		for _, h := range hours {
			sum[h.Hour] = h.Points
			q := grid.Query{Hour: h.Hour, Want: allOf(h.Hour).Want, Most: 10}
			list, _ := b.HourSeries(q)
			for _, d := range list {
				sum[h.Hour] -= d.Points
			}
			if sum[h.Hour] != 0 {
				t.Errorf("hour %d: %d points are counted too many", h.Hour, sum[h.Hour])
			}
		}
	})
}

// TestExchange_memory: what is asked for and held at a time does not grow with the number of series, whichever way they
// go.
func TestExchange_memory(t *testing.T) {
	held := func(series int, wrap func(Remote) Remote) (most int) {
		a, b := newSide(t, "a"), newSide(t, "b")
		a.write(t, series, 4, 25*time.Minute)
		from := &weighing{Remote: a.source()}
		x := New(Want{Shard: b.Shard}, wrap(from))
		for done, err := false, error(nil); !done; {
			from.size = 0
			if done, err = x.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, name := range x.lacking {
				from.size += cap(name) + 24
			}
			from.size += 48*len(x.hours) + 16*len(x.buckets)
			most = max(most, from.size)
		}
		if !maps.Equal(a.set(t), b.set(t)) {
			t.Fatal("not all has come")
		}
		return most
	}
	for name, wrap := range map[string]func(Remote) Remote{
		"chunks": func(r Remote) Remote { return r },
		"points": func(r Remote) Remote { return chunkless{r} },
	} {
		few, many := held(1500, wrap), held(6000, wrap)
		t.Logf("%s: %d bytes at most for 1,500 series, %d for 6,000", name, few, many)
		if many > 256<<10 || many > 2*few {
			t.Errorf("%s: %d bytes for 1,500 series, %d for 6,000", name, few, many)
		}
	}
}

// weighing adds up the bytes of answers.
type weighing struct {
	Remote
	size int
}

func (w *weighing) Series(ctx context.Context, q HourQuery) (list []grid.SeriesDigest, next uint32, err error) {
	list, next, err = w.Remote.Series(ctx, q)
	for _, d := range list {
		w.size += len(d.Series) + 48
	}
	return list, next, err
}

func (w *weighing) Points(ctx context.Context, q HourQuery) ([][]byte, error) {
	recs, err := w.Remote.Points(ctx, q)
	for _, rec := range recs {
		w.size += len(rec) + 24
	}
	return recs, err
}

func (w *weighing) Chunks(ctx context.Context, q HourQuery) (recs [][]byte, next uint32, err error) {
	recs, next, err = w.Remote.Chunks(ctx, q)
	for _, rec := range recs {
		w.size += cap(rec) + 24
	}
	return recs, next, err
}
