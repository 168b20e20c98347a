package node

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/storage"
	"github.com/dunlin-db/dunlin/internal/store"
)

// collector gives the node's last status to Prometheus. It asks nothing of the stores: a scrape must be cheap.
type collector struct {
	n     *Node
	shard map[string]*prometheus.Desc
	link  map[string]*prometheus.Desc
	node  map[string]*prometheus.Desc
	each  map[string]*prometheus.Desc // by period
}

// newRegistry makes the registry that /metrics shows.
func newRegistry(n *Node) *prometheus.Registry {
	r := prometheus.NewRegistry()
	desc := func(labels []string, pairs ...string) map[string]*prometheus.Desc {
		m := map[string]*prometheus.Desc{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = prometheus.NewDesc("dunlin_"+pairs[i], pairs[i+1], labels, nil)
		}
		return m
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{
			n: n,
			shard: desc([]string{"shard"},
				"points_written_total", "Points that clients wrote and the shard stored.",
				"points_refused_total", "Points that clients wrote and the shard refused.",
				"points_pulled_total", "Points that peers offered.",
				"points_merged_total", "Points of peers that were new.",
				"points_below_floor_total", "Points of peers below the floor, left out.",
				"foreign_members", "Members in the shard's Redis that are no points of their key.",
				"stray_keys", "Keys that lie on the shard though the ring places them on another.",
				"store_series", "Series keys held.",
				"store_bytes", "Memory of the shard's store, everything counted.",
				"store_up", "Whether the shard's store answers."),
			link: desc([]string{"peer", "shard"},
				"peer_lag_seconds", "Time since everything of the peer was last taken over.",
				"peer_bytes_total", "Bytes read from the peer.",
				"peer_points_total", "Points read from the peer.",
				"peer_commands_total", "Commands sent to the peer.",
				"peer_repairs_total", "Hours and exchanges by which the peer brought what was lacking.",
				"peer_up", "Whether the peer answers."),
			each: desc([]string{"period"}, "memory_period_bytes", "Memory of a period, everything counted."),
			node: desc(nil,
				"unjournaled_points_total", "Points that only a sweep found in the node's own Redis.",
				"floor_timestamp_seconds", "Start of the oldest live period.",
				"memory_used_bytes", "All memory that is counted; what --engine.max-memory limits.",
				"memory_peak_bytes", "The most that it was.",
				"memory_points_bytes", "Of it, chunks of points and their directories.",
				"memory_series_bytes", "Of it, entries and names of series.",
				"memory_plain_keys_bytes", "Of it, plain keys.",
				"memory_client_buffers_bytes", "Of it, buffers of clients.",
				"memory_index_bytes", "Of it, the index of hosts and metrics.",
				"memory_log_bytes", "Of it, what the log keeps until the disk has it.",
				"memory_peers_bytes", "Of it, the log for peers, and what replicas are compared by.",
				"memory_max_bytes", "The limit, 0 = none.",
				"max_series_per_period", "The limit on series of a period, 0 = none.",
				"refused_oom_total", "Points of clients that were refused for want of memory.",
				"refused_series_limit_total", "Points of clients that the limit on series refused.",
				"merges_deferred_oom_total", "Merges from peers that were put off for want of memory.",
				"dropped_periods_for_memory_total", "Periods that were dropped to make room.",
				"durability_degraded", "Whether what is acknowledged now might not survive a crash.",
				"loading", "Whether points on disk are still being loaded.", "log_bytes_total", "Bytes appended to the log.",
				"log_unwritten_bytes", "Bytes of the log that wait for the disk.",
				"log_unsynced_bytes", "Bytes of the log that are written and not fsynced.",
				"log_unsynced_age_max_seconds", "The longest that a byte of the log was not fsynced.",
				"log_fsyncs_total", "fsyncs of the log.",
				"log_fsync_max_seconds", "The longest fsync of the log.",
				"log_errors_total", "Writes and fsyncs of the log that failed.",
				"log_heals_total", "How often the log went on after a failure.",
				"checkpoints_total", "Checkpoints that were done.",
				"checkpoint_failures_total", "Checkpoints that failed.",
				"files_damaged_total", "Period files that were found damaged while the node ran.",
				"bad_files", "Damaged files that are kept to be looked at.",
				"damaged_records", "Records that could not be read at the start.",
				"retention_paused", "Whether retention is paused because the clock is not vouched for."),
		})
	if n.peers != nil {
		r.MustRegister(newPeersCollector(n.peers))
	}
	return r
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []map[string]*prometheus.Desc{c.shard, c.link, c.node, c.each} {
		for _, d := range m {
			ch <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	first, _ := c.n.cfg.Topology.Layout.Span(c.n.keeper.Floor())
	gauge(c.node["floor_timestamp_seconds"], float64(first)/1000)
	gauge(c.node["retention_paused"], boolean(c.n.keeper.Paused() != ""))
	if c.n.disk != nil {
		c.disk(c.n.disk.Status(), counter, gauge)
	}
	s := c.n.status.Load()
	if s == nil {
		return
	}
	counter(c.node["unjournaled_points_total"], s.Unjournaled)
	c.memory(s, counter, gauge)
	for _, sh := range s.Shards {
		id := strconv.Itoa(sh.ID)
		counter(c.shard["points_written_total"], sh.Counters.Points, id)
		counter(c.shard["points_refused_total"], sh.Counters.Refused, id)
		counter(c.shard["points_pulled_total"], sh.Counters.Pulled, id)
		counter(c.shard["points_merged_total"], sh.Counters.Merged, id)
		counter(c.shard["points_below_floor_total"], sh.Counters.BelowFloor, id)
		gauge(c.shard["foreign_members"], float64(sh.Stats.Foreign), id)
		gauge(c.shard["stray_keys"], float64(sh.Strays), id)
		gauge(c.shard["store_series"], float64(sh.Stats.Series), id)
		gauge(c.shard["store_bytes"], float64(sh.Stats.Bytes), id)
		gauge(c.shard["store_up"], boolean(sh.Err == ""), id)
	}
	for _, l := range s.Links {
		id := strconv.Itoa(l.Shard)
		if l.LagMillis >= 0 {
			gauge(c.link["peer_lag_seconds"], float64(l.LagMillis)/1000, l.Peer, id)
		}
		counter(c.link["peer_bytes_total"], l.Bytes, l.Peer, id)
		counter(c.link["peer_points_total"], l.Points, l.Peer, id)
		counter(c.link["peer_commands_total"], l.Commands, l.Peer, id)
		counter(c.link["peer_repairs_total"], l.Repaired, l.Peer, id)
		gauge(c.link["peer_up"], boolean(l.Err == ""), l.Peer, id)
	}
}

// emit gives one value to Prometheus.
type emit[N int64 | float64] func(d *prometheus.Desc, v N, labels ...string)

// disk is what INFO persistence shows.
func (c *collector) disk(s storage.Status, counter emit[int64], gauge emit[float64]) {
	gauge(c.node["durability_degraded"], boolean(s.Degraded() != ""))
	gauge(c.node["loading"], boolean(s.Loading))
	gauge(c.node["log_unwritten_bytes"], float64(s.Log.Unwritten))
	gauge(c.node["log_unsynced_bytes"], float64(s.Log.Unsynced))
	gauge(c.node["log_unsynced_age_max_seconds"], s.Log.OldestUnsyncedMax.Seconds())
	gauge(c.node["log_fsync_max_seconds"], s.Log.FsyncMax.Seconds())
	gauge(c.node["damaged_records"], float64(s.Damaged))
	gauge(c.node["bad_files"], float64(s.Bad))
	counter(c.node["log_bytes_total"], s.Log.Bytes)
	counter(c.node["log_fsyncs_total"], s.Log.Fsyncs)
	counter(c.node["log_errors_total"], s.Log.WriteErrors+s.Log.FsyncErrors)
	counter(c.node["log_heals_total"], s.Log.Heals)
	counter(c.node["checkpoints_total"], s.Checkpoints)
	counter(c.node["checkpoint_failures_total"], s.CheckpointFailures)
	counter(c.node["files_damaged_total"], c.n.scrub.Status().Damaged)
}

// memory is what INFO memory shows, and what the limits kept out.
func (c *collector) memory(s *status, counter emit[int64], gauge emit[float64]) {
	b := c.n.keeper.budget
	st, _ := s.sums()
	if c.n.self.OnRedis() {
		st = store.Stats{} // theirs is not this process's
	}
	for name, v := range map[string]int64{
		"memory_used_bytes": b.Used(), "memory_peak_bytes": b.Peak(), "memory_points_bytes": st.PointBytes,
		"memory_series_bytes": st.SeriesBytes, "memory_plain_keys_bytes": b.Part(budget.PlainKeys),
		"memory_client_buffers_bytes": b.Part(budget.Buffers), "memory_index_bytes": b.Part(budget.Index),
		"memory_log_bytes": b.Part(budget.Log), "memory_peers_bytes": b.Part(budget.Peers),
		"memory_max_bytes": b.Max(), "max_series_per_period": b.MaxSeries(),
	} {
		gauge(c.node[name], float64(v))
	}
	for p, bytes := range st.PerPeriod {
		gauge(c.each["memory_period_bytes"], float64(bytes), p)
	}
	n := b.Counters()
	counter(c.node["refused_oom_total"], n.RefusedMemory)
	counter(c.node["refused_series_limit_total"], n.RefusedSeries)
	counter(c.node["merges_deferred_oom_total"], n.Deferred)
	counter(c.node["dropped_periods_for_memory_total"], n.Dropped)
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
