package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// startOnRedis runs a node of two shards on two real Redis processes and gives its topology file.
func startOnRedis(t *testing.T, period string) (file string, processes []*redistest.Server) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	processes = []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	file = filepath.Join(t.TempDir(), "topology.yaml")
	text := fmt.Sprintf("cluster: t\nperiod: %s\nkeep: 2\nrings: [{from: 2026-01-01, shards: 2, hash: host}]\n"+
		"nodes:\n  a: {site: a, url: 'redis://%s', redis: ['%s', '%s']}\n",
		period, door, processes[0].URL, processes[1].URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	topo, err := ring.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.New(node.Config{
		Topology: topo, Name: "a", RespAddr: door, JournalName: "journal", Sweep: time.Minute,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := awaitPort(t.Context(), portOf(t, door)); err != nil {
		t.Fatal(err)
	}
	return file, processes
}

func portOf(t *testing.T, addr string) (port int) {
	t.Helper()
	_, text, _ := net.SplitHostPort(addr)
	if _, err := fmt.Sscan(text, &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// fillPeriod writes n points, 10 s apart, of 40 series each into the last whole period.
func fillPeriod(t *testing.T, file string, n int) {
	t.Helper()
	client, err := dunlin.Open(t.Context(), dunlin.Config{File: file, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	layout := client.Topology().Layout
	p := layout.PeriodOf(time.Now().UnixMilli()) - 1
	first, _ := layout.Span(p)
	var commands [][]string
	for host := range 40 {
		args := []string{"ZADD", fmt.Sprintf("%s:web%d:cpu.user", layout.PeriodString(p), host)}
		for i := range n {
			ts := fmt.Sprint(first/1000 + 10*int64(i))
			args = append(args, ts, fmt.Sprintf("%s:%d.%02d", ts, i%100, (i*37+host)%100))
		}
		commands = append(commands, args)
	}
	replies, err := client.Ask(t.Context(), "a", 0, commands...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range replies {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// checkOutput runs dunlin check as main does, and gives its output.
func checkOutput(t *testing.T, file string) string {
	t.Helper()
	root := rootCmd()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"check", "--topology", file})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("check fails: %v\n%s", err, &out)
	}
	return out.String()
}

func TestCheck_encodings(t *testing.T) {
	f := func(name, period string, points int, setting string, want ...string) {
		t.Run(name, func(t *testing.T) {
			file, processes := startOnRedis(t, period)
			for _, p := range processes {
				p.Do("CONFIG", "SET", "zset-max-listpack-entries", setting)
			}
			fillPeriod(t, file, points)
			out := checkOutput(t, file)
			for _, w := range want {
				w = strings.ReplaceAll(w, "PROCESS", processes[1].URL)
				if !strings.Contains(out, w) {
					t.Errorf("no %q in\n%s", w, out)
				}
			}
			if len(want) == 0 && strings.Contains(out, "zset-max") {
				t.Errorf("advice that nobody needs:\n%s", out)
			}
		})
	}
	f("hours as skiplists", "hour", 360, "128", "warning: a, shards 1 2: series keys are skiplists of",
		"redis-cli -u PROCESS CONFIG SET zset-max-listpack-entries 400\n", "in redis.conf: zset-max-listpack-entries 400\n")
	f("hours as listpacks", "hour", 360, "400")
	f("days", "day", 1440, "128", "note: a, shards 1 2: series keys are skiplists of", "period: hour with zset-max-",
		"redis-cli -u PROCESS CONFIG SET zset-max-listpack-entries 400\n")
	f("short days", "day", 100, "128")
}

// TestCheck_encodings_followed: the line that check prints is typed as it stands, and the next hour needs no advice.
func TestCheck_encodings_followed(t *testing.T) {
	file, processes := startOnRedis(t, "hour")
	fillPeriod(t, file, 360)
	_, line, ok := strings.Cut(checkOutput(t, file), processes[0].URL+" ")
	if !ok {
		t.Fatal("no line to type")
	}
	line, _, _ = strings.Cut(line, "\n")
	for _, p := range processes {
		p.Do(strings.Fields(line)...)
	}
	if out := checkOutput(t, file); strings.Contains(out, "zset-max") {
		t.Errorf("still advised:\n%s", out)
	}
}
