package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dunlin-db/dunlin/internal/sock"
)

// smallRead is what an ordinary connection borrows for a read. One that fills it gets Limits.ReadBuffer next time.
const smallRead = 16 << 10

// partMax is how much of an unfinished command is copied to the front of the next borrowed buffer. More than that is
// collected in memory of its own, which grows with what has arrived, never with what was announced.
const partMax = 4 << 10

// Session executes the commands of one connection. Its methods are called from that connection's goroutine only.
type Session interface {
	// Serve executes the commands of b in order and appends a reply for each to w. false: send w, then close. It

	Serve(b *Batch, w *Writer) (keep bool)
	// Closed is called once, at the end.
	Closed()
}

// Conn is one client's connection.
type Conn struct {
	ID      int64
	Created time.Time

	l       *Listener
	nc      net.Conn
	raw     syscall.RawConn // nil when the connection is no socket
	session Session
	parser  Parser
	part    []byte // unfinished command
	big     bool   // the last read filled its buffer
	w       Writer
	waits   time.Time    // when the write deadline was set
	aside   int          // bytes that the session holds for replies, as it said to Hold
	held    atomic.Int64 // bytes of part, w and aside that count against Limits.AllBuffers
	read    readState
	write   writeState
}

// readState is what the callback of RawConn.Read works on.
type readState struct {
	call func(fd uintptr) bool // made once: a closure per read would be an allocation per read
	s    *scratch
	n    int
	err  error
}

// writeState is what the callback of RawConn.Write works on.
type writeState struct {
	call func(fd uintptr) bool
	out  []byte // what is left to send
	err  error
}

// scratch is what a connection borrows while it has something to do.
type scratch struct {
	in    []byte
	out   []byte
	batch Batch
}

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is the address the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Authenticated lifts the limits that hold before AUTH.
func (c *Conn) Authenticated() {
	if c.parser.Unauth {
		c.parser.Unauth = false
		_ = c.nc.SetReadDeadline(time.Time{}) // fails only on a closed connection, which the next read reports
	}
}

// Unauthenticated brings them back (RESET).
func (c *Conn) Unauthenticated() {
	c.parser.Unauth = true
	_ = c.nc.SetReadDeadline(time.Now().Add(c.l.limits.UnauthTime))
}

// Kill closes the connection from another goroutine.
func (c *Conn) Kill() { _ = c.nc.Close() }

// serve runs until the client leaves, breaks the protocol or is refused.
func (c *Conn) serve() {
	defer func() {
		c.aside = 0 // a session that panicked may have left it
		c.account(0)
	}()
	for {
		s, data, err := c.fill()
		if err != nil {
			return
		}
		keep := c.consume(s, data)
		c.l.put(s)
		if !keep {
			return
		}
	}
}

// fill waits until something can be read and gives what there is: the unfinished command and more. No buffer is held
// while it waits, unless a long command is arriving.
func (c *Conn) fill() (*scratch, []byte, error) {
	r := &c.read
	r.s, r.n, r.err = nil, 0, nil
	if c.raw == nil {
		return c.fillPlain()
	}
	if err := c.raw.Read(r.call); err != nil {
		c.l.put(r.s)
		return nil, nil, err
	}
	if r.err == nil && r.n == 0 {
		r.err = io.EOF
	}
	if r.err != nil {
		c.l.put(r.s)
		return nil, nil, r.err
	}
	return r.s, c.target(r.s)[:len(c.part)+r.n], nil
}

// readable is the callback of RawConn.Read: it tries to read, and says false to wait.
func (c *Conn) readable(fd uintptr) bool {
	r := &c.read
	r.s = c.l.get(c.big)
	room := c.target(r.s)[len(c.part):]
	for {
		n, err := sock.Read(fd, room)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			c.l.put(r.s)
			r.s = nil
			return false
		}
		r.n, r.err = max(n, 0), err
		c.big = n == len(room)
		return true
	}
}

// target is the buffer to read into; it begins with the unfinished command.
func (c *Conn) target(s *scratch) []byte {
	if len(c.part) <= partMax {
		copy(s.in, c.part)
		return s.in
	}
	if len(c.part) == cap(c.part) {
		grown := make([]byte, len(c.part), 2*cap(c.part))
		copy(grown, c.part)
		c.part = grown
	}
	return c.part[:cap(c.part)]
}

// fillPlain is fill for a connection that is no socket, such as TLS.
func (c *Conn) fillPlain() (*scratch, []byte, error) {
	var first [512]byte
	n, err := c.nc.Read(first[:])
	if n == 0 && err != nil {
		return nil, nil, err
	}
	s := c.l.get(c.big)
	for {
		room := c.target(s)[len(c.part):]
		if len(room) >= n {
			copy(room, first[:n])
			return s, c.target(s)[:len(c.part)+n], nil
		}
		grown := make([]byte, len(c.part), 2*cap(c.part)+n)
		copy(grown, c.part)
		c.part = grown
	}
}

// consume executes every complete command of data and keeps the rest.
func (c *Conn) consume(s *scratch, data []byte) (keep bool) {
	c.w.Buf = s.out[:0]
	defer func() {
		s.out, c.w.Buf = c.w.Buf[:0], nil
	}()
	for {
		most := 0
		if c.parser.Unauth {
			most = 1 // AUTH changes the limits of what follows it
		}
		used, err := s.batch.Fill(&c.parser, data, most)
		data = data[used:]
		if s.batch.Len() > 0 && !c.session.Serve(&s.batch, &c.w) {
			c.Flush()
			return false
		}
		if err != nil {
			c.refuse(err)
			return false
		}
		if used == 0 {
			break
		}
	}
	return c.Flush() && c.keepPart(data)
}

func (c *Conn) refuse(err error) {
	var protocol ProtocolError
	if errors.As(err, &protocol) {
		c.w.Error("ERR " + protocol.Error())
	}
	c.l.refused(c, err)
	c.Flush()
}

// keepPart moves the unfinished command to the connection's own memory.
func (c *Conn) keepPart(rest []byte) bool {
	switch wasteful := cap(c.part) > partMax && cap(c.part) > 4*len(rest); {
	case len(rest) == 0 && wasteful:
		c.part = nil
	case cap(c.part) >= len(rest) && !wasteful:
		c.part = append(c.part[:0], rest...) // may be the same memory
	default:
		c.part = append(make([]byte, 0, max(64, len(rest)+len(rest)/2)), rest...)
	}
	return c.account(cap(c.part))
}

// account says how many bytes the connection holds for longer than a command. false: it was closed for that.
func (c *Conn) account(n int) bool {
	n += c.aside
	old := c.held.Swap(int64(n))
	if int64(n) == old {
		return true
	}
	if c.l.held.Add(int64(n)-old) > int64(c.l.limits.AllBuffers) && int64(n) > old {
		return c.l.closeLargest() != c
	}
	return true
}

// Hold says that the session holds n bytes for replies that are still to be made: they count as unsent. false: the
// connection was closed for that.
func (c *Conn) Hold(n int) bool {
	c.aside = n
	return c.account(cap(c.part))
}

// Flush sends what there is of replies. A client that takes nothing for three quarters of Limits.NoProgress, or longer,
// is given up.
func (c *Conn) Flush() bool {
	out := c.w.Buf
	c.w.Buf = c.w.Buf[:0]
	if len(out) == 0 {
		return true
	}
	if !c.account(len(out) + cap(c.part)) {
		return false
	}
	for len(out) > 0 {
		if !c.postpone() {
			return false
		}
		n, err := c.send(out)
		out = out[n:]
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			c.Kill()
			return false
		}
	}
	return c.account(cap(c.part))
}

// send writes what it can until the deadline.
func (c *Conn) send(out []byte) (n int, err error) {
	if c.raw == nil {
		return c.nc.Write(out)
	}
	w := &c.write
	w.out, w.err = out, nil
	err = c.raw.Write(w.call)
	n = len(out) - len(w.out)
	w.out = nil
	return n, errors.Join(err, w.err)
}

// writable is the callback of RawConn.Write: it tries to write, and says false to wait.
func (c *Conn) writable(fd uintptr) bool {
	w := &c.write
	for len(w.out) > 0 {
		n, err := sock.Write(fd, w.out)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return false
		case err != nil:
			w.err = err
			return true
		}
		w.out = w.out[n:]
	}
	return true
}

// postpone moves the write deadline on, unless that was done a moment ago: it costs more than a write of few replies.
func (c *Conn) postpone() bool {
	most := c.l.limits.NoProgress
	now := time.Now()
	if now.Sub(c.waits) < most/4 {
		return true
	}
	c.waits = now
	return c.nc.SetWriteDeadline(now.Add(most)) == nil
}

// pools hold scratch for small and for large reads.
type pools struct{ small, large sync.Pool }

func (l *Listener) get(big bool) *scratch {
	pool, size := &l.pools.small, min(smallRead, l.limits.ReadBuffer)
	if big {
		pool, size = &l.pools.large, l.limits.ReadBuffer
	}
	if s, ok := pool.Get().(*scratch); ok {
		return s
	}
	return &scratch{in: make([]byte, max(size, 2*partMax))}
}

func (l *Listener) put(s *scratch) {
	if s == nil {
		return
	}
	s.batch.release()
	if cap(s.out) > 8*l.limits.ReadBuffer {
		s.out = nil
	}
	if len(s.in) > smallRead {
		l.pools.large.Put(s)
		return
	}
	l.pools.small.Put(s)
}
