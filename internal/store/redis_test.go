package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

func dial(t *testing.T, s *redistest.Server) *store.Redis {
	t.Helper()
	r := store.DialProcess(store.ProcessConfig{URL: s.URL, Layout: storetest.Layout, Cluster: storetest.Cluster})
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRedis_contract(t *testing.T) {
	s := redistest.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		s.Do("FLUSHALL")
		return dial(t, s)
	})
}

const dayKey = "2026-11-22:a:m"

func ranges(t *testing.T, r store.Reader, key string, sp store.Span) []string {
	t.Helper()
	got, err := r.Ranges(context.Background(), []store.RangeQuery{{Key: storetest.Key(key), Span: sp}})
	if err != nil {
		t.Fatalf("ranges: %v", err)
	}
	var out []string
	for _, p := range got[0] {
		out = append(out, string(series.AppendMember(nil, p)))
	}
	return out
}

func TestRedis_foreignMembers(t *testing.T) {
	s := redistest.Start(t)
	r := dial(t, s)
	s.Do("ZADD", dayKey, "1795348800", "1795348800:1", "1795348801", "not a point", "5", "1795348802:2",
		"1795348803.167134523", "1795348803.167:3", "1795348803.1669", "1795348803.167:0")
	if n, err := r.Adopt(context.Background(), []string{dayKey}); n != 5 || err != nil {
		t.Fatalf("adopted %d, %v", n, err)
	}
	want := []string{"1795348800:1", "1795348803.167:0", "1795348803.167:3"}
	if d := cmp.Diff(want, ranges(t, r, dayKey, store.All)); d != "" {
		t.Errorf("points: (-want +got)\n%s", d)
	}
	st, err := r.Stats(context.Background())
	if err != nil || st.Foreign != 2 {
		t.Errorf("stats: %+v, %v", st, err)
	}
	sums, err := r.HourSums(context.Background(), 1795348800/3600, []series.Key{storetest.Key(dayKey)})
	if err != nil {
		t.Fatal(err)
	}
	var pts []series.Point
	for _, m := range want {
		p, err := series.ParseMember([]byte(m))
		if err != nil {
			t.Fatal(err)
		}
		pts = append(pts, p)
	}
	if sums[0] != store.SumPoints(pts) {
		t.Errorf("hour sum of a key with foreign members differs from that of its points")
	}
	half := store.Span{From: 1795348803167, To: 1795348803167}
	if d := cmp.Diff(want[1:], ranges(t, r, dayKey, half)); d != "" {
		t.Errorf("one ms: (-want +got)\n%s", d)
	}
}

func TestRedis_Do(t *testing.T) {
	s := redistest.Start(t)
	r := dial(t, s)
	for _, proto := range []int{2, 3} {
		s.Do("FLUSHALL")
		s.Do("SCRIPT", "FLUSH")
		got := r.Do(context.Background(), proto, [][]string{
			{"PING"},
			{"ZADD", dayKey, "1795348800.0", "1795348800:1", "1795348801", "1795348801:2"},
			{"zadd", dayKey, "NX", "CH", "1795348800", "1795348800:1"},
			{"ZADD", dayKey, "1795348802", "1795348803:1", "1795348804", "1795348804:1"},
			{"ZADD", dayKey, "XX", "1795348802", "1795348802:1"},
			{"ZADD", "journal", "1795348802", dayKey},
			{"ZCARD", dayKey},
			{"ZSCORE", "journal", "nobody"},
			{"GET", dayKey},
			{"MULTI"},
			{"ZADD", dayKey, "1795348805", "1795348805:1"},
			{"SET", "plain", "x"},
			{"EXEC"},
			{"EXEC"},
			{"ZRANGE", "dn:journal", "0", "-1"},
		})
		texts := make([]any, len(got))
		for i, g := range got {
			texts[i] = g
			if err, ok := g.(error); ok {
				texts[i] = "error: " + err.Error()
			}
		}
		want := []any{
			store.Simple("PONG"), int64(2), int64(0),
			"error: ERR 1 of 2 refused: " + series.ErrScore.Error() + "; the rest is stored",
			"error: ERR series keys only grow: ZADD takes NX and CH here, not XX, GT, LT or INCR",
			int64(1), int64(3), nil, "error: WRONGTYPE Operation against a key holding the wrong kind of value",
			store.Simple("OK"), store.Simple("QUEUED"), store.Simple("QUEUED"),
			[]store.Reply{int64(1), store.Simple("OK")},
			"error: ERR EXEC without MULTI",
			[]store.Reply{dayKey},
		}
		if d := cmp.Diff(want, texts); d != "" {
			t.Errorf("proto %d: (-want +got)\n%s", proto, d)
		}
	}
}

func TestRedis_down(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	r := dial(t, s)
	if _, err := r.Epoch(context.Background()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a process that is down: %v", err)
	}
	s.Launch()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := r.Epoch(context.Background()); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("not back: %v", err)
		}
	}
}

func TestRedis_flushBetweenEpochAndCursor(t *testing.T) {
	s := redistest.Start(t)
	r := dial(t, s)
	ctx := context.Background()
	first, err := r.Epoch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.Do("FLUSHALL")
	o := store.Origin{Peer: "p", Cursor: &store.Cursor{Epoch: "e", Journal: 5}}
	if err := r.Unite(ctx, nil, o); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("a cursor from before a FLUSHALL: %v", err)
	}
	second, err := r.Epoch(ctx)
	if err != nil || first == second {
		t.Errorf("epoch %q after %q, %v", second, first, err)
	}
	if err := r.Unite(ctx, nil, o); err != nil {
		t.Errorf("after the epoch was read: %v", err)
	}
	if c, err := r.Cursor(ctx, "p"); c != *o.Cursor || err != nil {
		t.Errorf("cursor %+v, %v", c, err)
	}
}
