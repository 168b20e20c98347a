package batch

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

func testClock() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// newBatch makes a batch for three of four shards.
func newBatch(tb testing.TB) (*Batch, *ring.Topology) {
	tb.Helper()
	top := ring.Single("n", "redis://127.0.0.1:6390", 4)
	var shards []*shard.Shard
	for id := 1; id <= 3; id++ {
		sh, err := shard.New(context.Background(), shard.Config{
			Origin: replog.Origin{Node: "n", Shard: id, Incarnation: 1}, Layout: series.Day,
			Store: engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: "e", Clock: testClock}), Clock: testClock,
		})
		if err != nil {
			tb.Fatal(err)
		}
		shards = append(shards, sh)
	}
	return New(top, shards), top
}

// FuzzBatch_ZAdd: what a batch takes is what the grammar says it is, whatever came before it.
func FuzzBatch_ZAdd(f *testing.F) {
	f.Add([]byte("2026-11-22:web1:cpu"), []byte("1795348800"), []byte("1795348800:1.50"))
	f.Add([]byte("2026-11-22:web2:cpu"), []byte("1795348800.0"), []byte("1795348800:1"))
	f.Add([]byte("2026-11-22:web1:"), []byte("1795348800.250"), []byte("1795348800.250:nan"))
	f.Add([]byte("2026-11-21:web%3A1:cpu"), []byte("1795262400"), []byte("1795348800:1"))
	f.Add([]byte("2026-11-22:web1:cpu"), []byte("NX"), []byte("CH"))
	b, top := newBatch(f)
	f.Fuzz(func(t *testing.T, key, score, member []byte) {
		args := [][]byte{[]byte("ZADD"), key, score, member}
		for range 2 { // the second time behind one of the same host
			if !b.ZAdd(0, args) {
				continue
			}
			lane := b.where[len(b.where)-1]
			put := b.lanes[lane].puts[len(b.lanes[lane].puts)-1]
			p, err := series.ParseMember(member)
			if err != nil || put.TS != p.TS || put.Frac != p.Frac || !bytes.Equal(put.Point().Value, p.Value) {
				t.Fatalf("%+v of %q: %+v, %v", put, member, p, err)
			}
			if s, ok := keyspace.ParseFloat(score); !ok || !series.ScoreIs(s, p.TS) {
				t.Fatalf("took the score %q for %q", score, member)
			}
			if k, err := top.Layout.ParseKey(key); err == nil && (k.Period != put.Period || !bytes.Equal(k.Series, put.Series) ||
				top.ShardOf(key) != int(lane) || top.Layout.PeriodOf(put.TS) != k.Period) {
				t.Fatalf("%+v in lane %d of %q", put, lane, key)
			}
		}
		b.Abandon()
	})
}

// FuzzBatch_MAddT: each point is taken as the grammar says, or refused.
func FuzzBatch_MAddT(f *testing.F) {
	f.Add([]byte("1795348800"), []byte("web1:cpu"), []byte("1.50"), []byte("web1:load"), []byte("2"))
	f.Add([]byte("1795348800.25"), []byte("web1"), []byte("1.50"), []byte("web2:"), []byte(""))
	f.Add([]byte("x"), []byte("web%3A1:cpu"), []byte("nan"), []byte("a:b"), []byte("\x00"))
	f.Add([]byte(""), []byte("web1:cpu"), []byte("1"), []byte("web1:load"), []byte("2"))
	b, top := newBatch(f)
	f.Fuzz(func(t *testing.T, ts, name1, value1, name2, value2 []byte) {
		args := [][]byte{[]byte("DN.MADDT"), ts, name1, value1, ts, name2, value2}
		if !b.MAddT(0, args) {
			return
		}
		defer b.Abandon()
		for i, lane := range b.where {
			put := b.answered(lane)
			name, value := args[2+3*i], args[3+3*i]
			key := append([]byte("2026-11-22:"), name...)
			millis, frac, ok := series.ParseTime(ts)
			_, err := series.ParseSeries(name)
			good := ok && err == nil && series.CleanValue(value) && len(key) <= series.MaxKey
			switch {
			case lane == refusedLane && (good || put.Err == nil):
				t.Fatalf("refused %q %q %q: %v", ts, name, value, put.Err)
			case lane == refusedLane:
			case !ok || !series.CleanValue(value) || put.TS != millis || put.Frac != frac ||
				string(put.Member) != string(ts)+":"+string(value) || put.Period != top.Layout.PeriodOf(millis) ||
				!bytes.Equal(put.Series, name):
				t.Fatalf("took %q %q %q as %+v", ts, name, value, put)
			case err == nil && top.ShardOfSeries(nil, mustParse(name)) != int(lane):
				t.Fatalf("%q in lane %d", name, lane)
			}
		}
	})
}

func mustParse(name []byte) series.Key {
	k, err := series.ParseSeries(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return k
}

// TestBatch_allocatesNothing: neither for a point nor for a command, once its memory has grown.
func TestBatch_allocatesNothing(t *testing.T) {
	b, _ := newBatch(t)
	var w resp.Writer
	var zadds [][][]byte
	madd := [][]byte{[]byte("DN.MADD"), nil}
	for host := range 40 {
		for metric := range 20 {
			name := fmt.Sprintf("web%d:metric%d", host, metric)
			cmd := [][]byte{[]byte("ZADD"), []byte("2026-11-22:" + name), nil, nil}
			if b.place(&b.key, 0, mustKey("2026-11-22:"+name), nil) { // the fourth shard is not here
				zadds = append(zadds, cmd)
				madd = append(madd, []byte(name), []byte("12.5"))
			}
		}
	}
	ts := int64(1795305600)
	tick := func() {
		ts++
		at := strconv.AppendInt(nil, ts, 10)
		member := append(bytes.Clone(at), ":0.25"...)
		madd[1] = at
		for _, cmd := range zadds {
			cmd[2], cmd[3] = at, member
			if !b.ZAdd(0, cmd) {
				t.Fatal("not taken")
			}
		}
		if !b.MAdd(0, madd) {
			t.Fatal("not taken")
		}
		w.Buf = w.Buf[:0]
		b.Commit(&w)
	}
	for range 600 { // chunks are sealed, journals are long
		tick()
	}
	// What a tick itself makes is its timestamp and its member. Now and then a slab grows by a page.
	if n := testing.AllocsPerRun(200, tick); n > 4 {
		t.Errorf("%v allocations for %d points in %d commands", n, 2*len(zadds), len(zadds)+1)
	}
	if got, want := len(w.Buf), len(zadds)*len(":1\r\n"); got < want {
		t.Errorf("%d bytes of replies, want at least %d", got, want)
	}
}

func mustKey(key string) series.Key {
	k, err := series.Day.ParseKey([]byte(key))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return k
}
