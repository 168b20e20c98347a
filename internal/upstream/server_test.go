package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func server(t *testing.T, url string, timeout time.Duration) *Server {
	t.Helper()
	target, err := address.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Target: target, Timeout: timeout, MaxPause: 400 * time.Millisecond})
	t.Cleanup(s.Close)
	return s
}

func set(key, value string) Batch {
	return Batch{Commands: [][]string{{"SET", key, value}}, Repeatable: true}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s it is still not so that %s", what)
		}
	}
}

func TestServer_restart(t *testing.T) {
	r := redistest.Start(t)
	s := server(t, r.URL, 5*time.Second)
	if _, err := s.Exchange(t.Context(), set("a", "1")); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	r.Launch()
	// The connection died while it was idle: that is no failure.
	if _, err := s.Exchange(t.Context(), set("a", "2")); err != nil || s.Stats().Failures != 0 {
		t.Fatal(err, s.Stats())
	}
	r.Kill()
	_, err := s.Exchange(t.Context(), set("a", "3"))
	if !errors.Is(err, ErrDown) || s.Up() || s.Why() == nil {
		t.Fatal(err)
	}
	r.Launch()
	await(t, "the server is up", s.Up)
	if _, err := s.Exchange(t.Context(), set("a", "4")); err != nil {
		t.Fatal(err)
	}
}

func TestServer_aStoppedServerIsDownAndComesBack(t *testing.T) {
	r := redistest.Start(t)
	s := server(t, r.URL, 200*time.Millisecond)
	await(t, "the server answers", func() bool { _, err := s.Exchange(t.Context(), set("a", "1")); return err == nil })
	r.Stop()
	began := time.Now()
	if _, err := s.Exchange(t.Context(), set("a", "2")); !errors.Is(err, errSilence) || !errors.Is(err, ErrUnsure) {
		t.Fatal(err)
	}
	for range 1000 { // while it is down, asking costs nothing
		if _, err := s.Exchange(t.Context(), set("a", "3")); !errors.Is(err, ErrDown) {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("1001 batches to a silent server took %s", d)
	}
	r.Continue()
	await(t, "the server is up", s.Up)
}

func TestServer_errorRepliesAndCallersWhoGiveUpMarkNothing(t *testing.T) {
	r := redistest.Start(t)
	s := server(t, r.URL, 10*time.Second)
	for range 3 {
		results, err := s.Exchange(t.Context(), Batch{Commands: [][]string{{"NONSENSE"}, {"PING"}}})
		if err != nil || results[0].Error() == nil || results[1].Error() != nil {
			t.Fatal(results, err)
		}
	}
	r.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Exchange(ctx, set("a", "1")); !errors.Is(err, ErrGivenUp) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if !s.Up() {
		t.Fatal("the caller gave up and the server is down")
	}
	r.Continue()
	if _, err := s.Exchange(t.Context(), set("a", "2")); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats(); n.Failures != 0 || n.Dials != 1 {
		t.Fatalf("%+v", n)
	}
}

func TestServer_aSilentServerIsNoticedThoughEveryCallerGivesUpEarly(t *testing.T) {
	r := redistest.Start(t)
	s := server(t, r.URL, 300*time.Millisecond)
	await(t, "the server answers", func() bool { _, err := s.Exchange(t.Context(), set("a", "1")); return err == nil })
	r.Stop()
	await(t, "the server is down", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _ = s.Exchange(ctx, set("a", "2"))
		return !s.Up()
	})
}

// acceptAndClose takes connections and closes them, after a reply to HELLO where it says so.
func acceptAndClose(t *testing.T, hello bool) (url string, accepted *atomic.Int64) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	accepted = &atomic.Int64{}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			go func() {
				defer func() { _ = c.Close() }()
				buf := make([]byte, 4096)
				for hello {
					n, err := c.Read(buf)
					if err != nil || strings.Contains(string(buf[:n]), "SET") && !strings.Contains(string(buf[:n]), "SETNAME") {
						return
					}
					answer := "+PONG\r\n"
					if strings.Contains(string(buf[:n]), "HELLO") {
						answer = "%1\r\n$5\r\nproto\r\n:3\r\n"
					}
					if _, err := io.WriteString(c, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "redis://" + ln.Addr().String(), accepted
}

// TestServer_noRetryStorm counts connections while many callers want a server that hangs up at once, or that greets and
// hangs up at the first command.
func TestServer_noRetryStorm(t *testing.T) {
	for name, hello := range map[string]bool{"closes at once": false, "greets and closes": true} {
		t.Run(name, func(t *testing.T) {
			url, accepted := acceptAndClose(t, hello)
			s := server(t, url, 5*time.Second)
			began := time.Now()
			for accepted.Load() < 6 && time.Since(began) < 20*time.Second {
				for range 20 {
					if _, err := s.Exchange(t.Context(), set("a", "1")); err == nil {
						t.Fatal("an answer from nobody")
					}
				}
				time.Sleep(time.Millisecond)
			}
			took, n := time.Since(began), accepted.Load()
			// Pauses of 50, 100, 200, 400, 400 ms less a quarter lie between the probes; where the server greets, each
			// probe is followed by the two attempts of a batch.
			least := 50 * 3 / 4 * time.Millisecond
			if !hello {
				least = (50 + 100 + 200) * 3 / 4 * time.Millisecond
			}
			if n < 6 || took < least || n > 9 {
				t.Errorf("%d connections in %s, want 6 in %s or more", n, took, least)
			}
		})
	}
}

func TestServer_notRepeatableIsSentOnce(t *testing.T) {
	url, accepted := acceptAndClose(t, true)
	s := server(t, url, 5*time.Second)
	b := set("a", "1")
	b.Repeatable = false
	if _, err := s.Exchange(t.Context(), b); !errors.Is(err, ErrUnsure) {
		t.Fatal(err)
	}
	if n := accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	refused := server(t, "redis://127.0.0.1:1", 5*time.Second)
	if _, err := refused.Exchange(t.Context(), b); err == nil || errors.Is(err, ErrUnsure) {
		t.Fatalf("nobody was there: %v", err)
	}
}

func TestServer_aBusyServerIsNotWaitedFor(t *testing.T) {
	r := redistest.Start(t)
	s := server(t, r.URL, 100*time.Millisecond)
	await(t, "the server answers", func() bool { _, err := s.Exchange(t.Context(), set("a", "1")); return err == nil })
	r.Stop()
	defer r.Continue()
	long := set("b", "1")
	long.Weight, long.Timeout = windowSize, 20*time.Second
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := s.Exchange(ctx, long); done <- err }()
	await(t, "the window is full", func() bool {
		s.window.mu.Lock()
		defer s.window.mu.Unlock()
		return s.window.free == 0
	})
	if _, err := s.Exchange(t.Context(), set("c", "1")); !errors.Is(err, errBusy) || !errors.Is(err, ErrDown) {
		t.Fatal(err)
	}
	if !s.Up() {
		t.Fatal("a server that is busy with something long is down")
	}
	cancel()
	<-done
}
