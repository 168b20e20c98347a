package bench

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func testLoad() Load {
	return Load{
		Hosts: 7, Metrics: 20, Ticks: 30, Interval: 10 * time.Second, Pipeline: 32, Clients: 2, Seed: 1, Now: time.Now(),
	}
}

func TestGenerator_deterministic(t *testing.T) {
	all := func() ([]byte, int) {
		l := testLoad()
		l.Now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		g := &generator{load: l, form: FormZADD, fleet: fleet.New(1, 7, 20, 10), lastHost: 7}
		g.start()
		var out []byte
		n := 0
		for b := g.batch(nil); b.commands > 0; b = g.batch(nil) {
			out, n = append(out, b.bytes...), n+b.points
		}
		return out, n
	}
	a, n := all()
	b, _ := all()
	if !bytes.Equal(a, b) || n != 7*20*30 {
		t.Fatalf("%d points, equal %v", n, bytes.Equal(a, b))
	}
}

func TestLoad_window_liesInOneDayAndBeforeNow(t *testing.T) {
	for _, hour := range []int{0, 1, 5, 23} {
		l := testLoad()
		l.Ticks = 1440
		l.Now = time.Date(2026, 11, 22, hour, 30, 0, 0, time.UTC)
		start, ticks := l.window()
		end := start.Add(time.Duration(ticks-1) * l.Interval)
		if ticks != 1440 || start.Day() != end.Day() || end.After(l.Now) {
			t.Errorf("%v: %v to %v, %d ticks", l.Now, start, end, ticks)
		}
	}
}

func TestRun_onRedis(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "geheim")
	s := Server{URL: redis.URL + "/2", Password: "geheim", Form: FormZADDJournal}
	r, err := Run(context.Background(), s, testLoad())
	if err != nil {
		t.Fatal(err)
	}
	if r.Points != 7*20*30 || r.Errors != 0 || r.PointsPerSec <= 0 || r.BytesPerPoint <= 0 || r.Server == "" {
		t.Fatalf("%+v", r)
	}
}
