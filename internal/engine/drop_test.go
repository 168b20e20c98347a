package engine

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/offheap"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// TestStore_churn30 lives through 30 days: every day half of the series are new, two days are kept. What is counted
// and what is resident stay where they were after the first days.
func TestStore_churn30(t *testing.T) {
	const daily, days, ticks = 4000, 30, 12
	st := newStore()
	first := storetest.Layout.PeriodOf(testDay)
	var counted, res []int64
	groups := make([]store.Group, daily)
	for d := range days {
		ts, _ := storetest.Layout.Span(first + series.Period(d))
		for tick := range int64(ticks) {
			for i := range daily {
				name := fmt.Sprintf("host-%d-of-%d:metric", i, d)
				if i < daily/2 {
					name = fmt.Sprintf("host-%d-of-%d:metric", i+daily/2, d-1) // yesterday's new ones
				}
				if groups[i].Key.Period != first+series.Period(d) {
					groups[i].Key = storetest.Key(storetest.Layout.PeriodString(first+series.Period(d)) + ":" + name)
				}
				groups[i].Points = append(groups[i].Points[:0], series.Point{
					TS: ts + tick*300_000, Value: []byte("12.5"),
				})
			}
			o := store.Origin{Peer: "p", Marks: map[string]store.Mark{}}
			if tick == 0 {
				for i := range groups {
					o.Marks[string(storetest.Layout.AppendKey(nil, groups[i].Key))] = store.Mark{TS: ts}
				}
			}
			if err := st.Unite(t.Context(), groups, o); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := st.Drop(t.Context(), first+series.Period(d-1)); err != nil {
			t.Fatal(err)
		}
		tidy(st)
		debug.FreeOSMemory()
		stats, _ := st.Stats(t.Context())
		counted, res = append(counted, stats.Bytes), append(res, resident(t))
		checkAccounts(t, st)
	}
	t.Logf("counted %d after day 5, at most %d; resident %d, at most %d; %d ids for %d living names", counted[4],
		slices.Max(counted[5:]), res[4], slices.Max(res[5:]), st.names.IDs(), st.names.Used())
	if top := slices.Max(counted[5:]); top > counted[4]*11/10 {
		t.Errorf("counted %d bytes, were %d", top, counted[4])
	}
	if top := slices.Max(res[5:]); top > res[4]*11/10 {
		t.Errorf("%d bytes are resident, were %d", top, res[4])
	}
	if int(st.names.IDs()) > 3*daily {
		t.Errorf("%d ids for %d series a day", st.names.IDs(), daily)
	}
	runtime.KeepAlive(groups)
}

// TestStore_churn writes other series every day and drops the day before: memory stays where it was, ids are reused.
func TestStore_churn(t *testing.T) {
	st := newStore()
	first := storetest.Layout.PeriodOf(testDay)
	var early int64
	for d := range series.Period(20) {
		var groups []store.Group
		ts, _ := storetest.Layout.Span(first + d)
		for i := range 500 {
			key := fmt.Sprintf("%s:host-%d-%d:m", storetest.Layout.PeriodString(first+d), d, i)
			groups = append(groups, store.Group{Key: storetest.Key(key), Points: []series.Point{{TS: ts, Value: []byte("1")}}})
		}
		if err := st.Unite(t.Context(), groups, store.Origin{}); err != nil {
			t.Fatal(err)
		}
		if n, err := st.Drop(t.Context(), first+d); d > 0 && n != 500 || err != nil {
			t.Fatalf("day %d: dropped %d keys, %v", d, n, err)
		}
		tidy(st)
		stats, _ := st.Stats(t.Context())
		if d == 4 {
			early = stats.Bytes
		}
		if d > 4 && stats.Bytes > early*5/4 {
			t.Fatalf("day %d: %d bytes, were %d", d, stats.Bytes, early)
		}
	}
	if n := st.names.IDs(); n > 1500 {
		t.Errorf("%d ids for 500 series a day", n)
	}
	if g := st.names.Generation(0); g < 2 {
		t.Errorf("id 0 is of generation %d", g)
	}
}

// TestStore_dropIsQuick drops a day from all shards of a node while a client asks for its newest points: some thousand
// series always, 20,000 series of 1440 points when DUNLIN_LONG is set.
func TestStore_dropIsQuick(t *testing.T) {
	m := standard{hosts: 100, ticks: 600, seconds: 60, shards: 8}
	if os.Getenv("DUNLIN_LONG") != "" {
		m = standard{hosts: 1000, ticks: 1440, seconds: 60, shards: 8}
	}
	stores, st := m.fill(t, newStore)
	next := stores[0].periods[0].id + 1
	shards := make([]*shard.Shard, len(stores))
	for i, s := range stores {
		sh, err := shard.New(t.Context(), shard.Config{
			Origin: replog.Origin{Node: "n", Shard: i + 1}, Layout: storetest.Layout, Store: s,
			Clock: func() time.Time { return time.UnixMilli(testDay + 86_400_000) },
		})
		if err != nil {
			t.Fatal(err)
		}
		shards[i] = sh
		g := groupOf("probe:m", 0, 1)
		g[0].Key.Period, g[0].Points[0].TS = next, testDay+86_400_000
		if _, err := sh.Add(t.Context(), g); err != nil || g[0].Added != 1 {
			t.Fatal(err)
		}
	}
	debug.FreeOSMemory()
	before, mapped := resident(t), offheap.Mapped()
	probe := startProbe(shards, next)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, cpu := time.Now(), threadCPU()
	keys := 0
	for _, sh := range shards {
		n, err := sh.Drop(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		keys += n
	}
	dropped := time.Since(start)
	for _, sh := range shards {
		sh.Tidy()
	}
	took, spent := time.Since(start), threadCPU()-cpu
	waits := probe()
	slices.Sort(waits)
	freed := before - resident(t)
	t.Logf("%d keys, %d points, %d bytes: dropped in %v, freed in %v (%v of CPU), %d bytes went back; "+
		"%d probes, p99 %v, max %v", keys, st.Points, st.Bytes, dropped, took, spent, freed,
		len(waits), waits[len(waits)*99/100], waits[len(waits)-1])
	if keys != m.hosts*20 || freed < st.Bytes/2 || offheap.Mapped()-mapped > -st.Bytes/2 {
		t.Errorf("%d keys dropped, %d of %d bytes went back, %d of %d are mapped", keys, freed, st.Bytes, offheap.Mapped(),
			mapped)
	}
	if most := max(20*time.Millisecond, took/2); spent > most { // the machine may be busy with others
		t.Errorf("dropping took %v of CPU", spent)
	}
	runtime.KeepAlive(stores)
}

// threadCPU is the CPU time of this thread, where the system tells.
func threadCPU() time.Duration {
	data, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0
	}
	text, _, _ := strings.Cut(string(data), " ")
	nanos, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(nanos)
}

// startProbe asks one shard after the other for a key, as a client would. The func it gives ends that and gives how
// long each question took.
func startProbe(shards []*shard.Shard, p series.Period) (stop func() []time.Duration) {
	var ended atomic.Bool
	out := make(chan []time.Duration)
	ready := make(chan struct{})
	k := storetest.Key("2026-11-22:probe:m")
	k.Period = p
	go func() {
		var waits []time.Duration
		for i := 0; !ended.Load() || len(waits) < 100; i++ {
			start := time.Now()
			_ = shards[i%len(shards)].View(func(st store.Store) error {
				st.(*Store).Card(k)
				return nil
			})
			waits = append(waits, time.Since(start))
			if i == 0 {
				close(ready)
			}
			time.Sleep(20 * time.Microsecond) // a client's own pace
		}
		out <- waits
	}()
	<-ready
	return func() []time.Duration {
		ended.Store(true)
		return <-out
	}
}
