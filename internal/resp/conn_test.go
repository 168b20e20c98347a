package resp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo replies to every command with its last argument; "big N" replies with N bytes, "auth" authenticates.
type echo struct {
	c      *Conn
	closed *atomic.Int64
	served *atomic.Int64
}

func (e *echo) Serve(b *Batch, w *Writer) bool {
	for i := range b.Len() {
		cmd := b.Cmd(i)
		e.served.Add(1)
		switch string(cmd[0]) {
		case "quit":
			w.Simple("OK")
			return false
		case "auth":
			e.c.Authenticated()
			w.Simple("OK")
		case "big":
			n, _ := strconv.Atoi(string(cmd[1]))
			w.Bulk(bytes.Repeat([]byte{'x'}, n))
			if !e.c.Flush() {
				return false
			}
		case "len":
			w.Int(int64(len(cmd[1])))
		default:
			w.Bulk(cmd[len(cmd)-1])
		}
	}
	return true
}

func (e *echo) Closed() { e.closed.Add(1) }

type fixture struct {
	l              *Listener
	addr           string
	closed, served atomic.Int64
}

func start(t *testing.T, limits Limits, unauth bool) *fixture {
	t.Helper()
	f := &fixture{}
	f.l = NewListener(ListenerConfig{Limits: limits, Unauth: unauth, Open: func(c *Conn) Session {
		return &echo{c, &f.closed, &f.served}
	}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.l.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if held := f.l.held.Load(); held != 0 {
			t.Errorf("%d bytes still held at the end", held)
		}
	})
	return f
}

func (f *fixture) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	nc, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(15 * time.Second))
	return nc, bufio.NewReader(nc)
}

func send(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(nc, s); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		t.Fatalf("got %q, want %q (%v)", got[:n], want, err)
	}
}

func expectClosed(t *testing.T, r io.Reader) {
	t.Helper()
	if n, err := io.Copy(io.Discard, r); n > 0 {
		t.Errorf("%d bytes where the connection should be closed (%v)", n, err)
	} else if os.IsTimeout(err) {
		t.Error("still open")
	}
}

func TestConn_pipelineInAnySplit(t *testing.T) {
	f := start(t, Limits{}, false)
	nc, r := f.dial(t)
	in, out := "", ""
	for i := range 40 {
		v := strings.Repeat("v", i*37)
		in += fmt.Sprintf("*2\r\n$4\r\necho\r\n$%d\r\n%s\r\n", len(v), v)
		out += fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
	}
	for _, step := range []int{1, 7, 4096, len(in)} {
		for at := 0; at < len(in); at += step {
			send(t, nc, in[at:min(len(in), at+step)])
		}
		expect(t, r, out)
	}
}

func TestConn_longCommand(t *testing.T) {
	f := start(t, Limits{}, false)
	nc, r := f.dial(t)
	for _, n := range []int{4000, 5000, 20000, 70000, 300000, 1 << 20} {
		v := strings.Repeat("w", n)
		send(t, nc, fmt.Sprintf("*2\r\n$4\r\necho\r\n$%d\r\n%s\r\n", n, v))
		expect(t, r, fmt.Sprintf("$%d\r\n%s\r\n", n, v))
	}
	send(t, nc, "PING\r\n")
	expect(t, r, "$4\r\nPING\r\n")
}

func TestConn_hostile(t *testing.T) {
	f := start(t, Limits{UnauthTime: 200 * time.Millisecond}, false)
	g := func(in, want string) {
		t.Helper()
		nc, r := f.dial(t)
		send(t, nc, in)
		expect(t, r, want)
		expectClosed(t, r)
	}
	g("*1\r\n$9223372036854775807\r\n", "-ERR Protocol error: invalid bulk length\r\n")
	g("*2147483647\r\n", "-ERR Protocol error: invalid multibulk length\r\n")
	g("PING\r\n*9000000000000000000\r\n", "$4\r\nPING\r\n-ERR Protocol error: invalid multibulk length\r\n")
	g("*1\r\n$4\r\nquit\r\n", "+OK\r\n")
	g("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "")
	g("POST / HTTP/1.1\r\n", "")
	g("\x16\x03\x01\x00\xa5", "")
	nc, r := f.dial(t)
	send(t, nc, "*0\r\n*-1\r\n\r\n\r\nPING\r\n")
	expect(t, r, "$4\r\nPING\r\n")
}

func TestConn_garbageIsBounded(t *testing.T) {
	f := start(t, Limits{}, false)
	before := heap()
	total := 1 << 30
	if testing.Short() {
		total = 64 << 20
	}
	block := bytes.Repeat([]byte("*65536\r\n$0\r\n\r\n$1\r\nx\r\n\x00\xff garbage"), 4096)
	sent := 0
	for sent < total {
		nc, _ := f.dial(t)
		for sent < total {
			n, err := nc.Write(block)
			sent += n + 1<<20 // a refused connection counts, or the loop would never end
			if err != nil {
				break
			}
		}
		_ = nc.Close()
	}
	if grew := int64(heap()) - int64(before); grew > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
	nc, r := f.dial(t)
	send(t, nc, "PING\r\n")
	expect(t, r, "$4\r\nPING\r\n")
}

// TestConn_oneGiBOnOneConnection sends commands that are valid and useless, as fast as they are taken.
func TestConn_oneGiBOnOneConnection(t *testing.T) {
	total := 1 << 30
	if testing.Short() {
		total = 64 << 20
	}
	f := start(t, Limits{}, false)
	before := heap()
	nc, r := f.dial(t)
	block := []byte(strings.Repeat(fmt.Sprintf("*2\r\n$3\r\nlen\r\n$60000\r\n%s\r\n", strings.Repeat("\x00", 60000)), 64))
	n := total / len(block)
	sent := make(chan error, 1)
	go func() {
		for range n {
			if _, err := nc.Write(block); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range 64 * n {
		expect(t, r, ":60000\r\n")
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if grew := int64(heap()) - int64(before); grew > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestConn_announcedLengthsTakeNoMemory(t *testing.T) {
	f := start(t, Limits{}, false)
	before := heap()
	for range 500 {
		nc, _ := f.dial(t)
		send(t, nc, "*65536\r\n$1048576\r\n")
	}
	waitFor(t, func() bool { return f.l.Counts().Connected == 500 })
	if grew := int64(heap()) - int64(before); grew > 500*8<<10 {
		t.Errorf("500 announcements of 1 MiB took %d KiB", grew>>10)
	}
}

// TestConn_idleIsSmall: an idle connection after a PING costs at most 6 KiB. The clients' halves are bare sockets, so
// that what grows is the server's.
func TestConn_idleIsSmall(t *testing.T) {
	const n = 5000
	f := start(t, Limits{}, false)
	first, r := f.dial(t)
	addr := first.RemoteAddr().(*net.TCPAddr)
	send(t, first, "PING\r\n")
	expect(t, r, "$4\r\nPING\r\n")
	before, stackBefore := heap(), stack()
	fds := make([]int, 0, n)
	defer func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
	}()
	var reply [16]byte
	to := &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}
	for range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Skip("no more sockets: ", err) // ulimit -n
		}
		fds = append(fds, fd)
		if err := syscall.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Write(fd, []byte("PING\r\n")); err != nil {
			t.Fatal(err)
		}
		if got, err := syscall.Read(fd, reply[:]); err != nil || string(reply[:got]) != "$4\r\nPING\r\n" {
			t.Fatalf("%q, %v", reply[:got], err)
		}
	}
	each := (int64(heap()+stack()) - int64(before+stackBefore)) / n
	t.Logf("%d bytes an idle connection", each)
	if each > 6<<10 {
		t.Errorf("%d bytes an idle connection, want at most 6 KiB", each)
	}
}

func stack() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}

func TestConn_neverReadingClientIsClosed(t *testing.T) {
	f := start(t, Limits{NoProgress: 100 * time.Millisecond}, false)
	nc, _ := f.dial(t)
	for range 64 {
		if _, err := io.WriteString(nc, "big 1000000\r\n"); err != nil {
			break
		}
	}
	waitFor(t, func() bool { return f.closed.Load() == 1 })
}

func TestConn_slowReaderGetsEverything(t *testing.T) {
	f := start(t, Limits{}, false)
	nc, r := f.dial(t)
	send(t, nc, "big 12000000\r\nPING\r\n")
	expect(t, r, "$12000000\r\n")
	buf := make([]byte, 64<<10)
	for got := 0; got < 12000002; {
		n, err := r.Read(buf[:min(len(buf), 12000002-got)])
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	expect(t, r, "$4\r\nPING\r\n")
}

func TestConn_unauthenticated(t *testing.T) {
	f := start(t, Limits{UnauthTime: 300 * time.Millisecond}, true)
	nc, r := f.dial(t)
	send(t, nc, "*2\r\n$4\r\necho\r\n$5000\r\n")
	expect(t, r, "-ERR Protocol error: unauthenticated bulk length\r\n")
	_, silent := f.dial(t)
	began := time.Now()
	expectClosed(t, silent)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a client that does not authenticate was closed after %v", took)
	}
	nc, r = f.dial(t)
	v := strings.Repeat("x", 9000) // AUTH and more than is allowed before it, in one write
	send(t, nc, fmt.Sprintf("*1\r\n$4\r\nauth\r\n*2\r\n$4\r\necho\r\n$9000\r\n%s\r\n", v))
	expect(t, r, "+OK\r\n$9000\r\n"+v+"\r\n")
}

func TestListener_maxClients(t *testing.T) {
	f := start(t, Limits{MaxClients: 2}, false)
	for range 2 {
		nc, r := f.dial(t)
		send(t, nc, "PING\r\n")
		expect(t, r, "$4\r\nPING\r\n")
	}
	_, r := f.dial(t)
	expect(t, r, "-ERR max number of clients reached\r\n")
	expectClosed(t, r)
}

func TestListener_largestIsClosedFirst(t *testing.T) {
	f := start(t, Limits{AllBuffers: 400 << 10}, false)
	small, rs := f.dial(t)
	send(t, small, "*2\r\n$4\r\necho\r\n$20000\r\n"+strings.Repeat("s", 10000))
	waitFor(t, func() bool { return f.l.held.Load() > 0 })
	large, rl := f.dial(t)
	_, _ = io.WriteString(large, "*2\r\n$4\r\necho\r\n$1000000\r\n"+strings.Repeat("l", 900000))
	expectClosed(t, rl)
	send(t, small, strings.Repeat("s", 10000)+"\r\n")
	expect(t, rs, "$20000\r\n")
}

func TestListener_plainConnection(t *testing.T) {
	var closed, served atomic.Int64
	l := NewListener(ListenerConfig{Open: func(c *Conn) Session { return &echo{c, &closed, &served} }})
	near, far := net.Pipe() // no socket: as TLS
	ln := &oneConn{conn: far, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, ln) }()
	v := strings.Repeat("p", 30000)
	go func() { _, _ = io.WriteString(near, fmt.Sprintf("PING\r\n*2\r\n$4\r\necho\r\n$30000\r\n%s\r\n", v)) }()
	expect(t, bufio.NewReader(near), "$4\r\nPING\r\n$30000\r\n"+v+"\r\n")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// oneConn is a listener with one client.
type oneConn struct {
	conn net.Conn
	done chan struct{}
}

func (o *oneConn) Accept() (net.Conn, error) {
	if c := o.conn; c != nil {
		o.conn = nil
		return c, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *oneConn) Close() error   { close(o.done); return nil }
func (o *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
