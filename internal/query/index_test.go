package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/query/querytest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// day is 2026-11-22T00:00 UTC in seconds.
const day = 1_795_305_600

// fixture is an index over two shards whose clock stands where a test puts it.
type fixture struct {
	*Index
	t      *testing.T
	shards [2]*querytest.Memory
	clock  atomic.Int64 // s
}

func start(t *testing.T) *fixture {
	f := &fixture{t: t}
	f.clock.Store(day + 3600)
	readers := map[int]store.Reader{}
	for i := range f.shards {
		f.shards[i] = querytest.New(series.Day)
		readers[i+1] = f.shards[i]
	}
	f.Index = NewIndex(Config{
		Layout: series.Day, Readers: readers, Poll: time.Millisecond,
		Place: func([]byte) int { return 1 },
		Clock: func() time.Time { return time.Unix(f.clock.Load(), 0) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t)
	})
	f.until("ready", func() bool { return f.Ready() == nil })
	return f
}

func (f *fixture) add(shard int, key string, members ...string) {
	f.t.Helper()
	if err := f.shards[shard-1].Add(key, members...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) until(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func (f *fixture) newestIs(host, metric, text string) {
	f.t.Helper()
	f.until(fmt.Sprintf("%s %s = %s", host, metric, text), func() bool {
		n, ok := f.Newest(host, metric)
		return ok && n.Text == text
	})
}

func member(offset int, value string) string { return fmt.Sprintf("%d:%s", day+offset, value) }

func TestIndex_followsJournals(t *testing.T) {
	f := start(t)
	f.add(1, "2026-11-22:web1:load", member(1, "1"), member(2, "2.50"))
	f.add(2, "2026-11-22:web1%3A9100:cpu.user", member(1, "up"))
	f.add(1, "2026-11-22:web1:cpu.user", member(3, "7"))
	f.newestIs("web1", "load", "2.50")
	f.newestIs("web1:9100", "cpu.user", "up")
	f.newestIs("web1", "cpu.user", "7")
	want := []HostSummary{{"web1", 2, (day + 3) * 1000}, {"web1:9100", 1, (day + 1) * 1000}}
	if diff := cmp.Diff(want, f.Hosts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Metric{{"cpu.user", 2}, {"load", 1}}, f.Metrics()); diff != "" {
		t.Error(diff)
	}
	if got := f.Host("web1"); len(got) != 2 || got[0].Metric != "cpu.user" || !got[0].Number || got[0].Value != 7 {
		t.Errorf("%+v", got)
	}
	if n, _ := f.Newest("web1:9100", "cpu.user"); n.Number {
		t.Error("a word is no number")
	}
}

func TestIndex_equalTimestampsResolve(t *testing.T) {
	f := start(t)
	f.add(1, "2026-11-22:h:m", member(1, "9"), member(5, "2"), member(5, "nan"), member(5, "10"), member(5, "3"))
	f.newestIs("h", "m", "10")
	f.add(1, "2026-11-22:h:m", member(5, "11"))
	f.newestIs("h", "m", "11")
	f.add(2, "2026-11-22:h:m", member(5, "12")) // a stray on another shard counts too
	f.newestIs("h", "m", "12")
	got, err := f.Range(t.Context(), Ref{"h", "m"}, 0, (day+10)*1000)
	if err != nil {
		t.Fatal(err)
	}
	want := []Sample{{(day + 1) * 1000, "9", 9, true}, {(day + 5) * 1000, "12", 12, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIndex_Since_coalesces(t *testing.T) {
	f := start(t)
	f.add(1, "2026-11-22:a:m", member(1, "1"))
	f.add(1, "2026-11-22:b:m", member(1, "1"))
	f.newestIs("b", "m", "1")
	v := f.Since(0).Version
	for i := 2; i < 50; i++ {
		f.add(1, "2026-11-22:a:m", member(i, fmt.Sprint(i)))
	}
	f.newestIs("a", "m", "49")
	u := f.Since(v)
	if len(u.Series) != 1 || u.Series[0].Text != "49" || u.Series[0].Late || u.Dropped {
		t.Fatalf("%+v", u)
	}
	f.add(1, "2026-11-22:a:m", member(0, "0"))
	f.until("the late point", func() bool { return f.Version() > u.Version })
	late := f.Since(u.Version)
	if len(late.Series) != 1 || !late.Series[0].Late || late.Series[0].Text != "49" {
		t.Fatalf("%+v", late)
	}
	if again := f.Since(late.Version); len(again.Series) != 0 {
		t.Fatalf("%+v", again)
	}
}

func TestIndex_Range_overPeriods(t *testing.T) {
	f := start(t)
	f.add(1, "2026-11-21:h:m", member(-2, "1"), member(-1, "x"))
	f.add(2, "2026-11-22:h:m", member(0, "2"), member(9, "3"))
	f.newestIs("h", "m", "3")
	f.until("both days", func() bool {
		got, err := f.Range(t.Context(), Ref{"h", "m"}, (day-1)*1000, (day+8)*1000)
		return err == nil && len(got) == 2 && got[0].Text == "x" && !got[0].Number && got[1].Text == "2"
	})
	if got, err := f.Range(t.Context(), Ref{"nobody", "m"}, 0, day*1000); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}

func TestIndex_dropsPeriods(t *testing.T) {
	f := start(t)
	f.add(1, "2026-11-21:old:m", member(-1, "1"))
	f.add(1, "2026-11-22:new:m", member(1, "1"))
	f.newestIs("old", "m", "1")
	f.newestIs("new", "m", "1")
	if got := f.Bytes(); got != 2*hostCost+2*SeriesCost {
		t.Errorf("%d bytes for two hosts with a metric each", got)
	}
	v := f.Version()
	p, _ := series.Day.ParsePeriod([]byte("2026-11-21"))
	f.shards[0].Drop(p)
	f.clock.Add(60)
	f.until("old is gone", func() bool { return len(f.Hosts()) == 1 && f.Hosts()[0].Name == "new" })
	if !f.Since(v).Dropped {
		t.Error("whoever follows is not told")
	}
	if got := f.Bytes(); got != hostCost+SeriesCost {
		t.Errorf("%d bytes for one host with a metric", got)
	}
}

func TestIndex_newEpoch(t *testing.T) {
	f := start(t)
	for i := range 5 {
		f.add(1, fmt.Sprintf("2026-11-22:h%d:m", i), member(1, "1"))
	}
	f.until("five hosts", func() bool { return len(f.Hosts()) == 5 })
	f.shards[0].Lose()
	f.add(1, "2026-11-22:h9:m", member(1, "1"))
	f.clock.Add(60)
	f.until("only the new host", func() bool { h := f.Hosts(); return len(h) == 1 && h[0].Name == "h9" })
}

func TestIndex_failingReader(t *testing.T) {
	f := start(t)
	f.shards[0].Fail(errors.New("store is away"))
	f.add(2, "2026-11-22:other:m", member(1, "1"))
	f.newestIs("other", "m", "1")
	f.add(1, "2026-11-22:h:m", member(1, "1"))
	_, err := f.Range(t.Context(), Ref{"h", "m"}, 0, day*2000)
	if err == nil || !strings.Contains(err.Error(), "shard 1") {
		t.Errorf("err = %v", err)
	}
	f.shards[0].Fail(nil)
	f.newestIs("h", "m", "1")
}

func TestIndex_manySeries(t *testing.T) {
	f := start(t)
	for i := range 3 * feedBatch {
		f.add(1+i%2, fmt.Sprintf("2026-11-22:h%d:m%d", i/20, i%20), member(i%60, "1"))
	}
	f.until("all series", func() bool { return len(f.Since(0).Series) == 3*feedBatch })
}

func TestBetter_isTotalOrder(t *testing.T) {
	value := rapid.SampledFrom([]string{"1", "1.0", "1.50", "-2", "10", "nan", "NaN", "stale", "x", "9:8", "1e-05", "inf"})
	point := rapid.Custom(func(t *rapid.T) series.Point {
		return series.Point{TS: 1000, Frac: rapid.Uint8Max(3).Draw(t, "frac"), Value: []byte(value.Draw(t, "value"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := point.Draw(t, "a"), point.Draw(t, "b"), point.Draw(t, "c")
		if same := series.Compare(a, b) == 0; !same && Better(a, b) == Better(b, a) || same && Better(a, b) {
			t.Fatalf("%s and %s: not a strict order", a.Value, b.Value)
		}
		if Better(a, b) && Better(b, c) && !Better(a, c) {
			t.Fatalf("%s %s %s: not transitive", a.Value, b.Value, c.Value)
		}
		one := Resolve([]series.Point{a, b, c})
		two := Resolve([]series.Point{c, a, b})
		if series.Compare(one[0], two[0]) != 0 {
			t.Fatal("the order of arrival decides")
		}
	})
}

func TestBetter_ranks(t *testing.T) {
	ranked := []string{"10", "2.50", "2.5", "-1", "x", "nan", "stale"}
	for i := range ranked[:len(ranked)-1] {
		a, b := series.Point{Value: []byte(ranked[i])}, series.Point{Value: []byte(ranked[i+1])}
		if !Better(a, b) {
			t.Errorf("%s must beat %s", ranked[i], ranked[i+1])
		}
	}
}

func TestRate(t *testing.T) {
	var r rate
	for s := int64(100); s < 120; s++ {
		for range 7 {
			r.add(s)
		}
	}
	if got := r.perSecond(119); got != 7 {
		t.Errorf("%v per second, want 7", got)
	}
	if got := r.perSecond(300); got != 0 {
		t.Errorf("%v per second after a silence, want 0", got)
	}
}
