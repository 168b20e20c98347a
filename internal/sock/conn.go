package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// conn is a connection that reads and writes in its own way.
type conn struct {
	net.Conn
	raw syscall.RawConn
}

// Quiet gives the connection with the reads and writes of this package, or as it is if it is no socket. Both may be
// used at the same time, as those of any connection.
func Quiet(nc net.Conn) net.Conn {
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return &conn{nc, raw}
		}
	}
	return nc
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	waited := c.raw.Read(func(fd uintptr) bool {
		n, err = again(Read, fd, b)
		return !errors.Is(err, syscall.EAGAIN)
	})
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, c.failed("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	waited := c.raw.Write(func(fd uintptr) bool {
		for n < len(b) && err == nil {
			var some int
			if some, err = again(Write, fd, b[n:]); errors.Is(err, syscall.EAGAIN) {
				err = nil
				return false
			}
			n += max(some, 0)
		}
		return true
	})
	if waited != nil {
		return n, waited
	}
	if err != nil {
		err = c.failed("write", err)
	}
	return n, err
}

// again repeats a call that a signal interrupted.
func again(call func(uintptr, []byte) (int, error), fd uintptr, b []byte) (n int, err error) {
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		n, err = call(fd, b)
	}
	return n, err
}

// failed is an error as package net has it.
func (c *conn) failed(op string, err error) error {
	return &net.OpError{
		Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, err),
	}
}
