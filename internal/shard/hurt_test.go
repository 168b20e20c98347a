package shard

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// hurtStore is an engine that says of late points that what is around them is damaged.
type hurtStore struct {
	*engine.Store
	late int64 // ms: before it nothing can be put in; 0 = all is well
	lost bool  // nothing can be read
}

func (h *hurtStore) Open(k series.Key) store.View {
	if h.lost {
		return nil
	}
	return h.Store.Open(k)
}

func (h *hurtStore) Rewrite(k series.Key, points []series.Point, d store.Digest) bool {
	h.lost = false
	return h.Store.Rewrite(k, points, d)
}

func (h *hurtStore) refuse(puts []store.Put) (rest []store.Put) {
	for i := range puts {
		if puts[i].TS < h.late {
			puts[i].Err = store.ErrDamaged
		} else {
			rest = append(rest, puts[i])
		}
	}
	return rest
}

func (h *hurtStore) Put(puts []store.Put) { h.Store.Put(h.refuse(puts)) }

func (h *hurtStore) Apply(puts, passed []store.Put) error {
	return h.Store.Apply(h.refuse(puts), passed)
}

var hurtNoon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newHurt(t *testing.T) (*Shard, *hurtStore) {
	t.Helper()
	clock := func() time.Time { return hurtNoon }
	g, rec := grid.New("c"), replog.NewRecorder()
	st := &hurtStore{Store: engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: "a", Clock: clock, Recorder: rec, Shard: 1, Grid: g,
	})}
	s, err := New(t.Context(), Config{
		Origin: replog.Origin{Node: "a", Shard: 1, Incarnation: 1}, Layout: series.Day, Store: st, Clock: clock,
		Recorder: rec, Tail: 1 << 20, Grid: g,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

// hurtTest is a key that has points of seconds 10, 20 and 30, and then can not be read.
type hurtTest struct {
	*Shard
	t    *testing.T
	st   *hurtStore
	k    series.Key
	good []series.Point
}

func newHurtTest(t *testing.T) *hurtTest {
	t.Helper()
	h := &hurtTest{t: t}
	h.Shard, h.st = newHurt(t)
	h.k, _ = series.ParseSeries([]byte("h:m"))
	h.k.Period = series.Day.PeriodOf(hurtNoon.UnixMilli())
	for _, second := range []int{10, 20, 30} {
		if h.good = append(h.good, h.point(second)); h.client(second) != nil {
			t.Fatal("a good point")
		}
	}
	h.harm(30)
	return h
}

// harm makes what lies before a second unreadable.
func (h *hurtTest) harm(second int) { h.st.late, h.st.lost = h.put(second).TS, true }

func (h *hurtTest) put(second int) store.Put {
	at := hurtNoon.Add(time.Duration(second-100) * time.Second)
	return store.Put{
		Series: []byte("h:m"), Member: fmt.Appendf(nil, "%d:7", at.Unix()), TS: at.UnixMilli(), Period: h.k.Period,
		ValueAt: uint8(len(fmt.Sprint(at.Unix())) + 1),
	}
}

func (h *hurtTest) point(second int) series.Point {
	p := h.put(second)
	return p.Point()
}

// client is a client's point.
func (h *hurtTest) client(second int) error {
	p := []store.Put{h.put(second)}
	tx := h.Begin()
	defer tx.End()
	tx.Put(p)
	return p[0].Err
}

// take takes a peer's point.
func (h *hurtTest) take(seq replog.Seq, second int) error {
	h.t.Helper()
	peer := replog.Origin{Node: "b", Shard: 1, Incarnation: 2}
	tx := h.Begin()
	defer tx.End()
	v, err := tx.Take(replog.Head{Shard: 1, Seq: seq, Origin: peer, Points: 1}, []store.Put{h.put(second)})
	if err == nil && v != replica.Next {
		h.t.Fatalf("entry %d is %d", seq, v)
	}
	return err
}

// mend replaces the points.
func (h *hurtTest) mend(what string, points []series.Point, ok bool, want int) {
	h.t.Helper()
	h.st.late = 0
	if got := h.Replace(h.k, points); got != ok || ok && (h.st.Card(h.k) != want || len(h.Hurt()) > 0) {
		h.t.Errorf("%s: mended %t, %d points, want %d; hurt: %v", what, got, h.st.Card(h.k), want, h.Hurt())
	}
}

// TestShard_hurt: points that damage keeps out are refused by name when a client sends them, and laid aside when a peer
// does, until a peer's points mend the key.
func TestShard_hurt(t *testing.T) {
	h := newHurtTest(t)
	if err := h.client(15); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a client's: %v", err)
	}
	if err := errors.Join(h.take(1, 25), h.take(2, 40)); err != nil {
		t.Errorf("a peer's log is held up: %v", err)
	}
	if got := h.Hurt(); len(got) != 1 || string(got[0].Series) != "h:m" || h.st.Card(h.k) != 4 {
		t.Fatalf("%v, %d points", got, h.st.Card(h.k))
	}
	all := []series.Point{h.good[0], h.good[1], h.point(25), h.good[2], h.point(40)}
	h.mend("others than those it had", all[1:], false, 0)
	h.mend("those it had and what was laid aside", all, true, 5)
	h.hurt.aside = mostAside
	if err := h.take(3, 50); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("more than can be laid aside: %v", err)
	}
	h.hurt.aside = 0
	if err := h.take(3, 50); err != nil {
		t.Errorf("and then: %v", err)
	}
}

// TestShard_hurt_forgotten: what was laid aside and is forgotten since does not come back, and a key that is whole
// again needs no points.
func TestShard_hurt_forgotten(t *testing.T) {
	h := newHurtTest(t)
	if err := h.take(1, 25); err != nil {
		t.Fatal(err)
	}
	h.Obey(edict.Of(0, edict.Tomb{
		Period: h.k.Period, Host: true, Name: "h", From: h.put(21).TS, To: h.put(29).TS,
	}))
	h.mend("those it had", h.good, true, 3)
	h.harm(30)
	h.st.lost = false
	if err := h.take(2, 15); err != nil {
		t.Fatal(err)
	}
	h.mend("a key that is whole", nil, true, 4)
}

// TestShard_hurt_again: some of what is laid aside was there before, another client having sent it too.
func TestShard_hurt_again(t *testing.T) {
	h := newHurtTest(t)
	all := []series.Point{h.good[0]}
	for i, second := range []int{11, 12, 20, 13, 14, 10, 15, 20} {
		if err := h.take(replog.Seq(i+1), second); err != nil {
			t.Fatal(err)
		}
	}
	for _, second := range []int{11, 12, 13, 14, 15} {
		all = append(all, h.point(second))
	}
	h.mend("those it had and all that was laid aside", append(all, h.good[1:]...), true, 8)
}
