package account

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/store"
)

// storesMemory adds up what the stores in memory count.
func (n Node) storesMemory(ctx context.Context) (all store.Stats) {
	all.PerPeriod = map[string]int64{}
	for _, sh := range n.Shards {
		if sh.Remote() {
			continue
		}
		st, _ := stats(ctx, sh) // a store in memory does not fail
		all.Bytes += st.Bytes
		all.PointBytes += st.PointBytes
		all.SeriesBytes += st.SeriesBytes
		for p, n := range st.PerPeriod {
			all.PerPeriod[p] += n
		}
	}
	return all
}

// memory is INFO memory, bytes: used_memory and its parts, the parts of it that go with each period, what the system
// and the Go runtime say, and the limits.
func (n Node) memory(ctx context.Context) [][2]string {
	b := n.Budget
	st := n.storesMemory(ctx)
	plain, buffers, index := b.Part(budget.PlainKeys), b.Part(budget.Buffers), b.Part(budget.Index)
	log, peers := b.Part(budget.Log), b.Part(budget.Peers)
	used := st.Bytes + plain + buffers + index + log + peers
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
		{"used_memory_log", itoa(log)},
		{"used_memory_peers", itoa(peers)},
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
