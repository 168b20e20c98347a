package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// benchReport is what is used here of what dunlin bench --json prints.
type benchReport struct {
	Servers []benchServer `json:"servers"`
}

type benchServer struct {
	Server string     `json:"server"`
	Median benchRound `json:"median"`
	Memory struct {
		Points       float64 `json:"points"`
		UsedPerPoint float64 `json:"used_bytes_per_point"`
		RSSPerPoint  float64 `json:"rss_bytes_per_point"`
	} `json:"memory"`
	Drop *benchDrop `json:"drop"`
}

type benchRound struct {
	Points        float64     `json:"points"`
	Errors        float64     `json:"errors"`
	FirstError    string      `json:"first_error"`
	Seconds       float64     `json:"seconds"`
	PointsPerSec  float64     `json:"points_per_second"`
	CPUPerMillion float64     `json:"server_cpu_seconds_per_million_points"`
	Reads         []benchRead `json:"reads"`
}

type benchRead struct {
	Name    string    `json:"name"`
	CPU     float64   `json:"server_cpu_us_per_query"`
	Latency quantiles `json:"latency"`
}

type quantiles struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	Max float64 `json:"max_us"`
}

type benchDrop struct {
	Seconds   float64   `json:"seconds"`
	CPU       float64   `json:"server_cpu_seconds"`
	Settled   float64   `json:"settled_seconds"`
	Before    quantiles `json:"probe_before"`
	Probe     quantiles `json:"probe"`
	RSSBefore float64   `json:"rss_before_bytes"`
	RSSAfter  float64   `json:"rss_after_bytes"`
}

// bench runs dunlin bench, behind the words of prefix (taskset -c 1, say), and gives its report.
func (m *measurement) bench(ctx context.Context, prefix []string, args ...string) (*benchReport, error) {
	argv := append(append(prefix, m.dunlin, "bench", "--json"), args...)
	text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("dunlin bench %s: %w: %s", strings.Join(args, " "), err, firstOf(string(exit.Stderr)))
	}
	if err != nil {
		return nil, fmt.Errorf("dunlin bench: %w", err)
	}
	var r benchReport
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read what dunlin bench prints: %w", err)
	}
	if len(r.Servers) == 0 {
		return nil, errors.New("dunlin bench measured no server")
	}
	for _, s := range r.Servers {
		if s.Median.Errors > 0 {
			return nil, fmt.Errorf("dunlin bench: %s answered %.0f errors a round: %s", s.Server, s.Median.Errors,
				s.Median.FirstError)
		}
	}
	return &r, nil
}

// firstOf is the first line of a text, for an error.
func firstOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
