package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// proxy is the line from one node to another's front door. It can be cut.
type proxy struct {
	from, to string
	target   string
	ln       net.Listener

	mu    sync.Mutex // protects what follows
	cut   bool
	conns map[net.Conn]struct{}
}

func listenProxy(from, to, target string) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the line from %s to %s: %w", from, to, err)
	}
	return &proxy{from: from, to: to, target: target, ln: ln, conns: map[net.Conn]struct{}{}}, nil
}

func (p *proxy) port() int { return p.ln.Addr().(*net.TCPAddr).Port }

// Run carries connections until ctx ends.
func (p *proxy) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() {
		p.ln.Close()
		p.closeAll()
	})
	defer stop()
	for {
		in, err := p.ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on the line from %s to %s: %w", p.from, p.to, err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.carry(ctx, in)
		}()
	}
}

// carry copies both ways until one side ends or the line is cut.
func (p *proxy) carry(ctx context.Context, in net.Conn) {
	defer in.Close()
	if !p.keep(ctx, in) {
		return
	}
	defer p.forget(in)
	out, err := net.DialTimeout("tcp", p.target, time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.keep(ctx, out) {
		return
	}
	defer p.forget(out)
	p.runCopies(in, out)
}

func (p *proxy) runCopies(in, out net.Conn) {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(out, in)
		out.Close()
		in.Close()
		close(done)
	}()
	_, _ = io.Copy(in, out)
	out.Close()
	in.Close()
	<-done
}

// keep registers a connection. It reports false when the line is cut.
func (p *proxy) keep(ctx context.Context, c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || ctx.Err() != nil {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// setCut cuts or heals the line.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	p.cut = cut
	p.mu.Unlock()
	if cut {
		p.closeAll()
	}
}

func (p *proxy) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}
