package bench

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// hangingServer answers INFO and then nothing any more. loaded is closed when the first other bytes arrive.
func hangingServer(t *testing.T) (url string, loaded chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	loaded = make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = bufio.NewReader(c).ReadString('\n')
			if n == 0 {
				_, _ = c.Write([]byte("$20\r\nused_memory:1000000\n\r\n"))
				continue
			}
			close(loaded)
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended })
	return "redis://" + ln.Addr().String(), loaded
}

func TestRun_stopsWhenServerHangs(t *testing.T) {
	url, loaded := hangingServer(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	load := testLoad()
	load.Clients = 1
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Server{URL: url, Form: FormZADD}, load)
		done <- err
	}()
	select {
	case <-loaded:
	case err := <-done:
		t.Fatal("ended before the load: ", err)
	case <-time.After(10 * time.Second):
		t.Fatal("no load arrives")
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run waits for a server that hangs")
	}
}
