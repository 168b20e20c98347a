package keycmd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// BenchmarkZAdd is a fleet that writes its points in turn, without protocol and network.
func BenchmarkZAdd(b *testing.B) {
	n := newNode(b, 8, noon.Add(20*time.Hour), func(int) store.Local {
		return engine.New(engine.Config{
			Layout: layoutDay, Cluster: "bench", Epoch: "1",
			Clock: func() time.Time { return noon },
		})
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
	c := &Call{
		Ctx: context.Background(), W: &n.w, Slots: n.slots, Topology: n.topo,
		Clock: func() time.Time { return noon },
	}
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

// BenchmarkRead makes the replies to reads of a day that has a point every ten seconds, each of another of 500 series,
// without protocol and network.
func BenchmarkRead(b *testing.B) {
	n := newNode(b, 1, noon, func(int) store.Local {
		return engine.New(engine.Config{
			Layout: layoutDay, Cluster: "bench", Epoch: "1",
			Clock: func() time.Time { return noon },
		})
	})
	const day, points = 1795305600, 8640
	keys := make([][]byte, 500)
	groups := make([]store.Group, len(keys))
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "2026-11-22:host%d:metric%d", i/20, i%20)
		groups[i].Key, _ = layoutDay.ParseKey(keys[i])
	}
	for j := range int64(points) {
		for i := range groups {
			value := fmt.Appendf(nil, "%d.%02d", 40+i%7, (j*37+int64(i)*11)*(j/9+3)%100)
			groups[i].Points = []series.Point{{TS: (day + j*10) * 1000, Value: value}}
		}
		if err := n.slots[0].Shard.Merge(b.Context(), groups, store.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
	n.slots[0].Tx = n.slots[0].Shard.Begin()
	defer n.slots[0].Tx.End()
	read := func(name string, points int, cmd, after string) {
		b.Run(name, func(b *testing.B) {
			c := &Call{
				Ctx: context.Background(), W: &n.w, Slots: n.slots, Topology: n.topo,
				Clock: func() time.Time { return noon },
			}
			args := [][]byte{[]byte(cmd), nil}
			for word := range strings.FieldsSeq(after) {
				args = append(args, []byte(word))
			}
			run := n.table[cmd].Run
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				args[1] = keys[i*7919%len(keys)]
				c.Args, n.w.Buf = args, n.w.Buf[:0]
				run(c)
				if c.Rest != nil {
					for c.Rest.Append(&n.w) {
						n.w.Buf = n.w.Buf[:0]
					}
					c.Rest.Close()
					c.Rest = nil
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*points), "ns/point")
		})
	}
	hour := fmt.Sprint(day+7*3600, " (", day+8*3600)
	read("day", points, "zrange", "0 -1")
	read("day withscores", points, "zrange", "0 -1 WITHSCORES")
	read("hour withscores", 360, "zrangebyscore", strings.ReplaceAll(hour, "( ", "(")+" WITHSCORES")
	read("last", 1, "zrevrange", "0 0")
}
