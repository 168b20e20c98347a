package engine

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store"
)

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestStore_Stats_bytesAreTheHeaps compares what the store counts with what the runtime counts.
func TestStore_Stats_bytesAreTheHeaps(t *testing.T) {
	f := newFleet(0, 2000)
	f.tick(testDay)
	before := heap()
	st := newStore()
	for i := range 500 {
		if err := st.Unite(t.Context(), f.tick(testDay+int64(i)*10_000), store.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	grown := heap() - before
	stats, _ := st.Stats(t.Context())
	if d := float64(stats.Bytes)/float64(grown) - 1; d < -0.1 || d > 0.1 {
		t.Errorf("counted %d bytes, the heap grew by %d: off by %.1f %%", stats.Bytes, grown, 100*d)
	}
	t.Logf("%d series, %d points, %d bytes, heap %d", stats.Series, stats.Points, stats.Bytes, grown)
	if _, err := st.Drop(t.Context(), f.groups[0].Key.Period+1); err != nil {
		t.Fatal(err)
	}
	stats, _ = st.Stats(t.Context())
	left := heap() - before
	if stats.Points != 0 || stats.Series != 0 || left > grown/8 || stats.Bytes > grown/8 {
		t.Errorf("after the drop: %+v, heap %d of %d", stats, left, grown)
	}
	runtime.KeepAlive(f)
	runtime.KeepAlive(st)
}

// TestStore_day fills a day of one point every ten seconds: a small fleet always, the 20,000 series that a node must
// hold over its 8 shards when DUNLIN_LONG is set.
func TestStore_day(t *testing.T) {
	shards, perShard := 1, 100
	if os.Getenv("DUNLIN_LONG") != "" {
		shards, perShard = 8, 2500
	}
	before := heap()
	var points, bytes int64
	var spent time.Duration
	stores := make([]*Store, shards)
	for s := range stores {
		stores[s] = newStore()
		f := newFleet(s*perShard, perShard)
		for i := range int64(8640) {
			groups := f.tick(testDay + i*10_000)
			start := time.Now()
			if err := stores[s].Unite(context.Background(), groups, store.Origin{}); err != nil {
				t.Fatal(err)
			}
			spent += time.Since(start)
		}
		stats, _ := stores[s].Stats(t.Context())
		points += stats.Points
		bytes += stats.Bytes
	}
	if want := int64(shards * perShard * 8640); points != want {
		t.Errorf("%d points, want %d", points, want)
	}
	per := float64(bytes) / float64(points)
	t.Logf("%d series, %d points, %.2f bytes/point, %d ns/point, heap %d MB", shards*perShard, points, per,
		spent.Nanoseconds()/points, (heap()-before)>>20)
	if per > 3 {
		t.Errorf("%.2f bytes per point, want at most 3", per)
	}
	runtime.KeepAlive(stores)
}
