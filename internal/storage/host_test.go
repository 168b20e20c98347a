package storage

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

const (
	layout  = series.Day
	testDir = "/data"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// host is what a node makes of a directory: a Dir and its shards, without anything that runs beside.
type host struct {
	*Dir
	budget *budget.Budget
}

// open opens a directory for two shards, loads nothing yet.
func open(tb testing.TB, fs fsx.FS, floor series.Period, change ...func(*Config)) *host {
	tb.Helper()
	origin := replog.Origin{Node: "nyc1", Incarnation: replog.NewIncarnation()}
	cfg := Config{
		FS: fs, Path: testDir, Layout: layout, Origin: origin, Fsync: wal.Policy{Always: true},
		BackupPath: "/backups", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
	}
	for _, c := range change {
		c(&cfg)
	}
	d, err := Open(cfg, floor)
	if err != nil {
		tb.Fatal(err)
	}
	h := &host{Dir: d, budget: budget.New()}
	for id := 1; id <= 2; id++ {
		origin.Shard = id
		rec := replog.NewRecorder()
		st := engine.New(engine.Config{
			Layout: layout, Cluster: "c", Epoch: "e", Clock: cfg.Now, Budget: h.budget, Recorder: rec, Shard: id,
		})
		sh, err := shard.New(tb.Context(), shard.Config{
			Origin: origin, Layout: layout, Store: st, Clock: cfg.Now, Log: d.Log(), Recorder: rec, Loading: true,
		})
		if err != nil {
			tb.Fatal(err)
		}
		h.shards = append(h.shards, sh)
	}
	if _, err := h.raise(tb, floor); err != nil {
		tb.Fatal(err)
	}
	return h
}

// loaded is open and load.
func loaded(tb testing.TB, fs fsx.FS, floor series.Period, change ...func(*Config)) *host {
	tb.Helper()
	h := open(tb, fs, floor, change...)
	if err := h.load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return h
}

// raise drops the periods below a floor.
func (h *host) raise(tb testing.TB, floor series.Period) (keys int, err error) {
	for _, sh := range h.shards {
		n, err := sh.Drop(tb.Context(), floor)
		if err != nil {
			return 0, err
		}
		keys += n
	}
	h.Drop(floor)
	return keys, nil
}

// sample is a point somewhere.
type sample struct{ key, member string }

func (s sample) period() series.Period {
	p, _ := layout.ParsePeriod([]byte(s.key[:strings.IndexByte(s.key, ':')]))
	return p
}

// shardOf is where the samples of a series are.
func shardOf(name string) int { return 1 + len(name)%2 }

// sampleOf makes a sample.
func sampleOf(name string, ts int64, value string) sample {
	member := series.AppendMember(nil, series.Point{TS: ts, Value: []byte(value)})
	return sample{layout.PeriodString(layout.PeriodOf(ts)) + ":" + name, string(member)}
}

// write writes samples as clients do, and waits for the log as the front door does.
func (h *host) write(tb testing.TB, samples []sample) {
	tb.Helper()
	for _, sh := range h.shards {
		var puts []store.Put
		for _, s := range samples {
			_, name, _ := strings.Cut(s.key, ":")
			if shardOf(name) != sh.ID() {
				continue
			}
			p, err := series.ParseMember([]byte(s.member))
			if err != nil {
				tb.Fatal(err)
			}
			puts = append(puts, store.Put{
				Series: []byte(name), Member: []byte(s.member), TS: p.TS, Frac: p.Frac, Period: s.period(),
				ValueAt: uint8(len(s.member) - len(p.Value)),
			})
		}
		tx := sh.Begin()
		tx.Put(puts)
		logged := tx.Logged()
		tx.End()
		for i := range puts {
			if puts[i].Err != nil {
				tb.Fatalf("%s: %v", puts[i].Member, puts[i].Err)
			}
		}
		h.Log().Commit(logged)
	}
}

// all gives every point to fn.
func (h *host) all(tb testing.TB, fn func(key, member []byte)) {
	tb.Helper()
	ctx := tb.Context()
	var key, member []byte
	for _, sh := range h.shards {
		r := sh.Reader()
		for _, p := range periodsOf(sh) {
			var keys []series.Key
			err := r.Digests(ctx, p, func(k series.Key, _ store.Digest) error {
				keys = append(keys, k.Clone())
				return nil
			})
			if err != nil {
				tb.Fatal(err)
			}
			for _, k := range keys {
				sets, err := r.Ranges(ctx, []store.RangeQuery{{Key: k, Span: store.All}})
				if err != nil {
					tb.Fatal(err)
				}
				key = fmt.Appendf(key[:0], "%s:%s", layout.PeriodString(p), k.Series)
				for _, pt := range sets[0] {
					member = series.AppendMember(member[:0], pt)
					fn(key, member)
				}
			}
		}
	}
}

// held gives every point, sorted.
func (h *host) held(tb testing.TB) (all []string) {
	tb.Helper()
	h.all(tb, func(key, member []byte) { all = append(all, string(key)+" "+string(member)) })
	slices.Sort(all)
	return all
}

// newFS is an empty file system with a place for a directory.
func newFS(tb testing.TB) *fsxtest.FS {
	tb.Helper()
	fs := fsxtest.New()
	if err := fs.MkdirAll(testDir); err != nil {
		tb.Fatal(err)
	}
	return fs
}
