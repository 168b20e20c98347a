package web

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// need skips loudly on a laptop and fails in CI.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("missing: " + what)
	}
	t.Skip("SKIPPED, the page is not tested: missing " + what)
}

func needBrowser(t *testing.T) (dir string) {
	t.Helper()
	dir, err := filepath.Abs("../../test/browser")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"node", "chromium", "redis-cli"} {
		_, err := exec.LookPath(program)
		need(t, err == nil, program)
	}
	_, err = os.Stat(filepath.Join(dir, "node_modules", "playwright-core"))
	need(t, err == nil, "playwright-core: npm ci --prefix test/browser")
	need(t, New(Config{}).Built(), "the page: npm ci --prefix internal/web/ui && go run ./internal/web/build")
	return dir
}

func testFlock() Flock {
	lag := func(a string, x int64, b string, y int64) map[string]int64 { return map[string]int64{a: x, b: y} }
	all := []int{1, 2, 3, 4, 5, 6, 7, 8}
	f := Flock{Cluster: "demo", Self: "sfo1", Warnings: []string{
		"sfo1 keeps its points in memory only: after a crash they come back from its peers",
	}}
	f.Nodes = []Node{
		{
			Name: "sfo1", Site: "sfo", URL: "redis://127.0.0.1:6391", Up: true, Store: "engine", Version: "0.1.0", Shards: all,
			Series: 2470, Points: 1_840_211, Bytes: 14_100_223, PointsPerSecond: 512.4,
			Safety: Safety{LagMillis: lag("sfo2", 31, "nyc1", 212)},
			Floor:  "2026-11-20",
		},
		{
			Name: "sfo2", Site: "sfo", URL: "redis://127.0.0.1:6392", Page: "http://127.0.0.1:8392", Up: true, Store: "redis",
			Shards: all, Series: 2470, Points: -1, Bytes: 241_100_223, PointsPerSecond: 498,
			Safety: Safety{LagMillis: lag("sfo1", 40, "nyc1", -1)},
		},
		{Name: "nyc1", Site: "nyc", URL: "redis://127.0.0.1:6393", Store: "engine", Error: "dial tcp: connection refused"},
	}
	for shard := 1; shard <= 8; shard++ {
		f.Links = append(f.Links, Link{shard, "sfo2", "live", "", int64(20 + shard), 1 << 20, 40_000},
			Link{shard, "nyc1", "down", "connection refused", -1, 1 << 10, 200})
	}
	return f
}

// TestPage_inChromium drives the built page: a point shown within 2 s, hostile names as text, right after a restart.
func TestPage_inChromium(t *testing.T) {
	dir := needBrowser(t)
	h := newHarness(t)
	h.populate(120)
	h.until("the index", func() bool { return len(h.index.Hosts()) >= 124 })
	cfg := Config{Node: "sfo1", Flock: testFlock}
	h.serve(cfg)
	cmd := exec.Command("node", "run.mjs", "http://"+h.addr+"/", fmt.Sprint(h.front()), "--restart")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(90*time.Second, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	passed := false
	for scan := bufio.NewScanner(out); scan.Scan(); {
		t.Log(scan.Text())
		switch {
		case scan.Text() == "RESTART":
			h.stop()
			h.serve(cfg)
			io.WriteString(in, "restarted\n")
		case strings.HasPrefix(scan.Text(), "PASS"):
			passed = true
		}
	}
	if err := cmd.Wait(); err != nil || !passed {
		t.Errorf("the browser test failed: %v", err)
	}
}
