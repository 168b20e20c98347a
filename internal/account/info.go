package account

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Section is a section of INFO: "# Name" and its fields, name and value.
type Section struct {
	Name     string
	Fields   [][2]string
	OnDemand bool // not told to those who name no section
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// Text is the sections as INFO answers them, an empty line between two. Those of one name are one.
func Text(sections []Section) string {
	var b strings.Builder
	for _, s := range joined(sections) {
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + s.Name + "\r\n")
		for _, f := range s.Fields {
			b.WriteString(f[0] + ":" + oneLine.Replace(f[1]) + "\r\n")
		}
	}
	return b.String()
}

// joined puts the fields of sections of one name under the first of them.
func joined(sections []Section) (all []Section) {
	at := map[string]int{}
	for _, s := range sections {
		i, known := at[s.Name]
		if !known {
			at[s.Name], all = len(all), append(all, s)
			continue
		}
		all[i].Fields = slices.Concat(all[i].Fields, s.Fields)
	}
	return all
}

// Node is what is asked.
type Node struct {
	Shards     []*shard.Shard // all that the node holds, in ascending order
	Budget     *budget.Budget // the limits, not nil
	Databases  int            // that SELECT takes
	MaxClients int
	Disk       Disk // nil = points are kept in memory only
}

// Disk says how the points on disk fare.
type Disk interface{ Persistence() [][2]string }

// persistence has the fields that clients of Redis know, and what Disk says. loading is 1 while points on disk are not
// in memory yet; durability is "memory only", "ok" or "degraded".
func (n Node) persistence() [][2]string {
	if n.Disk != nil {
		return n.Disk.Persistence()
	}
	return [][2]string{
		{"loading", "0"},
		{"async_loading", "0"},
		{"rdb_bgsave_in_progress", "0"},
		{"aof_enabled", "0"},
		{"durability", "memory only"},
	}
}

// Sections are the sections about what is stored, in Redis' order. The budget must have been told what plain keys and
// buffers of clients take. traffic are the fields of Stats about connections.
func (n Node) Sections(ctx context.Context, traffic [][2]string) []Section {
	return []Section{
		{Name: "Memory", Fields: n.memory(ctx)},
		{Name: "Persistence", Fields: n.persistence()},
		{Name: "Stats", Fields: append(traffic, append(n.counts(), n.refusals()...)...)},
		{Name: "Replication", Fields: [][2]string{{"role", "master"}, {"connected_slaves", "0"}}},
		{Name: "Keyspace", Fields: n.keyspace(ctx)},
	}
}

// counts is what happened to points, over all shards.
func (n Node) counts() [][2]string {
	var all shard.Counters
	for _, sh := range n.Shards {
		c := sh.Counters()
		all.Points, all.Pulled, all.Merged = all.Points+c.Points, all.Pulled+c.Pulled, all.Merged+c.Merged
		all.Refused, all.BelowFloor = all.Refused+c.Refused, all.BelowFloor+c.BelowFloor
	}
	return [][2]string{
		{"points_written", itoa(all.Points)},
		{"points_pulled", itoa(all.Pulled)},
		{"points_merged", itoa(all.Merged)},
		{"points_refused", itoa(all.Refused)},
		{"points_below_floor", itoa(all.BelowFloor)},
	}
}

// refusals is what the limits have kept out, in INFO stats.
func (n Node) refusals() [][2]string {
	c := n.Budget.Counters()
	return [][2]string{
		{"refused_oom", itoa(c.RefusedMemory)},
		{"refused_series_limit", itoa(c.RefusedSeries)},
		{"merges_deferred_oom", itoa(c.Deferred)},
		{"dropped_periods_for_memory", itoa(c.Dropped)},
	}
}

// keyspace has a line a shard that holds something or can not say so, database i as SELECT i.
func (n Node) keyspace(ctx context.Context) [][2]string {
	var out [][2]string
	for _, sh := range n.Shards {
		st, err := stats(ctx, sh)
		db := "db" + strconv.Itoa(sh.ID())
		switch {
		case err != nil:
			out = append(out, [2]string{db, "keys=0,expires=0,avg_ttl=0,state=unavailable"})
		case st.Series > 0 || st.Bytes > 0:
			out = append(out, [2]string{db, fmt.Sprintf("keys=%d,expires=0,avg_ttl=0,points=%d,bytes=%d",
				st.Series, st.Points, st.Bytes)})
		}
	}
	return out
}

func stats(ctx context.Context, sh *shard.Shard) (st store.Stats, err error) {
	err = sh.View(func(from store.Store) (err error) {
		st, err = from.Stats(ctx)
		return err
	})
	return st, err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
