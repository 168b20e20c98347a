//go:build linux

package client

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestBlackHole: a server behind a link that swallows every packet: no reset, no refusal. Points go elsewhere, the
// server is noticed as down, and as up when the link is back.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network namespaces need root")
	}
	link, far := startBehindLink(t)
	near := redistest.Start(t)
	file := t.TempDir() + "/topology.yaml"
	text := "cluster: x\nrings: [{from: 2026-11-22, shards: 2}]\nnodes:\n  far: {url: '" + far + "'}\n" +
		"  near: {url: '" + near.URL + "'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := dunlin.Open(t.Context(), dunlin.Config{
		File: file, Node: "far", Timeout: 300 * time.Millisecond, Deadline: 5 * time.Second,
		Limits: dunlin.Limits{MaxPause: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := time.Now().UTC().Truncate(time.Hour)
	n := 0
	write := func() string {
		n++
		p := dunlin.Point{Host: "h", Metric: "m", Time: at.Add(time.Duration(n) * time.Millisecond), Value: "1"}
		results, err := c.Write(t.Context(), []dunlin.Point{p})
		if err != nil {
			return err.Error()
		}
		return results[0].Node
	}
	becomes := func(node string) {
		t.Helper()
		got := ""
		for end := time.Now().Add(30 * time.Second); got != node; time.Sleep(5 * time.Millisecond) {
			if got = write(); time.Now().After(end) {
				t.Fatalf("points go to %s, not to %s", got, node)
			}
		}
	}
	becomes("far")
	link("down")
	for range 20 { // the first costs a timeout, the others nothing
		if got := write(); got != "near" {
			t.Fatalf("a point went to %s", got)
		}
	}
	link("up")
	becomes("far")
}

// startBehindLink starts a Redis in a network of its own, and gives its url and what turns the link to it up and down.
func startBehindLink(t *testing.T) (link func(state string), url string) {
	t.Helper()
	ns := fmt.Sprintf("dnc%d", os.Getpid())
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	t.Cleanup(func() { _ = ip("netns", "del", ns) }) // its end of the cable goes with it
	for _, args := range [][]string{
		{"netns", "add", ns},
		{"link", "add", ns, "type", "veth", "peer", "name", "inside", "netns", ns},
		{"addr", "add", "10.213.78.1/30", "dev", ns},
		{"link", "set", ns, "up"},
		{"-n", ns, "addr", "add", "10.213.78.2/30", "dev", "inside"},
		{"-n", ns, "link", "set", "inside", "up"},
	} {
		if err := ip(args...); err != nil {
			t.Skipf("NOT TESTED: this machine makes no network namespaces: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, "ip", "netns", "exec", ns, redistest.Program(t, "redis-server"),
		"--bind", "10.213.78.2", "--port", "6379", "--save", "", "--protected-mode", "no", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = server.Wait() })
	link = func(state string) {
		t.Helper()
		if err := ip("-n", ns, "link", "set", "inside", state); err != nil {
			t.Fatal(err)
		}
	}
	return link, "redis://10.213.78.2:6379"
}
