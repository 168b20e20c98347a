package dunlin

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// delayed is a way to a server on which every reply takes d.
func delayed(t *testing.T, server string, d time.Duration) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				continue
			}
			wg.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
			wg.Go(func() { copySlowly(in, out, d); _ = in.Close() })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return "redis://" + ln.Addr().String()
}

func copySlowly(dst io.Writer, src io.Reader, d time.Duration) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if err != nil {
			return
		}
		time.Sleep(d)
		if _, err := dst.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestClient_slowServer: a server that takes three times as long as a call may gets every point of Add all the same.
// Calls fail in time, and go elsewhere where there is somewhere else.
func TestClient_slowServer(t *testing.T) {
	const timeout = 100 * time.Millisecond
	server, fast := redistest.Start(t), redistest.Start(t)
	slow := delayed(t, server.Addr, 3*timeout)
	c := openClient(t, Config{URL: slow, Timeout: timeout, Limits: Limits{Batch: 10}})
	if _, err := c.Do().Get("x").Exec(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	if err := c.Add(t.Context(), sequence(0, 100)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 60*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := server.Do("ZCARD", "2026-11-22:h:m"); got != ":100" {
		t.Fatal(got, c.Stats())
	}
	both := openClient(t, Config{
		Topology: flock(1, slow, fast.URL), Node: "a", Timeout: timeout, Deadline: 20 * time.Second,
	})
	for i := range 5 {
		results, err := both.Write(t.Context(), sequence(1000+i, 1))
		if err != nil || results[0].Node != "b" {
			t.Fatal(results, err)
		}
	}
}
