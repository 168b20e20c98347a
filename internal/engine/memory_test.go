package engine

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	stdmix "github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/offheap"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// resident is the resident set of the process, bytes; the test is skipped where the system does not tell.
func resident(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm: ", err)
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// standard writes the standard mix into stores, hosts apart, and reports what the stores count.
type standard struct {
	hosts, ticks int
	seconds      int64 // between two ticks
	shards       int
}

func (m standard) fill(t testing.TB, make func() *Store) (stores []*Store, all store.Stats) {
	t.Helper()
	f := stdmix.New(stdmix.Config{Seed: 1, Hosts: m.hosts, Metrics: stdmix.PerHost, Tick: int(m.seconds)})
	for range m.shards {
		stores = append(stores, make())
	}
	var text []byte
	groups, points := groupsOf(f)
	for tick := range int64(m.ticks) {
		for h := range m.hosts {
			f.Step(h)
			own := groups[h*stdmix.PerHost : (h+1)*stdmix.PerHost]
			text = text[:0]
			for i := range own {
				ts := testDay + tick*m.seconds*1000
				if f.Late(h) {
					ts += 1000
				}
				at := len(text)
				text = f.AppendValue(text, h, i)
				points[h*stdmix.PerHost+i] = series.Point{TS: ts, Value: text[at:len(text):len(text)]}
				own[i].Points = points[h*stdmix.PerHost+i:][:1]
			}
			if err := stores[h%m.shards].Unite(context.Background(), own, store.Origin{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range stores {
		st, _ := s.Stats(context.Background())
		all.Series += st.Series
		all.Points += st.Points
		all.Bytes += st.Bytes
		all.PointBytes += st.PointBytes
		all.SeriesBytes += st.SeriesBytes
	}
	return stores, all
}

func groupsOf(f *stdmix.Fleet) ([]store.Group, []series.Point) {
	groups := make([]store.Group, f.Hosts()*f.Metrics())
	for i := range groups {
		host, metric := i/f.Metrics(), i%f.Metrics()
		groups[i].Key = storetest.Key("2026-11-22:" + hostName(host) + ":" + f.Name(metric))
	}
	return groups, make([]series.Point, len(groups))
}

func hostName(i int) string { return "web" + strconv.Itoa(i) + ".sfo" }

func report(t testing.TB, what string, st store.Stats) {
	t.Helper()
	t.Logf("%s: %d series, %d points, %.3f bytes/point counted; points %.3f, series %.3f, overhead %.3f", what,
		st.Series, st.Points, per(st.Bytes, st), per(st.PointBytes, st), per(st.SeriesBytes, st),
		per(st.Bytes-st.PointBytes-st.SeriesBytes, st))
}

func per(bytes int64, st store.Stats) float64 { return float64(bytes) / float64(st.Points) }

// TestStore_Stats_bytesAreResident compares what the stores count with what the system gets back when they drop it.
func TestStore_Stats_bytesAreResident(t *testing.T) {
	mapped := offheap.Mapped()
	m := standard{hosts: 200, ticks: 1440, seconds: 60, shards: 8}
	stores, st := m.fill(t, newStore)
	report(t, "a minute apart", st)
	debug.FreeOSMemory()
	full, left := resident(t), int64(0)
	for _, s := range stores {
		checkAccounts(t, s)
		if _, err := s.Drop(t.Context(), s.periods[0].id+1); err != nil {
			t.Fatal(err)
		}
		tidy(s)
		checkAccounts(t, s)
		st, _ := s.Stats(t.Context())
		left += st.Bytes
	}
	debug.FreeOSMemory()
	counted, freed := st.Bytes-left, full-resident(t)
	t.Logf("counted %d bytes, of these %d dropped; %d were resident", st.Bytes, counted, freed)
	if d := float64(freed)/float64(counted) - 1; d > 0.05 || d < -0.05 {
		t.Errorf("counted %d bytes, %d went back to the system: off by %.1f %%", counted, freed, 100*d)
	}
	if is := offheap.Mapped() - mapped; left > st.Bytes/10 || is > st.Bytes/10 {
		t.Errorf("after the drop %d bytes are counted, %d mapped; were %d", left, is, st.Bytes)
	}
	runtime.KeepAlive(stores)
}

// TestStore_mix measures bytes per point of the standard mix: a small fleet always, the two sizes of the docs when
// DUNLIN_LONG is set.
func TestStore_mix(t *testing.T) {
	sizes := []standard{{hosts: 10, ticks: 1440, seconds: 60, shards: 1}}
	if os.Getenv("DUNLIN_LONG") != "" {
		sizes = append(sizes, standard{hosts: 1000, ticks: 1440, seconds: 60, shards: 8},
			standard{hosts: 1000, ticks: 1440, seconds: 60, shards: 8})
	}
	for _, m := range sizes {
		_, st := m.fill(t, newStore)
		report(t, strconv.Itoa(m.hosts*stdmix.PerHost)+" x "+strconv.Itoa(m.ticks), st)
		if want := int64(m.hosts * stdmix.PerHost * m.ticks); st.Points < want*99/100 {
			t.Errorf("%d points, want about %d", st.Points, want)
		}
		if per(st.Bytes, st) > 3 {
			t.Errorf("%.2f bytes per point, want at most 3", per(st.Bytes, st))
		}
	}
}

// TestStore_smallSeries: a series with five points is small, counted with everything.
func TestStore_smallSeries(t *testing.T) {
	_, empty := standard{hosts: 0, shards: 1}.fill(t, newStore)
	if empty.Bytes > 20<<10 {
		t.Errorf("an empty store counts %d bytes", empty.Bytes)
	}
	_, st := standard{hosts: 500, ticks: 5, seconds: 10, shards: 1}.fill(t, newStore)
	report(t, "5 points", st)
	each := st.Bytes / int64(st.Series)
	t.Logf("%d bytes a series of 5 points; an empty store %d", each, empty.Bytes)
	if st.Series != 10_000 || each > 300 {
		t.Errorf("%d series of %d bytes", st.Series, each)
	}
}
