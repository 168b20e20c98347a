package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestAgent_spoolsAndDelivers runs the command itself: it writes, the server goes, points are spooled, SIGTERM ends it;
// the next one delivers what was spooled.
func TestAgent_spoolsAndDelivers(t *testing.T) {
	server := redistest.Start(t)
	spool := filepath.Join(t.TempDir(), "spool")
	start := func() (end func()) {
		done := make(chan error, 1)
		cmd := agentCmd()
		var out strings.Builder
		cmd.SetErr(&out)
		cmd.SetArgs([]string{
			"--url", server.URL, "--every", "100ms", "--host", "me", "--spool.path", spool, "--queue.max-points", "200",
			"--timeout", "500ms",
		})
		go func() { done <- cmd.ExecuteContext(t.Context()) }()
		return func() {
			t.Helper()
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
		}
	}
	end := start()
	await(t, "the agent writes", func() bool { return server.Do("DBSIZE") > ":3" })
	server.Kill()
	await(t, "points are spooled", func() bool {
		segments, err := filepath.Glob(filepath.Join(spool, "*.spool"))
		return err == nil && len(segments) > 0
	})
	end()
	server.Launch()
	end = start()
	await(t, "the spool is empty", func() bool {
		segments, err := filepath.Glob(filepath.Join(spool, "*.spool"))
		return err == nil && len(segments) == 0
	})
	end()
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s it is still not so that %s", what)
		}
	}
}

func TestRunReloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "topology.yaml")
	write := func(nodes string) {
		text := "cluster: x\nrings: [{from: 2026-11-22}]\nnodes: " + nodes + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{a: {url: 'redis://127.0.0.1:1'}}")
	client, err := dunlin.Open(t.Context(), dunlin.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	end := runReloads(client, slog.New(slog.DiscardHandler))
	write("{a: {url: 'redis://127.0.0.1:1'}, b: {url: 'redis://127.0.0.1:2'}}")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, "both nodes are known", func() bool { return len(client.Topology().Nodes) == 2 })
	end()
}
