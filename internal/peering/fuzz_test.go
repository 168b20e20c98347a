package peering

import (
	"context"
	"testing"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// FuzzSession_Pull: no request makes a node panic, wait or answer without end.
func FuzzSession_Pull(f *testing.F) {
	a, b := newSide(f, "a"), newSide(f, "b")
	a.write(f, 10, noon, "1")
	f.Add(NewFollower("a", 1, []*shard.Shard{b.sh}).Request(nil, []string{"c", "d"}, 1000))
	f.Add([]byte{Version, 1, 0, 0})
	f.Fuzz(func(t *testing.T, req []byte) {
		s := a.feed.NewSession()
		for range 2 {
			if ans, err := s.Pull(t.Context(), req, nil, false); err == nil && len(ans) > 2*mostAnswer {
				t.Errorf("%d bytes", len(ans))
			}
		}
	})
}

// FuzzSession_Grid: no question makes a node panic.
func FuzzSession_Grid(f *testing.F) {
	a := newSide(f, "a")
	a.write(f, 10, noon, "1")
	q := exchange.HourQuery{Shard: 1, Hour: noon.Unix() / 3600, Series: [][]byte{[]byte("h1:cpu.user")}}
	for b := range q.Want {
		q.Want[b] = true
	}
	for op := range byte(askChunks + 1) {
		f.Add(appendQuery([]byte{Version, op}, q))
	}
	f.Fuzz(func(t *testing.T, req []byte) {
		_, _ = a.feed.NewSession().Grid(t.Context(), req, nil)
	})
}

// FuzzFollower_Apply: no answer makes a node panic, and what it stores is of the grammar.
func FuzzFollower_Apply(f *testing.F) {
	a, b := newSide(f, "a"), newSide(f, "b")
	a.write(f, 10, noon, "1")
	req := NewFollower("a", 1, b.feed.Shards).Request(nil, nil, 1000)
	ans, err := a.feed.NewSession().Pull(f.Context(), req, nil, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ans)
	f.Fuzz(func(t *testing.T, ans []byte) {
		c := newSide(t, "c")
		fo := NewFollower("a", 1, c.feed.Shards)
		fo.Request(nil, nil, 1000)
		_, _ = fo.Apply(ans)
		keys, _ := c.st.ScanKeys(0, 1<<20)
		for _, k := range keys {
			if _, err := c.sh.Layout().ParseKey(c.sh.Layout().AppendKey(nil, k)); err != nil {
				t.Errorf("%q: %v", k.Series, err)
			}
		}
		_ = fo.Wants()
	})
}

// said is a far side that answers what it is given.
type said []byte

func (s said) Call(context.Context, string, []byte) ([]byte, error) { return s, nil }

// FuzzFar: no answer to a question makes a node panic.
func FuzzFar(f *testing.F) {
	v := []replog.Reach{{Origin: replog.Origin{Node: "a"}, Seq: 7}}
	f.Add(appendStanding(nil, exchange.Standing{Whole: true, Vector: v}))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	f.Fuzz(func(t *testing.T, ans []byte) {
		r := far{said(ans), true}
		_, _ = r.Standing(t.Context(), 1)
		_, _ = r.Snapshot(t.Context(), 1)
		_, _ = r.Hours(t.Context(), 1)
		_, _ = r.Buckets(t.Context(), exchange.HourQuery{})
		_, _, _ = r.Series(t.Context(), exchange.HourQuery{})
		_, _ = r.Points(t.Context(), exchange.HourQuery{})
		_, _, _ = r.Chunks(t.Context(), exchange.HourQuery{})
	})
}

// TestHourQuery_roundTrip: what is asked is what is read.
func TestHourQuery_roundTrip(t *testing.T) {
	q := exchange.HourQuery{Shard: 3, Hour: 498710, From: 1 << 31, Series: [][]byte{[]byte("a:b"), []byte("c:d")}}
	for i := range q.Want {
		q.Want[i] = i%3 == 0
	}
	in := &input{b: appendQuery(nil, q)}
	got := in.query()
	if err := in.end(); err != nil || got.Shard != q.Shard || got.Hour != q.Hour || got.From != q.From ||
		got.Want != q.Want || len(got.Series) != 2 || string(got.Series[1]) != "c:d" {
		t.Errorf("%+v, %v", got, err)
	}
}
