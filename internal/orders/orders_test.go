package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/retention"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var today = series.Day.PeriodOf(noon.UnixMilli())

// office is a node with orders, as far as they are concerned.
type office struct {
	*Orders
	t      *testing.T
	cfg    Config
	sh     *shard.Shard
	now    time.Time
	clocks retention.Clocks
	floor  series.Period
	told   int
	broken error // of the disk
}

func newOffice(t *testing.T) *office {
	t.Helper()
	f := &office{t: t, now: noon, floor: today - 2}
	clock := func() time.Time { return f.now }
	var err error
	f.sh, err = shard.New(t.Context(), shard.Config{
		Origin: replog.Origin{Node: "n", Shard: 1}, Layout: series.Day, Clock: clock,
		Store: engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: "e", Clock: clock}),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.cfg = Config{
		Layout: series.Day, Keep: 2, Path: filepath.Join(t.TempDir(), "edicts"), Clock: clock,
		Write: func(path string, data []byte) error {
			if f.broken != nil {
				return f.broken
			}
			return os.WriteFile(path, data, 0o600)
		},
		Clocks: func() retention.Clocks { c := f.clocks; c.Wall, c.Start = f.now, noon; return c },
		Shards: func() []*shard.Shard { return []*shard.Shard{f.sh} }, Floor: func() series.Period { return f.floor },
		Raise: func(ctx context.Context, p series.Period) (int, error) {
			f.floor = max(f.floor, p)
			return f.sh.Drop(ctx, p)
		},
		Forgot: func(int, []series.Period) {}, Told: func() { f.told++ }, Log: slog.New(slog.DiscardHandler),
	}
	f.start()
	return f
}

// start is what a node does at its start.
func (f *office) start() {
	f.Orders = New(f.cfg)
	f.sh.Obey(f.Set())
}

func (f *office) write(name string, at time.Time) {
	f.t.Helper()
	k, err := series.ParseSeries([]byte(name))
	if err != nil {
		f.t.Fatal(err)
	}
	k.Period = series.Day.PeriodOf(at.UnixMilli())
	refused, err := f.sh.Add(f.t.Context(), []store.Group{{Key: k, Points: []series.Point{
		{TS: at.UnixMilli(), Value: []byte("1")},
	}}})
	if err != nil || len(refused) > 0 {
		f.t.Fatal(refused, err)
	}
}

func (f *office) points() int64 {
	f.t.Helper()
	var st store.Stats
	_ = f.sh.View(func(s store.Store) (err error) {
		st, err = s.Stats(f.t.Context())
		return err
	})
	return st.Points
}

// order gives what comes of a command, as text.
func (f *office) order(line string) string {
	f.t.Helper()
	words := strings.Fields(line)
	var args [][]byte
	for _, w := range words[1:] {
		args = append(args, []byte(w))
	}
	got, err := f.Do(f.t.Context(), words[0], args)
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint(got)
}

func TestOrders_Do(t *testing.T) {
	f := newOffice(t)
	for i := range 3 {
		f.write("web1:cpu", noon.Add(-time.Duration(i)*time.Hour))
		f.write("web1:mem", noon.Add(-time.Duration(i)*time.Hour))
		f.write("web10:cpu", noon.Add(-time.Duration(i)*time.Hour))
		f.write("web1:cpu", noon.AddDate(0, 0, -1).Add(-time.Duration(i)*time.Hour))
	}
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	check := func(line, want string, points int64) {
		t.Helper()
		if got := f.order(line); !strings.HasPrefix(got, want) || f.points() != points {
			t.Errorf("%s: %q, want %q; %d points, want %d", line, got, want, f.points(), points)
		}
	}
	check("dn.forget web1 PREVIEW", "3 keys, 9 points, 2026-11-20T00:00:00Z to 2026-11-22T12:00:00Z", 12)
	f.Orders.cfg.Keeps = []string{"n3", "n4"}
	check("dn.forget web1 PREVIEW", "3 keys, 9 points, 2026-11-20T00:00:00Z to 2026-11-22T12:00:00Z; nodes on Redis "+
		"forget nothing and keep their points: n3, n4", 12)
	f.Orders.cfg.Keeps = nil
	check(fmt.Sprintf("dn.forget web1:cpu %d %d", at(-70*time.Minute), at(-time.Hour)), "1", 11)
	check("dn.forget web1:mem", "3", 8)
	check("dn.forget web1", "5", 3)
	check("dn.forget web1", "0", 3)
	check("dn.forget nobody", "0", 3)
	for _, bad := range []string{
		"dn.forget web1 5", "dn.forget web1 9 5", fmt.Sprintf("dn.forget web1 0 %d", at(time.Hour)), "dn.forget web1 x y",
		"dn.forget web1 1 2 3 4", "dn.drop 2026-11-22", "dn.drop yesterday", "dn.floor down",
	} {
		check(bad, "error: ", 3)
	}
	check(fmt.Sprintf("dn.forget web1 0 %d", at(-100*24*time.Hour)),
		"error: forget \"web1\": all of that time is below the floor", 3)
	told := f.told
	check("dn.drop 2026-11-20", "0", 3)
	if f.floor != today-1 || f.told == told || f.Set().Dropped() != today-1 {
		t.Errorf("floor %d of %d", f.floor, today)
	}
	hash := f.Hash()
	f.start()
	if f.Hash() != hash {
		t.Error("a start does not know what it was told")
	}
	k := store.Group{Key: series.Key{Period: today, Series: []byte("web1:cpu")}, Points: []series.Point{
		{TS: noon.UnixMilli() - 5, Frac: 3, Value: []byte("1")},
	}}
	refused, _ := f.sh.Add(t.Context(), []store.Group{k})
	if len(refused) != 1 || !errors.Is(refused[0].Why, shard.ErrForgotten) {
		t.Errorf("a point that is forgotten: %v", refused)
	}
}

// TestOrders_doubt: nothing goes by a clock that nobody vouches for, and nothing before it is durable.
func TestOrders_doubt(t *testing.T) {
	f := newOffice(t)
	f.write("web1:cpu", noon)
	f.broken = errors.New("disk full")
	if got := f.order("dn.forget web1"); !strings.Contains(got, "disk full") || f.points() != 1 || f.Hash() != 0 {
		t.Errorf("%q, %d points", got, f.points())
	}
	f.broken = nil
	skew := -48 * time.Hour
	f.clocks.Skew, f.now = &skew, noon.Add(48*time.Hour)
	f.clocks.Elapsed = 48 * time.Hour
	for _, line := range []string{"dn.forget web1", "dn.drop 2026-11-22"} {
		if got := f.order(line); !strings.Contains(got, "in doubt") || f.points() != 1 {
			t.Errorf("%s: %q, %d points", line, got, f.points())
		}
	}
	f.now, f.clocks.Elapsed = noon, 0
	for _, c := range []struct {
		peers time.Duration // their clocks from ours
		done  bool
	}{{-11 * time.Minute, false}, {-9 * time.Minute, true}} { // what is further ahead no peer takes over
		f.clocks.Skew = &c.peers
		got := f.order("dn.forget web1")
		if strings.Contains(got, "ahead of the peers") == c.done || (f.points() == 0) != c.done {
			t.Errorf("peers %s from here: %q, %d points", c.peers, got, f.points())
		}
	}
}

// TestOrders_Learn: what a peer with a clock of its own says about the future is not done, what it says about the past
// is; the rest when its time has come, or somebody accepts it.
func TestOrders_Learn(t *testing.T) {
	f := newOffice(t)
	f.write("web1:cpu", noon)
	f.write("web2:cpu", noon)
	tomb := func(host string, at time.Time) edict.Tomb {
		p := series.Day.PeriodOf(at.UnixMilli())
		first, _ := series.Day.Span(p)
		return edict.Tomb{Period: p, Host: true, Name: host, From: first, To: at.UnixMilli()}
	}
	told := edict.Of(today+5, tomb("web1", noon), tomb("web2", noon.Add(time.Hour)), tomb("web2", noon.AddDate(0, 0, 3)))
	err := f.Learn(t.Context(), "n2", told.Append(nil))
	if !errors.Is(err, errFuture) || f.points() != 1 || f.floor != today-2 || f.Warning() == "" {
		t.Fatalf("%v, %d points, floor %d of %d, %q", err, f.points(), f.floor, today, f.Warning())
	}
	if got := f.order("dn.floor"); !strings.Contains(got, "paused=n2 was told") {
		t.Errorf("%q", got)
	}
	f.now = noon.Add(55 * time.Minute)
	if err := f.Learn(t.Context(), "n2", told.Append(nil)); !errors.Is(err, errFuture) || f.points() != 0 {
		t.Errorf("an hour later: %v, %d points", err, f.points())
	}
	if got := f.order("dn.floor accept"); !strings.HasPrefix(got, "floor=2026-11-27,") || f.Warning() != "" ||
		f.Set().Dropped() != today+5 {
		t.Errorf("%q, %q", got, f.Warning())
	}
	if err := f.Learn(t.Context(), "n2", []byte("x")); err == nil {
		t.Error("what is no set is taken")
	}
}

// TestOrders_Recall: where the file is damaged the log knows.
func TestOrders_Recall(t *testing.T) {
	f := newOffice(t)
	f.write("web1:cpu", noon)
	f.order("dn.forget web1")
	logged, hash := f.Logged(), f.Hash()
	if err := os.WriteFile(f.cfg.Path, []byte("dunlin-edicts 1\nxxxxx"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.start()
	if f.Hash() != 0 {
		t.Error("a damaged file is taken")
	}
	f.Recall([][]byte{nil, []byte("x"), logged})
	if f.Hash() != hash {
		t.Error("the log is not asked")
	}
}

// TestOrders_Prune: a floor that rises while something is forgotten does not make the shards go by less.
func TestOrders_Prune(t *testing.T) {
	f := newOffice(t)
	f.order(fmt.Sprintf("dn.forget old 0 %d", noon.AddDate(0, 0, -2).Unix()))
	meanwhile := func() { f.order("dn.forget web1") }
	f.cfg.Shards = func() []*shard.Shard {
		do := meanwhile
		meanwhile = func() {}
		do()
		return []*shard.Shard{f.sh}
	}
	f.Orders.cfg = f.cfg
	f.Prune(today)
	if tombs := f.Set().Tombs(); len(tombs) != 1 || f.sh.Edicts() != f.Set() {
		t.Errorf("%v, the shard goes by %v", tombs, f.sh.Edicts().Tombs())
	}
}

// TestOrders_tooMany: what a peer was told and does not fit is an alarm until it does.
func TestOrders_tooMany(t *testing.T) {
	f := newOffice(t)
	many := func(host string) []byte {
		var tombs []edict.Tomb
		for i := range edict.MostTombs * 2 / 3 {
			first, _ := series.Day.Span(today)
			name := fmt.Sprint(host, i)
			tombs = append(tombs, edict.Tomb{Period: today, Host: true, Name: name, From: first, To: first})
		}
		return edict.Of(0, tombs...).Append(nil)
	}
	if err := f.Learn(t.Context(), "n2", many("a")); err != nil || f.Warning() != "" {
		t.Fatal(err, f.Warning())
	}
	if err := f.Learn(t.Context(), "n3", many("b")); !errors.Is(err, edict.ErrTooMany) ||
		!strings.Contains(f.Warning(), "n3 was told") {
		t.Errorf("%v, warning %q", err, f.Warning())
	}
	if err := f.Learn(t.Context(), "n2", many("a")); err != nil || f.Warning() != "" {
		t.Errorf("%v, warning %q", err, f.Warning())
	}
}
