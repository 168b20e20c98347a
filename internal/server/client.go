package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/resp"
)

// client is one connection's state. Only its own goroutine changes it; what CLIENT LIST shows of it to others is in
// seen.
type client struct {
	srv    *Server
	conn   *resp.Conn
	db     int // 0 = the whole node, i = shard i
	proto  int
	authed bool
	quit   bool
	tx     transaction
	exec   *exec       // borrowed while a read buffer is executed: most connections do nothing at a time
	peer   PeerSession // nil = it is no peer's

	mu   sync.Mutex // protects seen
	seen seen
}

// seen is what others may look at.
type seen struct {
	name, libName, libVer string
	lastCmd               string
	lastAt                time.Time
	db, proto             int
	queued                int // commands in MULTI, -1 outside
	commands              int64
}

// open is called for every connection.
func (s *Server) open(c *resp.Conn) resp.Session {
	cl := &client{srv: s, conn: c, proto: 2, authed: s.cfg.Password == ""}
	cl.seen = seen{lastAt: c.Created, proto: 2, queued: -1}
	s.mu.Lock()
	s.clients[c.ID] = cl
	s.mu.Unlock()
	return cl
}

// Closed forgets the connection.
func (cl *client) Closed() {
	cl.srv.mu.Lock()
	delete(cl.srv.clients, cl.conn.ID)
	cl.srv.mu.Unlock()
}

// flushAt is how much of replies is collected before it is sent in the middle of a read buffer.
const flushAt = 1 << 20

// Serve executes the commands of one read buffer.
func (cl *client) Serve(b *resp.Batch, w *resp.Writer) (keep bool) {
	x := cl.srv.execs.Get().(*exec)
	x.cl, x.w, cl.exec = cl, w, x
	w.Proto = cl.proto
	defer func() {
		if bug := recover(); bug != nil {
			x.abandon()
			cl.srv.cfg.Log.Error("a command panicked, its client is closed", "panic", bug, "stack", string(debug.Stack()))
			w.Error(fmt.Sprintf("ERR BUG: %v", bug))
			keep = false
		}
		x.cl, x.w, x.call, x.first, cl.exec = nil, nil, call{}, keycmd.FirstKey{}, nil
		cl.srv.execs.Put(x)
	}()
	last, batched := "", []byte(nil)
	for i := range b.Len() {
		args := b.Cmd(i)
		if x.batched(args) {
			last = ""
			batched = args[0]
		} else if cmd := cl.execute(args); cmd != nil {
			last = cmd.name
		}
		if len(w.Buf) > flushAt {
			x.commit()
			x.settle()
			x.durable()
			if !cl.conn.Flush() {
				return false
			}
		}
		if cl.quit {
			break
		}
	}
	x.commit()
	x.settle()
	x.giveBack()
	x.durable()
	if last == "" && batched != nil {
		last = cl.srv.lookup(batched).name
	}
	cl.publish(last, b.Len())
	return !cl.quit
}

// publish lets other clients see the state after a read buffer.
func (cl *client) publish(lastCmd string, n int) {
	cl.srv.commands.Add(int64(n))
	queued := -1
	if cl.tx.open {
		queued = len(cl.tx.queue)
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.seen.lastAt, cl.seen.db, cl.seen.proto, cl.seen.queued = time.Now(), cl.db, cl.proto, queued
	cl.seen.commands += int64(n)
	if lastCmd != "" {
		cl.seen.lastCmd = lastCmd
	}
}

// context ends with the server.
func (cl *client) context() context.Context {
	if ctx := cl.srv.ctx.Load(); ctx != nil {
		return *ctx
	}
	return context.Background()
}
