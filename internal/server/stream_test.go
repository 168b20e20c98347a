package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	longKey    = "2026-11-22:h:m"
	longPoints = 60_000
	longFrom   = 1795305600 // s
)

// fillLong adds points with long values, one per second, and gives ZRANGE's reply to all of them.
func fillLong(t *testing.T, sh *shard.Shard) (reply string) {
	t.Helper()
	k, err := series.Day.ParseKey([]byte(longKey))
	if err != nil {
		t.Fatal(err)
	}
	g := store.Group{Key: k}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", longPoints)
	for i := range int64(longPoints) {
		ts := longFrom + i/2 // clock and period allow half a day
		p := series.Point{TS: ts * 1000, Value: fmt.Appendf(nil, "%089d", i)}
		g.Points = append(g.Points, p)
		fmt.Fprintf(&b, "$100\r\n%s\r\n", series.AppendMember(nil, p))
	}
	if refused, err := sh.Add(t.Context(), []store.Group{g}); err != nil || len(refused) > 0 {
		t.Fatal(err, len(refused))
	}
	return b.String()
}

func TestServer_longReplyIsSentInPieces(t *testing.T) {
	cfg := engineConfig(t, 1)
	cfg.Limits.Output = 1 << 20
	_, addr := startServer(t, cfg)
	want := fillLong(t, cfg.Shards[1])
	c := dial(t, addr)
	c.send(encode([]string{"PING"}) + encode([]string{"ZRANGE", longKey, "0", "-1"}) + encode([]string{"PING"}))
	c.wantBytes("+PONG\r\n" + want + "+PONG\r\n")
	// A transaction keeps its locks, so its reply is made whole and the limit holds.
	c.send(encode([]string{"MULTI"}) + encode([]string{"ZRANGE", longKey, "0", "-1"}) +
		encode([]string{"ZRANGE", longKey, "0", "4999"}) + encode([]string{"EXEC"}))
	c.wantBytes("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n-ERR the reply of 1")
	_, _ = c.r.ReadString('\n')
	c.wantBytes("*5000\r\n" + want[len("*60000\r\n"):][:5000*len("$100\r\n\r\n")+5000*100])
	c.want("PING", "+PONG\r\n")
}

// TestServer_longReplyIsOfOneMoment: what is added and dropped while a reply is being sent is not in it, and the client
// that does not read holds nobody up.
func TestServer_longReplyIsOfOneMoment(t *testing.T) {
	cfg := engineConfig(t, 1)
	_, addr := startServer(t, cfg)
	want := fillLong(t, cfg.Shards[1])
	slow, other := dial(t, addr), dial(t, addr)
	if err := slow.nc.(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	slow.send(encode([]string{"ZRANGE", longKey, "0", "-1"}))
	if _, err := slow.r.Peek(1); err != nil { // it is being sent, and does not fit into the socket
		t.Fatal(err)
	}
	for i := range 100 {
		ts := longFrom + i*100
		other.want(fmt.Sprintf("ZADD %s %d %d:more", longKey, ts, ts), ":1\r\n")
	}
	other.want("ZCARD "+longKey, fmt.Sprintf(":%d\r\n", longPoints+100))
	k, _ := series.Day.ParseKey([]byte(longKey))
	if n, err := cfg.Shards[1].Drop(t.Context(), k.Period+1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	other.want("ZCARD "+longKey, ":0\r\n")
	slow.wantBytes(want)
}

func (c *testClient) wantBytes(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.r, got); err != nil || string(got) != want {
		c.t.Fatalf("%d bytes that differ from the %d wanted, %v", n, len(want), err)
	}
}

// TestServer_longReplyToNobody: a client that leaves in the middle costs its connection only.
func TestServer_longReplyToNobody(t *testing.T) {
	cfg := engineConfig(t, 1)
	s, addr := startServer(t, cfg)
	fillLong(t, cfg.Shards[1])
	gone, other := dial(t, addr), dial(t, addr)
	gone.send(encode([]string{"ZRANGE", longKey, "0", "-1"}))
	if _, err := gone.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	_ = gone.nc.Close()
	other.want("ZCARD "+longKey, fmt.Sprintf(":%d\r\n", longPoints))
	left := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.clients)
	}
	for end := time.Now().Add(10 * time.Second); left() > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection is still there")
		}
	}
}
