package node

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// TestNode_dropOldest: at its limit a node drops its oldest periods, never the current one, and counts that.
func TestNode_dropOldest(t *testing.T) {
	resp, web := freeAddr(t), freeAddr(t)
	n, stop := start(t, Config{
		Topology: ring.Single("a", "redis://"+resp, 2), Name: "a", RespAddr: resp, WebAddr: web,
		Memory: Memory{Policy: budget.DropOldest},
	})
	defer stop()
	now := time.Now().UTC().Truncate(time.Second)
	layout := n.cfg.Topology.Layout
	write := func(daysAgo, series int) (replies []string) {
		t.Helper()
		day := now.AddDate(0, 0, -daysAgo)
		var lines []string
		for i := range series {
			key := layout.PeriodString(layout.PeriodOf(day.UnixMilli())) + fmt.Sprintf(":h%d:m", i)
			lines = append(lines, fmt.Sprintf("ZADD %s %d %d:%d", key, day.Unix(), day.Unix(), i))
		}
		replies, err := sendAll(resp, lines...)
		if err != nil {
			t.Fatal(err)
		}
		return replies
	}
	for days := range 3 {
		for _, r := range write(2-days, 2000) {
			if r != ":1" {
				t.Fatalf("%d days ago: %s", 2-days, r)
			}
		}
	}
	used := n.keeper.budget.Used()
	n.keeper.budget.SetMax(used * 9 / 10)
	await(t, "the oldest period is dropped", func() error {
		if c := n.keeper.budget.Counters(); c.Dropped != 1 {
			return fmt.Errorf("%d dropped", c.Dropped)
		}
		return nil
	})
	if is, floor := n.keeper.budget.Used(), n.keeper.Floor(); is > used*9/10 || floor != layout.PeriodOf(now.AddDate(0, 0,
		-1).UnixMilli()) {
		t.Errorf("used %d of %d, floor %s", is, used, layout.PeriodString(floor))
	}
	n.keeper.budget.SetMax(1000) // there is never so little
	await(t, "all but the current period is dropped", func() error {
		if c := n.keeper.budget.Counters(); c.Dropped != 2 || n.keeper.budget.AdmitGrowth() == nil {
			return fmt.Errorf("%d dropped, growth admitted: %v", c.Dropped, n.keeper.budget.AdmitGrowth())
		}
		return nil
	})
	if r := write(0, 2001)[2000]; !strings.HasPrefix(r, "-OOM command not allowed when used memory > 'maxmemory'") {
		t.Errorf("a new series: %s", r)
	}
	if got, err := send(resp, fmt.Sprintf("ZCARD %s:h7:m", layout.PeriodString(layout.PeriodOf(now.UnixMilli())))); err !=
		nil || got != ":1\r\n" {
		t.Errorf("today's points: %q, %v", got, err)
	}
	await(t, "the metrics tell", func() error {
		return metricsHave(web, "dunlin_dropped_periods_for_memory_total 2",
			"dunlin_refused_oom_total 1", "dunlin_memory_max_bytes 1000", "dunlin_memory_period_bytes{period=")
	})
}

func metricsHave(addr string, want ...string) error {
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	for _, w := range want {
		if !strings.Contains(string(body), "\n"+w) {
			return fmt.Errorf("no %q in /metrics, %v", w, err)
		}
	}
	return err
}
