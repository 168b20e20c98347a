package sock

import (
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"
)

// TestQuiet holds connections to what package net promises of all of them.
func TestQuiet(t *testing.T) {
	f := func(network, addr string) {
		t.Run(network, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				at := addr
				if network == "unix" {
					at = filepath.Join(t.TempDir(), "s")
				}
				ln, err := net.Listen(network, at)
				if err != nil {
					return nil, nil, nil, err
				}
				defer ln.Close()
				if c1, err = net.Dial(network, ln.Addr().String()); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = ln.Accept(); err != nil {
					return nil, nil, nil, err
				}
				q1, q2 := Quiet(c1), Quiet(c2)
				for _, q := range []net.Conn{q1, q2} {
					if _, ok := q.(*conn); !ok {
						t.Errorf("%T reads as it always did", q)
					}
				}
				return q1, q2, func() { _, _ = c1.Close(), c2.Close() }, nil
			})
		})
	}
	f("tcp", "127.0.0.1:0")
	f("unix", "")
	a, b := net.Pipe()
	if Quiet(a) != a || Quiet(b) != b {
		t.Error("a connection that is no socket is not left alone")
	}
}
