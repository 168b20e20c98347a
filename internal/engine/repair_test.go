package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/mend"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// hurtStore is a store of some series with chunks to be damaged.
type hurtStore struct {
	*Store
	t *testing.T
	g *grid.Grid
	k series.Key // that is damaged
}

func newHurtStore(t *testing.T) *hurtStore {
	const first = 1795305600000
	g := grid.New("c")
	h := &hurtStore{t: t, g: g, Store: New(Config{
		Layout: series.Day, Cluster: "c", Epoch: "e", Clock: func() time.Time { return time.UnixMilli(first) }, Grid: g,
	})}
	for i := range 3 {
		h.write(i)
	}
	return h
}

// write writes 700 points of a series.
func (h *hurtStore) write(i int) {
	const first = 1795305600000
	k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:m", i))
	if err != nil {
		h.t.Fatal(err)
	}
	k.Period = series.Day.PeriodOf(first)
	grp := store.Group{Key: k}
	for n := range 700 {
		value := fmt.Appendf(nil, "%d.%02d", n%13*i, n%100)
		if n%50 == 0 {
			value = []byte("text")
		}
		grp.Points = append(grp.Points, series.Point{TS: first + int64(n)*10_000, Value: value})
	}
	h.unite(grp)
	if i == 1 {
		h.k = k
	}
}

func (h *hurtStore) unite(g store.Group) {
	h.t.Helper()
	if err := h.Unite(h.t.Context(), []store.Group{g}, store.Origin{}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hurtStore) all() []series.Point {
	h.t.Helper()
	got, err := h.Ranges(h.t.Context(), []store.RangeQuery{{Key: h.k, Span: store.All}})
	if err != nil {
		h.t.Fatal(err)
	}
	return got[0]
}

// damaged gives the series that Verify names.
func (h *hurtStore) damaged() (names []string) {
	for next, first := uint32(0), true; first || next != 0; first = false {
		var keys []series.Key
		keys, next = mend.Verify(h.Store, h.k.Period, next, 500)
		for _, k := range keys {
			names = append(names, string(k.Series))
		}
	}
	return names
}

func (h *hurtStore) hours() string {
	for h.g.Fill(h, 100) {
	}
	hours, ok := h.g.Hours()
	return fmt.Sprint(hours, ok)
}

// flips calls fn with some bits of all chunks of the key, one after the other, being flipped.
func (h *hurtStore) flips(fn func(flip func())) {
	p, e := h.find(h.k)
	for i := 0; i < int(e.dirLen); i++ {
		for at := 0; i < int(e.dirLen) && at < len(p.chunkBytes(e, i)); at += 37 {
			if e.isOpen(i) && at >= e.open.Size()&^7 {
				break
			}
			flip := func() { p.chunkBytes(e, i)[at] ^= 1 << (at % 8) }
			flip()
			fn(flip)
		}
	}
}

// TestReplace: a flipped bit anywhere in any chunk is found by Verify, costs no more than points of its key, and
// is mended by the points that were there. Others are not taken.
func TestReplace(t *testing.T) {
	h := newHurtStore(t)
	hours, good := h.hours(), h.all()
	if got := h.damaged(); len(got) > 0 {
		t.Fatalf("%v are damaged, and nothing was done to them", got)
	}
	found, flips := 0, 0
	h.flips(func(flip func()) {
		flips++
		names := h.damaged()
		if len(names) == 0 { // a bit that means nothing
			flip()
			return
		}
		if found++; !slices.Equal(names, []string{"h1:m"}) {
			t.Fatalf("%v are damaged", names)
		}
		_ = h.all() // reading what is damaged ends
		v := h.Open(h.k)
		v.Seek(3, v.Len(), flips%2 == 0)
		for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		}
		if mend.Replace(h.Store, h.k, good[1:], nil) {
			t.Fatal("points are taken that are not those of the digest")
		}
		if !mend.Replace(h.Store, h.k, good, nil) || len(h.damaged()) > 0 {
			t.Fatal("the points that were there do not mend it")
		}
	})
	if found < flips*9/10 {
		t.Errorf("%d of %d flips are found", found, flips)
	}
	if now := h.hours(); now != hours {
		t.Errorf("the hours are %s, were %s", now, hours)
	}
	if got := h.all(); fmt.Sprint(got) != fmt.Sprint(good) {
		t.Errorf("%d points of %d", len(got), len(good))
	}
	h.unite(store.Group{Key: h.k, Points: []series.Point{
		{TS: good[0].TS + 7_000_000, Value: []byte("8")}, {TS: good[0].TS + 5, Frac: 3, Value: []byte("8")},
	}})
	if h.Card(h.k) != len(good)+2 || len(h.damaged()) > 0 {
		t.Errorf("it goes on with %d points", h.Card(h.k))
	}
}

// TestStore_gap: chunks have no place beside one that can not be read.
func TestStore_gap(t *testing.T) {
	h := newHurtStore(t)
	p, e := h.find(h.k)
	h.read(p, e, 0)
	last := h.rd.Time(h.rd.Len() - 1)
	h.disk.in = &chunkrec.Reader{Chunks: []chunkrec.Chunk{{First: last + 1000, Last: last + 2000}}}
	if at := h.gap(target{p: p, e: e}); at != 1 {
		t.Errorf("behind chunk 0 is place %d", at)
	}
	p.chunkBytes(e, 0)[0] ^= 0xf0 // its version
	if at := h.gap(target{p: p, e: e}); at != -1 {
		t.Errorf("behind chunk 0, which is damaged, is place %d", at)
	}
}

// TestRemove_law: whatever is taken out, what is left is the points that were not, with their digests, counts, hours
// and journal; and it can be written to again.
func TestRemove_law(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHurtStore(t)
		h.hours()
		want := map[string]string{}
		dead := map[string][2]int64{}
		for i := range 3 {
			name := fmt.Sprintf("h%d:m", i)
			if rapid.Bool().Draw(r, name) {
				from := rapid.Int64Range(-10, 710).Draw(r, "from")
				dead[name] = [2]int64{1795305600000 + from*10_000, 1795305600000 +
					rapid.Int64Range(from, 710).Draw(r, "to")*10_000}
			}
		}
		points := func(name string) []series.Point {
			k := h.k
			k.Series = []byte(name)
			got, _ := h.Ranges(t.Context(), []store.RangeQuery{{Key: k, Span: store.All}})
			return got[0]
		}
		left, series3 := 0, 0
		for i := range 3 {
			name := fmt.Sprintf("h%d:m", i)
			d := dead[name]
			keep := slices.DeleteFunc(points(name), func(p series.Point) bool { return d[0] <= p.TS && p.TS <= d[1] })
			want[name] = fmt.Sprint(keep)
			if left += len(keep); len(keep) > 0 {
				series3++
			}
		}
		removed := 0
		for next, first := uint32(0), true; first || next != 0; first = false {
			n := 0
			piece := mend.Piece{Period: h.k.Period, From: next, Series: 2}
			n, next = mend.Remove(h.Store, piece, func(name []byte) func(int64) bool {
				d, ok := dead[string(name)]
				if !ok {
					return nil
				}
				return func(ts int64) bool { return d[0] <= ts && ts <= d[1] }
			})
			removed += n
		}
		st, _ := h.Stats(t.Context())
		if removed+left != 2100 || st.Points != int64(left) || st.Series != series3 || len(h.damaged()) > 0 {
			r.Fatalf("%d removed, %d left, %+v, damaged %v", removed, left, st, h.damaged())
		}
		journal, _ := h.Changes(t.Context(), 0, 0)
		if len(journal) != series3 {
			r.Fatalf("the journal has %v", journal)
		}
		for name := range want {
			if got := fmt.Sprint(points(name)); got != want[name] {
				r.Fatalf("%s is not what it should be", name)
			}
		}
		before := h.hours()
		for i := range 3 { // the same points come again
			h.write(i)
		}
		if st, _ := h.Stats(t.Context()); st.Points != 2100 || st.Series != 3 || len(h.damaged()) > 0 {
			r.Fatalf("written again: %+v", st)
		}
		if now, all := h.hours(), newHurtStore(t).hours(); now != all || removed > 0 && now == before {
			r.Fatalf("the hours are %s, want %s", now, all)
		}
	})
}

// TestStore_damaged: a point that belongs into a chunk that can not be read is refused by name, whatever happened to
// the chunk and however the point comes; nothing else ends.
func TestStore_damaged(t *testing.T) {
	refused, damaged := 0, 0
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		h := newHurtStore(t)
		p, e := h.find(h.k)
		for i := range int(e.dirLen) {
			b := p.chunkBytes(e, i)
			if e.isOpen(i) {
				b = b[:e.open.Size()&^7]
			}
			for range 1 + r.IntN(8) {
				b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			}
		}
		if len(h.damaged()) > 0 {
			damaged++
		}
		const first = 1795305600000
		for at := range 70 {
			ts := first + int64(at)*100_000 + 5_000
			member := fmt.Appendf(nil, "%d:7", ts/1000)
			put := store.Put{
				Series: h.k.Series, Member: member, TS: ts, Period: h.k.Period, ValueAt: uint8(len(member) - 1),
			}
			if at%2 == 0 {
				h.Put([]store.Put{put})
				continue
			}
			puts := []store.Put{put}
			if err := h.Apply(puts, nil); err != nil {
				t.Fatalf("a peer's log is held up: %v", err)
			}
			if puts[0].Added && puts[0].Err != nil || puts[0].Err != nil && puts[0].Err != store.ErrDamaged {
				t.Fatalf("%+v", puts[0])
			}
			if puts[0].Err != nil {
				refused++
			}
		}
	}
	if refused == 0 || damaged < 100 {
		t.Errorf("%d points are refused, in %d stores that are damaged", refused, damaged)
	}
}
