package resp

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"testing"
)

// holder holds as many bytes as it is told.
type holder struct{ c *Conn }

func (h *holder) Serve(b *Batch, w *Writer) bool {
	n, _ := strconv.Atoi(string(b.Cmd(b.Len() - 1)[0]))
	w.Int(int64(n))
	return h.c.Hold(n)
}

func (h *holder) Closed() {}

func TestConn_Hold_countsAsUnsent(t *testing.T) {
	l := NewListener(ListenerConfig{
		Limits: Limits{AllBuffers: 400 << 10}, Open: func(c *Conn) Session { return &holder{c} },
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, ln) }()
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, bufio.NewReader(c)
	}
	a, ra := dial()
	send(t, a, "300000\r\n")
	expect(t, ra, ":300000\r\n")
	b, rb := dial()
	send(t, b, "200000\r\n")
	expect(t, rb, ":200000\r\n")
	expectClosed(t, ra) // the larger of the two
	send(t, b, "0\r\n")
	expect(t, rb, ":0\r\n")
	waitFor(t, func() bool { return l.held.Load() < 1000 })
	send(t, b, "100000\r\n")
	expect(t, rb, ":100000\r\n")
	_ = b.Close() // what it held is free with it
	waitFor(t, func() bool { return l.held.Load() == 0 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
