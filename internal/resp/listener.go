package resp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// drainTime is how long connections may finish what they have read when the listener ends.
const drainTime = 2 * time.Second

// ListenerConfig is what a Listener is made of.
type ListenerConfig struct {
	Limits Limits
	Unauth bool                  // clients begin unauthenticated
	Open   func(c *Conn) Session // called for every connection that is let in
	Log    *slog.Logger
}

// Listener runs the connections of one or more listening sockets.
type Listener struct {
	cfg    ListenerConfig
	limits Limits
	pools  pools
	held   atomic.Int64 // sum of Conn.held
	lastID atomic.Int64

	accepted, rejected, protocolErrors atomic.Int64

	mu      sync.Mutex // protects conns and lastLog
	conns   map[*Conn]struct{}
	lastLog time.Time
}

// Counts are what a listener has seen.
type Counts struct {
	Connected      int   // now
	Accepted       int64 // since the start
	Rejected       int64 // of these, above MaxClients
	ProtocolErrors int64 // connections closed for what they sent
	Held           int64 // bytes of unfinished commands and unsent replies, now
}

// NewListener makes a listener; Run starts it.
func NewListener(cfg ListenerConfig) *Listener {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Listener{cfg: cfg, limits: cfg.Limits.withDefaults(), conns: map[*Conn]struct{}{}}
}

// Counts gives the current counts.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	n := len(l.conns)
	l.mu.Unlock()
	return Counts{n, l.accepted.Load(), l.rejected.Load(), l.protocolErrors.Load(), l.held.Load()}
}

// Run accepts connections until ctx ends, then lets each finish what it has read. It closes ln and returns when every
// connection has ended.
func (l *Listener) Run(ctx context.Context, ln net.Listener) error {
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		_ = ln.Close() // its error is the one that Accept returns
	})
	err := l.accept(ctx, ln, &wg)
	close(ended)
	kill := l.drain()
	wg.Wait()
	kill.Stop()
	return err
}

// accept waits a little and longer after each failure: without file descriptors a loop would only burn a core.
func (l *Listener) accept(ctx context.Context, ln net.Listener, wg *sync.WaitGroup) error {
	wait := time.Duration(0)
	for {
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
		case err != nil:
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			l.cfg.Log.Warn("cannot accept a client", "address", ln.Addr().String(), "err", err, "retry_in", wait)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			continue
		}
		wait = 0
		l.accepted.Add(1)
		c := l.admit(nc)
		if c == nil {
			continue
		}
		wg.Go(func() { l.serveConn(c) })
	}
}

// admit makes a connection, or sends the client away.
func (l *Listener) admit(nc net.Conn) *Conn {
	c := &Conn{ID: l.lastID.Add(1), Created: time.Now(), l: l, nc: nc}
	c.parser = Parser{Limits: &l.limits, Unauth: l.cfg.Unauth}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
			c.read.call, c.write.call = c.readable, c.writable
		}
	}
	l.mu.Lock()
	full := len(l.conns) >= l.limits.MaxClients
	if !full {
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if full {
		l.rejected.Add(1)
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = nc.Write([]byte("-ERR max number of clients reached\r\n")) // a courtesy
		_ = nc.Close()
		return nil
	}
	if l.cfg.Unauth {
		_ = nc.SetReadDeadline(time.Now().Add(l.limits.UnauthTime))
	}
	return c
}

func (l *Listener) serveConn(c *Conn) {
	c.session = l.cfg.Open(c)
	c.serve()
	c.session.Closed()
	_ = c.nc.Close()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// drain ends all reads now and all connections a little later.
func (l *Listener) drain() *time.Timer {
	each := func(fn func(c *Conn)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.conns {
			fn(c)
		}
	}
	each(func(c *Conn) { _ = c.nc.SetReadDeadline(time.Now()) })
	return time.AfterFunc(drainTime, func() { each((*Conn).Kill) })
}

// closeLargest closes the connection that holds the most memory and gives it.
func (l *Listener) closeLargest() *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var largest *Conn
	for c := range l.conns {
		if largest == nil || c.held.Load() > largest.held.Load() {
			largest = c
		}
	}
	if largest != nil {
		// Its memory is as good as free: counted until its goroutine ends, it would cost the next client its connection.
		l.held.Add(-largest.held.Swap(0))
		largest.Kill()
	}
	return largest
}

// refused counts a client that broke the protocol and logs at most one a minute.
func (l *Listener) refused(c *Conn, err error) {
	l.protocolErrors.Add(1)
	l.mu.Lock()
	quiet := time.Since(l.lastLog) < time.Minute
	if !quiet {
		l.lastLog = time.Now()
	}
	l.mu.Unlock()
	if !quiet {
		l.cfg.Log.Warn("closed a client for what it sent", "client", c.RemoteAddr().String(), "err", err)
	}
}
