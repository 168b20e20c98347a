package bench

import (
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Report is everything that was measured.
type Report struct {
	Version    string             `json:"version"` // of dunlin bench
	Started    time.Time          `json:"started"`
	Machine    Machine            `json:"machine"`
	Command    []string           `json:"command"` // its flags
	Load       Load               `json:"load"`
	Pinned     string             `json:"generator_cpus"`
	Cores      int                `json:"generator_cores"` // that it can keep busy
	Servers    []*ServerReport    `json:"servers"`
	Ratios     map[string]float64 `json:"ratios,omitempty"` // above 1: the first server is better
	Warnings   []string           `json:"warnings,omitempty"`
	Incomplete bool               `json:"incomplete,omitempty"` // interrupted, or failed
}

// Machine is where the generator ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// ServerReport is what one server took and what it cost it.
type ServerReport struct {
	URL    string    `json:"url"`
	Server string    `json:"server"` // name and version as INFO gives them
	Form   load.Form `json:"form"`
	PID    int       `json:"pid,omitempty"` // 0: not known, CPU is what INFO says
	CPUs   string    `json:"cpus_allowed,omitempty"`
	Fill   Fill      `json:"fill"`
	Rounds []Round   `json:"rounds"`
	Median Round     `json:"median"` // each figure's own median
	Memory Memory    `json:"memory"`
	Drop   *Drop     `json:"drop,omitempty"`
}

// Fill is what was written before anything was measured.
type Fill struct {
	Points  int64   `json:"points"`
	Seconds float64 `json:"seconds"`
}

// Round is one measured part.
type Round struct {
	Points          int64     `json:"points"`   // new ones
	Repeated        int64     `json:"repeated"` // sent a second time
	Added           int64     `json:"added"`    // as the server counts them
	Errors          int64     `json:"errors"`
	FirstError      string    `json:"first_error,omitempty"`
	Seconds         float64   `json:"seconds"`
	PointsPerSecond float64   `json:"points_per_second"`
	CPUSeconds      float64   `json:"server_cpu_seconds"`
	CPUPerMillion   float64   `json:"server_cpu_seconds_per_million_points"`
	Batch           Quantiles `json:"batch"`
	GeneratorBusy   float64   `json:"generator_busy"`      // CPU seconds of the generator per second
	BehindMillis    float64   `json:"behind_ms,omitempty"` // realtime: the latest a host's tick went out
	Reads           []Read    `json:"reads,omitempty"`     // in the order of readKinds
}

// Memory is how a server grew from before the fill to after the last round.
type Memory struct {
	UsedBefore   int64   `json:"used_before_bytes"` // used_memory of INFO
	UsedAfter    int64   `json:"used_after_bytes"`
	RSSBefore    int64   `json:"rss_before_bytes"`
	RSSAfter     int64   `json:"rss_after_bytes"`
	Points       int64   `json:"points"` // that it has more, by its own count where it counts
	UsedPerPoint float64 `json:"used_bytes_per_point"`
	RSSPerPoint  float64 `json:"rss_bytes_per_point"`
}

func memory(before, after sample, points int64) Memory {
	m := Memory{
		UsedBefore: before.used, UsedAfter: after.used, RSSBefore: before.rss, RSSAfter: after.rss, Points: points,
	}
	if points > 0 {
		m.UsedPerPoint = float64(after.used-before.used) / float64(points)
		m.RSSPerPoint = float64(after.rss-before.rss) / float64(points)
	}
	return m
}

// median of the middle value, or of the mean of the two in the middle; 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func medianRound(rounds []Round) Round {
	of := func(f func(*Round) float64) float64 {
		var v []float64
		for i := range rounds {
			v = append(v, f(&rounds[i]))
		}
		return median(v)
	}
	m := Round{
		Points:          int64(of(func(r *Round) float64 { return float64(r.Points) })),
		Repeated:        int64(of(func(r *Round) float64 { return float64(r.Repeated) })),
		Added:           int64(of(func(r *Round) float64 { return float64(r.Added) })),
		Errors:          int64(of(func(r *Round) float64 { return float64(r.Errors) })),
		Seconds:         of(func(r *Round) float64 { return r.Seconds }),
		PointsPerSecond: of(func(r *Round) float64 { return r.PointsPerSecond }),
		CPUSeconds:      of(func(r *Round) float64 { return r.CPUSeconds }),
		CPUPerMillion:   of(func(r *Round) float64 { return r.CPUPerMillion }),
		GeneratorBusy:   of(func(r *Round) float64 { return r.GeneratorBusy }),
		BehindMillis:    of(func(r *Round) float64 { return r.BehindMillis }),
		Batch:           medianQuantiles(of, func(r *Round) Quantiles { return r.Batch }),
	}
	for i := range readsOf(rounds) {
		m.Reads = append(m.Reads, Read{
			Name:     rounds[0].Reads[i].Name,
			Queries:  int64(of(func(r *Round) float64 { return float64(r.Reads[i].Queries) })),
			Members:  of(func(r *Round) float64 { return r.Reads[i].Members }),
			CPUMicro: of(func(r *Round) float64 { return r.Reads[i].CPUMicro }),
			Latency:  medianQuantiles(of, func(r *Round) Quantiles { return r.Reads[i].Latency }),
		})
	}
	return m
}

// readsOf gives the reads that every round has.
func readsOf(rounds []Round) []Read {
	if len(rounds) == 0 {
		return nil
	}
	least := rounds[0].Reads
	for _, r := range rounds {
		if len(r.Reads) < len(least) {
			least = r.Reads
		}
	}
	return least
}

func medianQuantiles(of func(func(*Round) float64) float64, get func(*Round) Quantiles) Quantiles {
	return Quantiles{
		P50: of(func(r *Round) float64 { return get(r).P50 }),
		P99: of(func(r *Round) float64 { return get(r).P99 }),
		Max: of(func(r *Round) float64 { return get(r).Max }),
	}
}
