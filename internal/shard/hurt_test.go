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

// TestShard_hurt: points that damage keeps out are refused by name when a client sends them, and laid aside when a peer
// does, until a peer's points mend the key.
func TestShard_hurt(t *testing.T) {
	s, st := newHurt(t)
	k, _ := series.ParseSeries([]byte("h:m"))
	k.Period = series.Day.PeriodOf(hurtNoon.UnixMilli())
	put := func(second int) store.Put {
		at := hurtNoon.Add(time.Duration(second-100) * time.Second)
		return store.Put{
			Series: []byte("h:m"), Member: fmt.Appendf(nil, "%d:7", at.Unix()), TS: at.UnixMilli(), Period: k.Period,
			ValueAt: uint8(len(fmt.Sprint(at.Unix())) + 1),
		}
	}
	var good []series.Point
	client := func(second int) error {
		p := []store.Put{put(second)}
		tx := s.Begin()
		tx.Put(p)
		tx.End()
		return p[0].Err
	}
	peer := replog.Origin{Node: "b", Shard: 1, Incarnation: 2}
	take := func(seq replog.Seq, second int) error {
		tx := s.Begin()
		defer tx.End()
		v, err := tx.Take(replog.Head{Shard: 1, Seq: seq, Origin: peer, Points: 1}, []store.Put{put(second)})
		if err == nil && v != replica.Next {
			t.Fatalf("entry %d is %d", seq, v)
		}
		return err
	}
	for _, second := range []int{10, 20, 30} {
		p := put(second)
		if good = append(good, p.Point()); client(second) != nil {
			t.Fatal("a good point")
		}
	}
	st.late, st.lost = put(30).TS, true
	if err := client(15); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a client's: %v", err)
	}
	if err := errors.Join(take(1, 25), take(2, 40)); err != nil {
		t.Errorf("a peer's log is held up: %v", err)
	}
	late, next := put(25), put(40)
	good = append(good, next.Point())
	if got := s.Hurt(); len(got) != 1 || string(got[0].Series) != "h:m" || st.Card(k) != 4 {
		t.Fatalf("%v, %d points", got, st.Card(k))
	}
	st.late = 0
	all := append([]series.Point{good[0], good[1], late.Point()}, good[2:]...)
	if s.Replace(k, all[1:]) {
		t.Error("others than those it had mend it")
	}
	if !s.Replace(k, all) || st.Card(k) != 5 || len(s.Hurt()) > 0 {
		t.Errorf("%d points, %v", st.Card(k), s.Hurt())
	}
	st.late, st.lost = put(40).TS, true
	if err := take(3, 35); err != nil {
		t.Fatal(err)
	}
	tomb := edict.Tomb{Period: k.Period, Host: true, Name: "h", From: put(31).TS, To: put(39).TS}
	s.Obey(edict.Of(0, tomb))
	st.late = 0
	if !s.Replace(k, all) || st.Card(k) != 5 || len(s.Hurt()) > 0 {
		t.Errorf("what was forgotten meanwhile is back: %d points, %v", st.Card(k), s.Hurt())
	}
	st.late = put(40).TS
	if err := take(4, 25); err != nil { // it is there
		t.Fatal(err)
	}
	st.late = 0
	if !s.Replace(k, nil) || st.Card(k) != 5 || len(s.Hurt()) > 0 {
		t.Errorf("a key that is whole: %d points, %v", st.Card(k), s.Hurt())
	}
	s.hurt.aside = mostAside
	if err := take(5, 50); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("more than can be laid aside: %v", err)
	}
	s.hurt.aside = 0
	if err := take(5, 50); err != nil {
		t.Errorf("and then: %v", err)
	}
}
