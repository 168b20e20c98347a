package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
)

// freeAddr is a port of loopback that nobody used a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// start runs a node and gives what ends it and waits for the end.
func start(t *testing.T, cfg Config) (n *Node, stop func()) {
	t.Helper()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	await(t, "the node is ready", func() error {
		select {
		case err := <-done:
			t.Fatalf("the node ended: %v", err)
		default:
		}
		return n.ready()
	})
	return n, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func await(t *testing.T, what string, cond func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// send asks a front door one inline command and gives the first bytes of the reply.
func send(addr, line string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, line+"\r\n"); err != nil {
		return "", err
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// sendAll sends inline commands in one pipeline and gives the replies, each a line.
func sendAll(addr string, lines ...string) (replies []string, err error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	for range lines {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line[0] == '$' && line[1] != '-' {
			line, err = r.ReadString('\n')
		}
		replies = append(replies, strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
	}
	return replies, nil
}

func TestNew_refuses(t *testing.T) {
	open := ring.Single("a", "redis://127.0.0.1:6390", 8)
	cluster := ring.Single("a", "redis://127.0.0.1:6390", 8)
	cluster.Nodes[0].RedisCluster = []string{"redis://127.0.0.1:7000"}
	f := func(name string, want error, cfg Config) {
		t.Helper()
		if _, err := New(cfg); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f("unknown name", ErrUnknownNode, Config{Topology: open, Name: "b", RespAddr: "127.0.0.1:0"})
	f("redis cluster", ErrRedisCluster, Config{Topology: cluster, Name: "a", RespAddr: "127.0.0.1:0"})
	f("open front door", nil, Config{Topology: open, Name: "a", RespAddr: "0.0.0.0:0"})
	f("open page", ErrOpenHTTP, Config{Topology: open, Name: "a", RespAddr: "127.0.0.1:0", WebAddr: "0.0.0.0:0"})
	f("open page by name", ErrOpenHTTP, Config{Topology: open, Name: "a", RespAddr: "127.0.0.1:0", WebAddr: ":0"})
}

func TestNode_Run_leavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	resp, web := freeAddr(t), freeAddr(t)
	dir := t.TempDir()
	n, stop := start(t, Config{
		Topology: ring.Single("a", "redis://"+resp, 8), Name: "a", RespAddr: resp, WebAddr: web, StoragePath: dir,
	})
	now := time.Now()
	key := series.Day.PeriodString(series.Day.PeriodOf(now.UnixMilli())) + ":web1:cpu"
	if got, err := send(resp, fmt.Sprintf("ZADD %s %d %d:1.5", key, now.Unix(), now.Unix())); got != ":1\r\n" {
		t.Errorf("ZADD: %q, %v", got, err)
	}
	info, err := send(resp, "INFO dunlin")
	if err != nil || !strings.Contains(info, "dunlin_durability:ok") {
		t.Errorf("INFO: %q, %v", info, err)
	}
	await(t, "the metrics show the point", func() error {
		body, err := fetch("http://" + web + "/metrics")
		if err == nil && !strings.Contains(body, "dunlin_points_written_total{shard=") {
			err = errors.New("no dunlin_points_written_total")
		}
		return err
	})
	await(t, "the floor is kept", func() error {
		_, err := os.Stat(filepath.Join(dir, "floor"))
		return err
	})
	if f := n.view(); len(f.Nodes) != 1 || !f.Nodes[0].Up || len(f.Warnings) > 0 {
		t.Errorf("flock: %+v", f)
	}
	stop()
	http.DefaultClient.CloseIdleConnections()
}

func fetch(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// TestNode_forwards: database 0 serves shards that only another node holds.
func TestNode_forwards(t *testing.T) {
	a, b := freeAddr(t), freeAddr(t)
	topo := ring.Single("a", "redis://"+a, 8)
	topo.Nodes[0].Hold = []int{1, 2, 3, 4}
	topo.Nodes = append(topo.Nodes, ring.Node{Name: "b", Site: "far", URL: "redis://" + b, Hold: []int{5, 6, 7, 8}})
	_, stopA := start(t, Config{Topology: topo, Name: "a", RespAddr: a})
	defer stopA()
	_, stopB := start(t, Config{Topology: topo, Name: "b", RespAddr: b})
	now := time.Now()
	day := series.Day.PeriodString(series.Day.PeriodOf(now.UnixMilli()))
	seen := map[bool]bool{}
	for i := range 20 {
		key := fmt.Sprintf("%s:web%d:cpu", day, i)
		seen[topo.ShardOf([]byte(key)) > 4] = true
		if got, err := send(a, fmt.Sprintf("ZADD %s %d %d:1", key, now.Unix(), now.Unix())); got != ":1\r\n" {
			t.Fatalf("ZADD %s: %q, %v", key, got, err)
		}
		if got, err := send(b, "ZCARD "+key); got != ":1\r\n" {
			t.Fatalf("ZCARD %s on the other node: %q, %v", key, got, err)
		}
	}
	if !seen[true] || !seen[false] {
		t.Error("the keys did not spread over both nodes")
	}
	stopB()
	for i := range 20 {
		key := fmt.Sprintf("%s:web%d:cpu", day, i)
		got, err := send(a, "ZCARD "+key)
		if away := topo.ShardOf([]byte(key)) > 4; away != strings.HasPrefix(got, "-UNAVAIL") {
			t.Errorf("%s with its holder away=%t: %q, %v", key, away, got, err)
		}
	}
}

// TestNode_startsWithoutItsRedis: processes that are away make the node say so, nothing else.
func TestNode_startsWithoutItsRedis(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	resp := freeAddr(t)
	topo := ring.Single("a", "redis://"+resp, 2)
	topo.Nodes[0].Redis = []string{"redis://" + freeAddr(t), "redis://" + freeAddr(t)}
	n, err := New(Config{Topology: topo, Name: "a", RespAddr: resp, StoragePath: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	await(t, "the front door answers", func() error {
		got, err := send(resp, "PING")
		if err == nil && got != "+PONG\r\n" {
			err = fmt.Errorf("PING: %q", got)
		}
		return err
	})
	await(t, "the node says that its stores are away", func() error {
		if err := n.ready(); err == nil || err.Error() == "starting" {
			return fmt.Errorf("ready: %v", err)
		}
		return nil
	})
	if got, err := send(resp, "ZCARD 2026-11-22:web1:cpu"); err != nil || got[0] != '-' {
		t.Errorf("ZCARD without a store: %q, %v", got, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
