package cable

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Cable is the line from one node to another's front door. It can be cut.
type Cable struct {
	From, To string
	target   string
	ln       net.Listener
	carried  atomic.Int64

	mu    sync.Mutex // protects what follows
	cut   bool
	conns map[net.Conn]struct{}
}

// Listen makes a line from a node to another, whose front door is target. Run carries it.
func Listen(from, to, target string) (*Cable, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the line from %s to %s: %w", from, to, err)
	}
	return &Cable{From: from, To: to, target: target, ln: ln, conns: map[net.Conn]struct{}{}}, nil
}

// Port is where the line begins, on loopback.
func (c *Cable) Port() int { return c.ln.Addr().(*net.TCPAddr).Port }

// Run carries connections until ctx ends.
func (c *Cable) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() {
		c.ln.Close()
		c.closeAll()
	})
	defer stop()
	for {
		in, err := c.ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on the line from %s to %s: %w", c.From, c.To, err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.carry(ctx, in)
		}()
	}
}

// carry copies both ways until one side ends or the line is cut.
func (c *Cable) carry(ctx context.Context, in net.Conn) {
	defer in.Close()
	if !c.keep(ctx, in) {
		return
	}
	defer c.forget(in)
	out, err := net.DialTimeout("tcp", c.target, time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	if !c.keep(ctx, out) {
		return
	}
	defer c.forget(out)
	c.runCopies(in, out)
}

func (c *Cable) runCopies(in, out net.Conn) {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(counting{out, &c.carried}, in)
		out.Close()
		in.Close()
		close(done)
	}()
	_, _ = io.Copy(counting{in, &c.carried}, out)
	out.Close()
	in.Close()
	<-done
}

// keep registers a connection. It reports false when the line is cut.
func (c *Cable) keep(ctx context.Context, conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut || ctx.Err() != nil {
		return false
	}
	c.conns[conn] = struct{}{}
	return true
}

func (c *Cable) forget(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

// SetCut cuts or heals the line.
func (c *Cable) SetCut(cut bool) {
	c.mu.Lock()
	c.cut = cut
	c.mu.Unlock()
	if cut {
		c.closeAll()
	}
}

// IsCut says whether the line is cut.
func (c *Cable) IsCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

func (c *Cable) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		conn.Close()
	}
}

// Bytes is what was carried, both ways.
func (c *Cable) Bytes() int64 { return c.carried.Load() }

// counting counts what is written.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (w counting) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.n.Add(int64(n))
	return n, err
}
