//go:build linux

package client

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
)

// TestPartial: a node whose peer is away says that it may lack points, and what it has comes with that.
func TestPartial(t *testing.T) {
	t.Parallel()
	flock, file := startFlock(t, "a", "b")
	c, err := dunlin.Open(t.Context(), dunlin.Config{File: file, Node: "a", Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await(t, c)
	now := time.Now().UTC().Truncate(time.Second)
	point := dunlin.Point{Host: "h", Metric: "m", Time: now, Value: "1"}
	if _, err := c.Write(t.Context(), []dunlin.Point{point}); err != nil {
		t.Fatal(err)
	}
	becomes := func(partial bool) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			points, err := c.Range(t.Context(), "h", "m", now, now)
			if len(points) == 1 && errors.Is(err, dunlin.ErrPartial) == partial && (err == nil) != partial {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%v, %v: partial is to be %t", points, err, partial)
			}
		}
	}
	becomes(false)
	flock["b"].signal(syscall.SIGSTOP)
	becomes(true)
	flock["b"].signal(syscall.SIGCONT)
	becomes(false)
}
