package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/store"
)

// storesMemory adds up what the stores in memory count.
func (s *Server) storesMemory(ctx context.Context) (all store.Stats) {
	all.PerPeriod = map[string]int64{}
	for _, sl := range s.slots {
		var st store.Stats
		_ = sl.Shard.View(func(from store.Store) (err error) { // a store in memory does not fail
			st, err = from.Stats(ctx)
			return err
		})
		all.Bytes += st.Bytes
		all.PointBytes += st.PointBytes
		all.SeriesBytes += st.SeriesBytes
		for p, n := range st.PerPeriod {
			all.PerPeriod[p] += n
		}
	}
	return all
}

// countOthers tells the budget what the node holds besides its stores; plain is the memory of all plain keys.
func (s *Server) countOthers(plain int64) {
	s.cfg.Budget.Set(budget.PlainKeys, plain)
	s.cfg.Budget.Set(budget.Buffers, s.listener.Counts().Held)
}

// memoryInfo is INFO memory: all bytes of used_memory are counted, none is estimated but those of the Go maps behind
// plain keys and the index.
func (s *Server) memoryInfo(c *call) [][2]string {
	plain := int64(0)
	for _, sl := range s.slots {
		tx := sl.Shard.Begin()
		plain += sl.Plain.Bytes()
		tx.End()
	}
	s.countOthers(plain)
	b := s.cfg.Budget
	st := s.storesMemory(c.ctx)
	buffers, index := b.Part(budget.Buffers), b.Part(budget.Index)
	used := st.Bytes + plain + buffers + index
	heap := budget.ReadGoHeap()
	rss, ok := budget.Resident()
	if !ok {
		rss = heap.Total
	}
	out := [][2]string{
		{"used_memory", itoa(used)},
		{"used_memory_human", budget.Human(used)},
		{"used_memory_rss", itoa(rss)},
		{"used_memory_rss_human", budget.Human(rss)},
		{"used_memory_peak", itoa(max(b.Peak(), used))},
		{"used_memory_peak_human", budget.Human(max(b.Peak(), used))},
		{"used_memory_points", itoa(st.PointBytes)},
		{"used_memory_series", itoa(st.SeriesBytes)},
		{"used_memory_plain_keys", itoa(plain)},
		{"used_memory_client_buffers", itoa(buffers)},
		{"used_memory_index", itoa(index)},
		{"used_memory_overhead", itoa(used - st.PointBytes - st.SeriesBytes - plain)},
		{"used_memory_dataset", itoa(st.PointBytes + st.SeriesBytes + plain)},
	}
	for _, p := range slices.Sorted(maps.Keys(st.PerPeriod)) {
		out = append(out, [2]string{"used_memory_period_" + p, itoa(st.PerPeriod[p])})
	}
	ram, _ := budget.RAM() // 0 where the system does not tell
	return append(out, [][2]string{
		{"go_heap_objects", itoa(heap.Objects)},
		{"go_heap_inuse", itoa(heap.InUse)},
		{"go_stack_inuse", itoa(heap.Stacks)},
		{"go_memory_total", itoa(heap.Total)},
		{"total_system_memory", itoa(ram)},
		{"total_system_memory_human", budget.Human(ram)},
		{"maxmemory", itoa(b.Max())},
		{"maxmemory_human", budget.Human(b.Max())},
		{"maxmemory_policy", b.Policy().String()},
		{"max_series_per_period", itoa(b.MaxSeries())},
		{"mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(rss)/float64(max(used, 1)))},
		{"mem_allocator", "go+mmap"},
	}...)
}

// limitCounts is what the limits have kept out, in INFO stats.
func (s *Server) limitCounts() [][2]string {
	n := s.cfg.Budget.Counters()
	return [][2]string{
		{"refused_oom", itoa(n.RefusedMemory)},
		{"refused_series_limit", itoa(n.RefusedSeries)},
		{"merges_deferred_oom", itoa(n.Deferred)},
		{"dropped_periods_for_memory", itoa(n.Dropped)},
	}
}

// growsPlain are the commands that redis-server refuses above maxmemory, where they are about plain keys.
var growsPlain = map[string]bool{
	"set": true, "setnx": true, "setex": true, "psetex": true, "getset": true, "append": true, "mset": true,
	"incr": true, "decr": true, "incrby": true, "decrby": true, "incrbyfloat": true,
	"sadd": true, "zadd": true, "zincrby": true,
}

// refusesPlain answers OOM to a command that would grow a plain key above the limit. Points ask for themselves.
func (c *call) refusesPlain() bool {
	if f := &c.cl.exec.first; f.Err == nil && f.Is(c.args[1]) {
		return false // a series key
	}
	err := c.srv.cfg.Budget.Full()
	if err == nil {
		return false
	}
	if _, notSeries := c.srv.cfg.Topology.Layout.ParseKey(c.args[1]); notSeries == nil {
		return false
	}
	c.w.Error("OOM command not allowed when " + err.Error())
	return true
}

// setting is a parameter that CONFIG SET can change.
func (s *Server) setting(name, value string) (set func(), err error) {
	b := s.cfg.Budget
	switch name {
	case "maxmemory":
		n, err := budget.ParseSize(value, budget.RAM)
		return func() { b.SetMax(n) }, err
	case "maxmemory-policy":
		p, err := budget.ParsePolicy(value)
		return func() { b.SetPolicy(p) }, err
	}
	return nil, errNoSetting
}

var errNoSetting = errors.New("no such setting")
