package node

import "github.com/prometheus/client_golang/prometheus"

// peersCollector gives to Prometheus what an engine node knows of its replicas.
type peersCollector struct {
	p                                     *peers
	divergence, repaired, damaged, mended *prometheus.Desc
	proven, different, until              *prometheus.Desc // by peer
	diskServes, diskRecords, diskBytes    *prometheus.Desc
}

func newPeersCollector(p *peers) *peersCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("dunlin_"+name, help, labels, nil)
	}
	return &peersCollector{
		p: p,
		divergence: desc("divergence_total",
			"Hours that differed from a peer's though nothing was under way, and series damaged in memory."),
		repaired: desc("divergence_repaired_points_total", "Points that the repair of such hours brought."),
		damaged:  desc("damaged_series_total", "Series, in one period each, whose memory was damaged."),
		mended:   desc("damaged_series_mended_total", "Of these, the ones that a peer's points mended."),
		proven:   desc("proof_timestamp_seconds", "When the peer was last proven equal, 0 = never.", "peer"),
		until: desc("complete_timestamp_seconds",
			"Up to when all points of a node are here, by its clock; 0 = not known.", "origin"),
		diskServes: desc("log_disk_serves_total",
			"Times that a shard's log was read from the disk for a peer, from a segment on."),
		diskRecords: desc("log_disk_records_total", "Records that were read for peers so."),
		diskBytes:   desc("log_disk_read_bytes_total", "Bytes of the log that were read for that."),
		different:   desc("proof_hours_different", "Hours that differ though nothing is under way.", "peer"),
	}
}

// Describe implements prometheus.Collector.
func (c *peersCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.divergence, c.repaired, c.damaged, c.mended, c.proven, c.different, c.until,
		c.diskServes, c.diskRecords, c.diskBytes,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *peersCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n int64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
	s := c.p.proof.Status()
	counter(c.divergence, s.Divergence)
	counter(c.repaired, s.Repaired)
	counter(c.damaged, s.Damaged)
	counter(c.mended, s.Mended)
	if c.p.archive != nil {
		s := c.p.archive.Stats()
		counter(c.diskServes, s.Begun)
		counter(c.diskRecords, s.Records)
		counter(c.diskBytes, s.Bytes)
	}
	for _, o := range c.p.origins() {
		at := 0.0
		if !o.Until.IsZero() {
			at = float64(o.Until.UnixMilli()) / 1000
		}
		ch <- prometheus.MustNewConstMetric(c.until, prometheus.GaugeValue, at, o.node)
	}
	for name, p := range s.Peers {
		at := 0.0
		if !p.Proven.IsZero() {
			at = float64(p.Proven.UnixMilli()) / 1000
		}
		ch <- prometheus.MustNewConstMetric(c.proven, prometheus.GaugeValue, at, name)
		ch <- prometheus.MustNewConstMetric(c.different, prometheus.GaugeValue, float64(p.Differ), name)
	}
}
