package query

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

func engineShard(t interface{ Fatal(...any) }, epoch string) *shard.Shard {
	clock := func() time.Time { return time.Unix(day+3600, 0) }
	sh, err := shard.New(context.Background(), shard.Config{
		Origin: replog.Origin{Shard: 1}, Layout: series.Day, Clock: clock,
		Store: engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: epoch, Clock: clock}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// generic hides that a reader is a Feeder.
type generic struct{ store.Reader }

// sides is an index fed in the generic way and one fed from memory, over the same shard.
type sides struct {
	sh     *shard.Shard
	index  [2]*Index
	feed   [2]*follower
	second int64 // of the clock of both
	seen   [2]uint64
}

func newSides(t *rapid.T) *sides {
	s := &sides{sh: engineShard(t, "e")}
	for i, r := range []store.Reader{generic{s.sh.Reader()}, s.sh.Reader()} {
		s.index[i] = NewIndex(Config{
			Layout: series.Day, Readers: map[int]store.Reader{1: r},
			Clock: func() time.Time { return time.Unix(s.second, 0) },
		})
		s.feed[i] = s.index[i].newFollower(1, r)
	}
	if s.feed[0].local != nil || s.feed[1].local == nil {
		t.Fatal("the two feeds are not what they should be")
	}
	return s
}

// poll lets both follow, and compares what whoever follows them sees.
func (s *sides) poll(t *rapid.T, check bool) {
	if check {
		s.second += 6 // periods are looked at
	}
	var got [2][]Newest
	var dropped [2]bool
	for i, f := range s.feed {
		for more := true; more; {
			var err error
			if more, err = f.poll(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		u := s.index[i].Since(s.seen[i])
		got[i], dropped[i], s.seen[i] = u.Series, u.Dropped, u.Version
	}
	if d := cmp.Diff(got[0], got[1]); d != "" || dropped[0] != dropped[1] {
		t.Fatalf("dropped %v: (-generic +local)\n%s", dropped, d)
	}
	if d := cmp.Diff(s.index[0].Hosts(), s.index[1].Hosts()); d != "" {
		t.Fatalf("(-generic +local)\n%s", d)
	}
	for _, h := range s.index[0].Hosts() {
		if d := cmp.Diff(s.index[0].Host(h.Name), s.index[1].Host(h.Name)); d != "" {
			t.Fatalf("%s: (-generic +local)\n%s", h.Name, d)
		}
	}
}

// randomWrite is some points of one of few or of many series, in a period that lives.
func randomWrite(t *rapid.T, r *rand.Rand, from int) store.Group {
	d := from + r.IntN(3)
	period := series.Day.PeriodString(series.Day.PeriodOf(day*1000) + series.Period(d))
	k, err := series.Day.ParseKey(fmt.Appendf(nil, "%s:h%d:m", period, r.IntN([]int{3, 600}[r.IntN(2)])))
	if err != nil {
		t.Fatal(err)
	}
	g := store.Group{Key: k}
	for range 1 + r.IntN(4) {
		ts := (day+int64(d)*86_400)*1000 + 1000*r.Int64N(6)
		v := []string{"1", "2", "10", "nan", "x", "1.50"}[r.IntN(6)]
		g.Points = append(g.Points, series.Point{TS: ts, Value: []byte(v)})
	}
	return g
}

// TestFeed_localIsGeneric: an index fed from memory tells the same as one that reads keys and ranges, over random
// histories with equal timestamps, late points, dropped periods and ids that are given again.
func TestFeed_localIsGeneric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s := newSides(t)
		from := 0
		for range rapid.IntRange(1, 16).Draw(t, "steps") {
			switch n := r.IntN(12); {
			case n == 0:
				from++
				floor := series.Day.PeriodOf(day*1000) + series.Period(from)
				if _, err := s.sh.Drop(context.Background(), floor); err != nil {
					t.Fatal(err)
				}
			case n < 6:
				s.poll(t, r.IntN(3) == 0)
			default:
				var groups []store.Group
				for range r.IntN([]int{5, 400}[r.IntN(2)]) {
					groups = append(groups, randomWrite(t, r, from))
				}
				if err := s.sh.Merge(context.Background(), groups, store.Origin{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.poll(t, true)
	})
}

// TestFeed_idGivenAgain: between two looks at the periods, the id of a dropped series is another's.
func TestFeed_idGivenAgain(t *testing.T) {
	sh := engineShard(t, "e")
	write := func(key, value string) {
		k, _ := series.Day.ParseKey([]byte(key))
		p := series.Point{TS: (day + 1) * 1000, Value: []byte(value)}
		if err := sh.Merge(t.Context(), []store.Group{{Key: k, Points: []series.Point{p}}}, store.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	r := sh.Reader()
	x := NewIndex(Config{Layout: series.Day, Readers: map[int]store.Reader{1: r}, Clock: func() time.Time {
		return time.Unix(day, 0)
	}})
	f := x.newFollower(1, r)
	poll := func() {
		if _, err := f.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write("2026-11-21:old:m", "1")
	poll()
	if _, err := sh.Drop(t.Context(), series.Day.PeriodOf(day*1000)); err != nil {
		t.Fatal(err)
	}
	write("2026-11-22:new:m", "2")
	poll()
	if n, ok := x.Newest("new", "m"); !ok || n.Text != "2" {
		t.Errorf("the new series reads %+v", n)
	}
	if n, ok := x.Newest("old", "m"); ok && n.Text != "1" {
		t.Errorf("the old series reads %+v", n)
	}
}

// busy is a reader whose shard changes between any two batches.
type busy struct {
	store.Feeder
	change func()
}

func (b busy) Fresh(f *store.Fresh, limit int, until int64) {
	b.change()
	b.Feeder.Fresh(f, limit, until)
}

// TestFeed_endsUnderLoad: a poll ends although the journal never does, and no key is passed over for good.
func TestFeed_endsUnderLoad(t *testing.T) {
	sh := engineShard(t, "e")
	value := 0
	write := func(n, of int) {
		var groups []store.Group
		for i := range n {
			value++
			k, _ := series.Day.ParseKey(fmt.Appendf(nil, "2026-11-22:h%d:m", i*13%of))
			groups = append(groups, store.Group{Key: k, Points: []series.Point{
				{TS: (day + int64(value)%3600) * 1000, Value: fmt.Append(nil, value)},
			}})
		}
		if err := sh.Merge(t.Context(), groups, store.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	const n = 5 * feedBatch
	write(n, n)
	r := busy{sh.Reader().(store.Feeder), func() { write(feedBatch, n) }}
	x := NewIndex(Config{Layout: series.Day, Readers: map[int]store.Reader{1: r}})
	f := x.newFollower(1, r)
	for range 50 {
		if _, err := f.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.change = func() {}
	f.local.r = r
	for more := true; more; {
		more, _ = f.poll(t.Context())
	}
	if got := len(x.Since(0).Series); got != n {
		t.Errorf("%d series, want %d", got, n)
	}
	for _, s := range x.Since(0).Series {
		k, _ := series.Day.ParseKey([]byte("2026-11-22:" + s.Host + ":" + s.Metric))
		q := store.RangeQuery{Key: k, Span: store.Span{To: store.All.To, Limit: 1, Desc: true}}
		got, _ := sh.Reader().Ranges(t.Context(), []store.RangeQuery{q})
		if string(got[0][0].Value) != s.Text {
			t.Fatalf("%s: %s, want %s", s.Host, s.Text, got[0][0].Value)
		}
	}
}

// TestIndex_rests: while nobody looks it is read once a minute; who looks sees all that was written before.
func TestIndex_rests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sh := engineShard(t, "e")
		value := 0
		write := func() {
			value++
			k, _ := series.Day.ParseKey([]byte("2026-11-22:h:m"))
			p := series.Point{TS: (day + int64(value)) * 1000, Value: fmt.Append(nil, value)}
			if err := sh.Merge(t.Context(), []store.Group{{Key: k, Points: []series.Point{p}}}, store.Origin{}); err != nil {
				t.Fatal(err)
			}
		}
		x := NewIndex(Config{Layout: series.Day, Readers: map[int]store.Reader{1: sh.Reader()}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		// after says whether it reads a point that is written now, in some time in which nobody looks.
		after := func(d time.Duration) (read bool) {
			x.mu.RLock()
			before := x.version
			x.mu.RUnlock()
			write()
			time.Sleep(d)
			x.mu.RLock()
			defer x.mu.RUnlock()
			return x.version != before
		}
		for range 3 {
			if !after(time.Second) {
				t.Error("it is not read though somebody has just looked")
			}
			time.Sleep(restAfter + 2*time.Second)
			if after(restAtMost / 2) {
				t.Error("it is read though it rests")
			}
			if n, ok := x.Newest("h", "m"); !ok || n.Text != fmt.Sprint(value) {
				t.Errorf("who looks sees %+v, want %d", n, value)
			}
		}
		time.Sleep(restAfter + 2*time.Second)
		if !after(2 * restAtMost) {
			t.Error("nothing is read while nobody looks")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		began := time.Now()
		x.Newest("h", "m")
		if x.pace.resting.Load() != nil || time.Since(began) > 0 {
			t.Error("it rests though it has ended")
		}
	})
}

// slow is a store whose journal takes long to read.
type slow struct {
	store.Feeder
	takes time.Duration
}

func (s *slow) Fresh(f *store.Fresh, limit int, until int64) {
	time.Sleep(s.takes)
	s.Feeder.Fresh(f, limit, until)
}

// TestIndex_Lacking: whoever looks is told when not all was read, at the start and after a rest.
func TestIndex_Lacking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sh := engineShard(t, "e")
		k, _ := series.Day.ParseKey([]byte("2026-11-22:h:m"))
		write := func(i int64) {
			p := series.Point{TS: (day + i) * 1000, Value: []byte("1")}
			if err := sh.Merge(t.Context(), []store.Group{{Key: k, Points: []series.Point{p}}}, store.Origin{}); err != nil {
				t.Fatal(err)
			}
		}
		st := &slow{Feeder: sh.Reader().(store.Feeder), takes: 3 * catchUpMost}
		x := NewIndex(Config{Layout: series.Day, Readers: map[int]store.Reader{1: st}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		f := func(what string, after time.Duration, lacks bool) {
			t.Helper()
			time.Sleep(after)
			if err := x.Lacking(); (err != nil) != lacks {
				t.Errorf("%s: %v", what, err)
			}
		}
		write(1)
		f("the start", time.Second, true)
		f("all is read", st.takes, false)
		time.Sleep(restAfter + 2*st.takes)
		write(2)
		f("after a rest", 0, true)
		f("all is read again", st.takes, false)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkFeed follows 20,000 series that all change between two polls. One operation is a changed key.
func BenchmarkFeed(b *testing.B) {
	const n = 20_000
	for _, name := range []string{"generic", "local"} {
		b.Run(name, func(b *testing.B) {
			sh := engineShard(b, "e")
			r := sh.Reader()
			if name == "generic" {
				r = generic{r}
			}
			x := NewIndex(Config{Layout: series.Day, Readers: map[int]store.Reader{1: r}})
			f := x.newFollower(1, r)
			groups := make([]store.Group, n)
			for i := range groups {
				groups[i].Key, _ = series.Day.ParseKey(fmt.Appendf(nil, "2026-11-22:web%d.sfo:metric%d", i/20, i%20))
			}
			tick := int64(0)
			write := func() {
				tick++
				for i := range groups {
					value := fmt.Appendf(nil, "%d.%02d", i%90, tick*7%100)
					groups[i].Points = []series.Point{{TS: (day + tick) * 1000, Value: value}}
				}
				for part := range slices.Chunk(groups, 100) {
					if err := sh.Merge(b.Context(), part, store.Origin{}); err != nil {
						b.Fatal(err)
					}
				}
			}
			for range 60 {
				write()
			}
			follow := func() {
				for more := true; more; {
					var err error
					if more, err = f.poll(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			follow()
			b.ResetTimer()
			for done := 0; done < b.N; done += n {
				b.StopTimer()
				write()
				b.StartTimer()
				follow()
			}
		})
	}
}
