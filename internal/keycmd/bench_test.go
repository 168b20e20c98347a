package keycmd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/store"
)

// BenchmarkZAdd is a fleet that writes its points in turn, without protocol and network.
func BenchmarkZAdd(b *testing.B) {
	n := newNode(b, 8, noon.Add(20*time.Hour), func(int) store.Local {
		return engine.New(engine.Config{Layout: layoutDay, Cluster: "bench", Epoch: "1", Clock: func() time.Time { return noon }})
	})
	for _, s := range n.slots {
		s.Tx = s.Shard.Begin()
		defer s.Tx.End()
	}
	keys := make([][]byte, 2000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "2026-11-22:host%d:metric%d", i/20, i%20)
	}
	cmd := n.table["zadd"]
	c := &Call{Ctx: context.Background(), W: &n.w, Slots: n.slots, Topology: n.topo, Clock: func() time.Time { return noon }}
	name := []byte("ZADD")
	ts := 1795348800
	var score, member []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i%len(keys) == 0 {
			ts++
			score = fmt.Append(score[:0], ts)
			member = fmt.Appendf(member[:0], "%d:%d.5", ts, ts%100)
		}
		c.Args = append(c.Args[:0], name, keys[i%len(keys)], score, member)
		n.w.Buf = n.w.Buf[:0]
		cmd.Run(c)
		i++
	}
}
