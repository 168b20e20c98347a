//go:build linux

package flock

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// runClocked is the process of a node whose clock is ahead. It takes the flags that runNode gives.
func runClocked(ahead string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	by, err := time.ParseDuration(ahead)
	if err != nil {
		return fail(err)
	}
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	topology, name := flags.String("topology", "", ""), flags.String("name", "", "")
	resp, dir := flags.String("resp.listen-address", "", ""), flags.String("storage.path", "", "")
	flags.String("web.listen-address", "", "")
	if err := flags.Parse(os.Args[2:]); err != nil {
		return fail(err)
	}
	topo, err := ring.Load(*topology)
	if err != nil {
		return fail(err)
	}
	fsync, err := wal.ParsePolicy("1s")
	if err != nil {
		return fail(err)
	}
	n, err := node.New(node.Config{
		Topology: topo, Name: *name, RespAddr: *resp, StoragePath: *dir, Disk: node.Disk{Fsync: fsync},
		Clock: func() time.Time { return time.Now().Add(by) }, Version: "clocked",
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := n.Run(ctx); err != nil {
		return fail(err)
	}
	return 0
}

// TestRoll: midnight comes while a node is cut off. What is dropped then on either side stays dropped, and nothing that
// lives is.
func TestRoll(t *testing.T) {
	t.Parallel()
	midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
	f := newFleet(t, 3, kind{keep: 1, ahead: time.Until(midnight.Add(-15 * time.Second))})
	noon := midnight.Add(-36 * time.Hour) // of the day that will be dropped
	for i := range f.nodes {
		f.writeAt(i, 20, noon)
		f.wrote(i, 20)
	}
	f.settle()
	f.lose(append(f.between(0, 2), f.between(1, 2)...)...)
	for i := range f.nodes {
		f.writeAt(i, 20, noon)
		f.wrote(i, 20)
	}
	f.await("midnight", func() error {
		if left := midnight.Sub(f.now()); left > 0 {
			return fmt.Errorf("in %s", left)
		}
		return nil
	})
	old := noon.Format(time.DateOnly)
	for i := range f.nodes {
		f.await("a point of the new day to be taken", func() error {
			if len(f.writeAt(i, 20, midnight.Add(10*time.Second))) < 20 {
				return fmt.Errorf("%s refuses some", f.nodes[i].name)
			}
			return nil
		})
	}
	for _, i := range []int{0, 1} {
		f.await("the oldest day to be dropped", func() error { return f.lacks(i, old) })
	}
	f.book.forget(old)
	took := f.settle()
	for i := range f.nodes {
		f.await("the oldest day to be gone", func() error { return f.lacks(i, old) })
	}
	t.Logf("equal %.1f s after it healed", took.Seconds())
}

// lacks is nil when a node has no key of a period.
func (f *fleet) lacks(i int, period string) error {
	keys, err := f.ask(i, "KEYS", period+":*")
	if err == nil && len(keys) > 0 {
		err = fmt.Errorf("%s has %d keys, %s", f.nodes[i].name, len(keys), keys[0])
	}
	return err
}
