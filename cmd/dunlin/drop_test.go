package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// runNode runs a single node and gives its URL and a client of it.
func runNode(t *testing.T) (url string, c rueidis.Client) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	n, err := node.New(node.Config{Topology: ring.Single("n", "redis://"+addr, 2), Name: "n", RespAddr: addr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err = rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true,
		})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	t.Cleanup(c.Close)
	return "redis://" + addr, c
}

// TestDropForget: both show what goes and do nothing without a yes; then it is gone.
func TestDropForget(t *testing.T) {
	url, c := runNode(t)
	now := time.Now().UTC()
	yesterday := now.AddDate(0, 0, -1)
	for i, at := range []time.Time{now, now.Add(-time.Second), yesterday} {
		ts := fmt.Sprint(at.Unix())
		for _, host := range []string{"web1", "web2"} {
			key := at.Format(time.DateOnly) + ":" + host + ":cpu"
			if err := order(t.Context(), c, "ZADD", key, ts, fmt.Sprintf("%s:%d", ts, i)).Error(); err != nil {
				t.Fatal(err)
			}
		}
	}
	dunlin := func(stdin string, args ...string) (string, error) {
		var out bytes.Buffer
		root := rootCmd()
		root.SetArgs(append(args, "--url", url))
		root.SetIn(strings.NewReader(stdin))
		root.SetOut(&out)
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	f := func(stdin, line string, ok bool, want ...string) {
		t.Helper()
		got, err := dunlin(stdin, strings.Fields(line)...)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in %q", line, w, got)
			}
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", line, err)
		}
	}
	day := yesterday.Format(time.DateOnly)
	f("", "forget web1", false, "3 points", "Go on?")
	f("n\n", "drop "+day, false, day+" on this node: 2 keys, 2 points")
	second := now.Add(-time.Second).Format(time.RFC3339)
	f("", "forget web1:cpu --yes --from "+second+" --to "+second, true, "1 keys, 1 points", "forgotten: 1 points")
	f("y\n", "forget web1", true, "2 points", "forgotten: 2 points on this node")
	f("", "forget web1 --yes", true, "0 keys, 0 points")
	f("yes\n", "drop "+day, true, "1 keys, 1 points", "dropped: 1 keys")
	f("", "drop --yes "+now.Format(time.DateOnly), false)
	f("", "forget --yes --from x web1", false)
	f("", "floor", true, "floor="+now.Format(time.DateOnly), "tombstones=2")
	f("", "floor accept", true, "floor="+now.Format(time.DateOnly))
	f("", "floor lower", false)
}
