package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// files are what a node keeps of one shard, in memory.
type files struct {
	full   map[series.Period][][]byte // since the last Unsave
	opened map[series.Period][][]byte // of the last walk
	log    [][]byte                   // since the last walk began
	old    [][]byte                   // records of earlier walks and files: of no use, and harmless
}

// disked is an engine and its files.
type disked struct {
	*Store
	rec *replog.Recorder
	seq replog.Seq
	files
}

func newDisked() *disked {
	now := time.UnixMilli(testDay)
	rec := replog.NewRecorder()
	d := &disked{rec: rec, files: files{full: map[series.Period][][]byte{}, opened: map[series.Period][][]byte{}}}
	d.Store = New(Config{
		Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: func() time.Time { return now },
		Budget: budget.New(), Shard: 3, Recorder: rec,
	})
	return d
}

// write unites groups, all as one batch, and takes the record.
func (d *disked) write(t *rapid.T, groups []store.Group) {
	d.rec.Begin()
	added := 0
	if rapid.Bool().Draw(t, "as puts") {
		puts := putsOf(groups)
		d.Put(puts)
		for i := range puts {
			if puts[i].Added {
				added++
			}
		}
	} else {
		own := slices.Clone(groups)
		if err := d.Unite(context.Background(), own, store.Origin{}); err != nil {
			t.Fatal(err)
		}
		for i := range own {
			added += own[i].Added
		}
	}
	if d.rec.Len() != added {
		t.Fatalf("%d points recorded, %d added", d.rec.Len(), added)
	}
	for d.rec.Len() > 0 {
		d.seq++
		d.log = append(d.log, bytes.Clone(d.rec.Record(replog.Head{Shard: 3, Seq: d.seq})))
	}
}

func putsOf(groups []store.Group) []store.Put {
	var puts []store.Put
	for i := 0; ; i++ {
		some := false
		for _, g := range groups {
			if i < len(g.Points) {
				some = true
				puts = append(puts, putOf(g.Key, g.Points[i]))
			}
		}
		if !some {
			return puts
		}
	}
}

func putOf(k series.Key, pt series.Point) store.Put {
	m := series.AppendMember(nil, pt)
	return store.Put{
		Series: k.Series, Member: m, TS: pt.TS, Period: k.Period, ValueAt: uint8(len(m) - len(pt.Value)), Frac: pt.Frac,
	}
}

// checkpoint walks all periods; between is called between two steps.
func (d *disked) checkpoint(t *rapid.T, between func()) {
	d.rec.NewEpoch()
	d.old = append(d.old, d.log...)
	d.log = nil
	periods, _ := d.Periods(context.Background())
	for _, p := range periods {
		d.old = append(d.old, d.opened[p]...)
		d.opened[p] = nil
		var at SaveAt
		for more := true; more; {
			more = d.Save(p, &at, func(rec []byte) {
				d.checkRecord(t, rec)
				d.full[p] = append(d.full[p], bytes.Clone(rec))
			}, func(rec []byte) {
				d.checkRecord(t, rec)
				d.opened[p] = append(d.opened[p], bytes.Clone(rec))
			})
			d.checkSaved(t)
			between()
		}
	}
}

// fail loses the files of some periods: all is written again.
func (d *disked) fail(t *rapid.T) {
	periods, _ := d.Periods(context.Background())
	for _, p := range periods {
		if rapid.Bool().Draw(t, "unsave") {
			d.Unsave(p)
			d.old = append(d.old, d.full[p]...)
			d.full[p] = nil
		}
	}
	d.checkpoint(t, func() {})
}

// checkRecord compares the digest of a record with its points.
func (d *disked) checkRecord(t *rapid.T, rec []byte) {
	var in chunkrec.Reader
	if err := in.Reset(rec, storetest.Layout); err != nil {
		t.Fatal(err)
	}
	if got := digestOf(&in); got != in.Digest || in.Shard != 3 {
		t.Fatalf("%s: shard %d, digest %v, its points have %v", in.Key.Series, in.Shard, in.Digest, got)
	}
}

func digestOf(in *chunkrec.Reader) (d store.Digest) {
	seed := store.SeriesSeed(store.DigestSeed(storetest.Cluster), in.Key.Series)
	for _, c := range in.Chunks {
		in.Points(c, func(pt series.Point) { d.AddPoint(seed, pt) })
	}
	return d
}

// checkSaved compares what entries know of their saved chunks with these.
func (s *Store) checkSaved(t *rapid.T) {
	for _, p := range s.periods {
		p.each(0, func(id uint32, e *entry) bool {
			var want store.Digest
			for i := range int(e.dirLen) {
				if !p.dirent(e, i).Saved {
					continue
				}
				if e.isOpen(i) {
					t.Fatal("the open chunk is marked as saved")
				}
				want.Add(s.hashChunks(p, id, e, &piece{from: i, to: i + 1}))
			}
			if got := p.savedSum(e); want.Hi != got.Hi || want.Lo != got.Lo {
				t.Fatalf("%s: the saved chunks have another digest", s.names.Name(id))
			}
			return true
		})
	}
}

// contents is all that a store holds.
func contents(s *Store) map[string][]string {
	ctx := context.Background()
	out := map[string][]string{}
	for _, p := range s.periods {
		_ = s.Digests(ctx, p.id, func(k series.Key, d store.Digest) error {
			key := string(storetest.Layout.AppendKey(nil, k))
			points, _ := s.Ranges(ctx, []store.RangeQuery{{Key: k, Span: store.All}})
			out[key] = append(members(points[0]), fmt.Sprint(d))
			return nil
		})
	}
	return out
}

// restart makes a store of the files: everything in any order, but the log, whose records stay in order.
func (d *disked) restart(t *rapid.T, live func(n *disked)) *disked {
	n := newDisked()
	n.floor = d.floor
	type load struct {
		rec   []byte
		saved bool
	}
	var all []load
	for _, p := range d.Store.periods {
		for _, rec := range d.full[p.id] {
			all = append(all, load{rec, true})
			n.full[p.id] = append(n.full[p.id], rec)
		}
		for _, rec := range d.opened[p.id] {
			all = append(all, load{rec, rapid.Bool().Draw(t, "open saved")})
		}
	}
	for _, rec := range d.old {
		if replog.KindOf(rec) != replog.Points && rapid.Bool().Draw(t, "old too") {
			all = append(all, load{rec, false})
		}
	}
	if len(all) > 0 {
		for range rapid.IntRange(0, 3).Draw(t, "duplicates") {
			all = append(all, rapid.SampledFrom(all).Draw(t, "duplicate"))
		}
	}
	if rapid.Bool().Draw(t, "any order") {
		all = rapid.Permutation(all).Draw(t, "order")
	} else {
		slices.SortStableFunc(all, func(a, b load) int { return int(replog.KindOf(b.rec)) - int(replog.KindOf(a.rec)) })
	}
	for _, l := range all {
		k := keyOf(t, l.rec)
		if k.Period < n.floor {
			continue
		}
		before := n.Card(k)
		res, err := n.Load(l.rec, l.saved)
		if err != nil || res.New != n.Card(k)-before {
			t.Fatalf("load: %v, %+v, had %d of %d", err, res, before, n.Card(k))
		}
		if rapid.IntRange(0, 5).Draw(t, "live") == 0 {
			live(n)
		}
	}
	n.checkSaved(t)
	var dict replog.Dict
	for _, rec := range d.log {
		n.replay(t, rec, &dict)
	}
	return n
}

func keyOf(t *rapid.T, rec []byte) series.Key {
	var in chunkrec.Reader
	if err := in.Reset(rec, storetest.Layout); err != nil {
		t.Fatal(err)
	}
	return in.Key.Clone()
}

func (d *disked) replay(t *rapid.T, rec []byte, dict *replog.Dict) {
	r, err := replog.Read(rec)
	if err != nil {
		t.Fatal(err)
	}
	var puts []store.Put
	for r.Next(dict) {
		if r.Series == nil {
			t.Fatal("a series that nobody spelled")
		}
		period := storetest.Layout.PeriodOf(r.TS)
		if period >= d.floor {
			puts = append(puts, store.Put{
				Series: r.Series, Member: r.Member, TS: r.TS, Frac: r.Frac, ValueAt: r.ValueAt, Period: period,
			})
		}
	}
	if r.Err() != nil || r.Unknown > 0 || r.Shard != 3 {
		t.Fatal(r.Err(), r.Unknown, r.Shard)
	}
	d.rec.Begin()
	d.Replay(func() { d.Put(puts) })
	if d.rec.Len() != 0 {
		t.Fatal("replayed points were recorded")
	}
}

// TestStore_disk writes to an engine while its periods are walked, and makes another of what was written: it holds the
// same. So does one that is made of the files of that one.
func TestStore_disk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDisked()
		var sent []store.Group
		write := func() {
			groups := rapid.SliceOfN(drawGroup, 1, 3).Draw(t, "groups")
			if len(sent) > 0 && rapid.Bool().Draw(t, "again") {
				old := rapid.SampledFrom(sent).Draw(t, "old")
				groups[0].Key = old.Key // late, in between, and some of it there
				shift := int64(old.Key.Period) * 86_400_000
				for i := range groups[0].Points {
					groups[0].Points[i].TS = groups[0].Points[i].TS%86_400_000 + shift
				}
				groups[0].Points = append(groups[0].Points[:len(groups[0].Points)/4], old.Points...)
			}
			groups = slices.DeleteFunc(groups, func(g store.Group) bool { return g.Key.Period < d.floor })
			sent = append(sent, groups...)
			d.write(t, groups)
		}
		drop := func() {
			floor := storetest.Layout.PeriodOf(testDay) + series.Period(rapid.IntRange(0, 2).Draw(t, "floor"))
			_, _ = d.Drop(context.Background(), floor)
			tidy(d.Store)
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2:
				d.checkpoint(t, func() {
					switch rapid.IntRange(0, 20).Draw(t, "between") {
					case 0, 1, 2, 3, 4, 5:
						write()
					case 6:
						drop()
					}
				})
			case 3:
				d.fail(t)
			case 4:
				drop()
			case 5: // a restart, in the middle of it all
				before := contents(d.Store)
				d = d.restart(t, func(*disked) {})
				sameContents(t, before, contents(d.Store))
				d.checkpoint(t, func() {})
			default:
				write()
			}
		}
		d.checkSaved(t)
		n := d.restart(t, func(n *disked) {
			groups := slices.DeleteFunc(rapid.SliceOfN(drawGroup, 1, 2).Draw(t, "groups"), func(g store.Group) bool {
				return g.Key.Period < d.floor
			})
			d.write(t, groups)
			n.write(t, groups)
		})
		sameContents(t, contents(d.Store), contents(n.Store))
		checkAccounts(t, n.Store)
	})
}

func sameContents[T any](t *rapid.T, want, got T) {
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("after a restart (-want +got)\n%s", diff)
	}
}
