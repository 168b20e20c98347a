package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNow is the clock of every test server.
var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func testClock() time.Time { return testNow }

// naiveShard is a shard over a naive store in memory.
func naiveShard(t testing.TB, id int) *shard.Shard {
	return newShard(t, id, storetest.NewNaive(storetest.NaiveConfig{
		Layout: series.Day, Cluster: "test", Epoch: fmt.Sprintf("e%d", id), Clock: testClock,
	}))
}

func newShard(t testing.TB, id int, st store.Store) *shard.Shard {
	t.Helper()
	sh, err := shard.New(context.Background(), shard.Config{
		Origin: replog.Origin{Node: "n1", Shard: id, Incarnation: replog.NewIncarnation()},
		Layout: series.Day, Store: st, Clock: testClock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// memoryConfig is a node of n shards in memory.
func memoryConfig(t testing.TB, n int) Config {
	top := ring.Single("n1", "redis://127.0.0.1:6390", n)
	cfg := Config{
		Topology: top, Self: &top.Nodes[0], Shards: map[int]*shard.Shard{}, Clock: testClock, Version: "test",
		RunID: strings.Repeat("a", 40),
	}
	for i := 1; i <= n; i++ {
		cfg.Shards[i] = naiveShard(t, i)
	}
	return cfg
}

// startServer runs a server until the test ends and gives its address.
func startServer(t testing.TB, cfg Config) (s *Server, addr string) {
	t.Helper()
	s = New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, ln.Addr().String()
}

// testClient speaks RESP without interpreting it: a reply is its bytes.
type testClient struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func dial(t testing.TB, addr string) *testClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &testClient{t, nc, bufio.NewReader(nc)}
}

// do sends a command, words separated by spaces ("" is an empty one), and gives its reply.
func (c *testClient) do(line string) string {
	c.t.Helper()
	return c.args(strings.Split(line, " ")...)
}

func (c *testClient) args(args ...string) string {
	c.t.Helper()
	c.send(encode(args))
	return c.reply()
}

func (c *testClient) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, raw); err != nil {
		c.t.Fatal(err)
	}
}

func encode(args []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		if a == `""` {
			a = ""
		}
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// reply reads one reply, whole; "closed" at the end of the connection.
func (c *testClient) reply() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		return line + "closed"
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$':
		if n < 0 {
			return line
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, body); err != nil {
			return line + "closed"
		}
		return line + string(body)
	case '%':
		n *= 2
	case '*', '~':
	default:
		return line
	}
	for range n {
		line += c.reply()
	}
	return line
}

// want fails unless the reply to a command is the given one.
func (c *testClient) want(line, reply string) {
	c.t.Helper()
	if got := c.do(line); got != reply {
		c.t.Errorf("%s\n got %q\nwant %q", line, got, reply)
	}
}

func (c *testClient) wantPrefix(line, prefix string) {
	c.t.Helper()
	if got := c.do(line); !strings.HasPrefix(got, prefix) {
		c.t.Errorf("%s\n got %q\nwant %q…", line, got, prefix)
	}
}

// fakeRedis is a Commander that answers with what reply says and keeps what it was sent.
type fakeRedis struct {
	store.Local // Reader and the rest: a naive store
	mu          sync.Mutex
	sent        [][]string
	batches     int
	reply       func(cmd []string) store.Reply
}

func (f *fakeRedis) Remote() bool { return true }

func (f *fakeRedis) Do(_ context.Context, _ int, cmds [][]string) []store.Reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches++
	var out []store.Reply
	for _, cmd := range cmds {
		f.sent = append(f.sent, cmd)
		out = append(out, f.reply(cmd))
	}
	return out
}

func (f *fakeRedis) take() (sent []string, batches int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, cmd := range f.sent {
		sent = append(sent, strings.Join(cmd, " "))
	}
	batches = f.batches
	f.sent, f.batches = nil, 0
	return sent, batches
}
