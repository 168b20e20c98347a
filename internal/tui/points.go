package tui

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/dunlin-db/dunlin"
)

// jsonPoint is a point as JSON has it.
type jsonPoint struct {
	Host   string  `json:"host"`
	Metric string  `json:"metric"`
	TS     float64 `json:"ts"` // seconds
	Time   string  `json:"time"`
	Value  string  `json:"value"` // text, byte for byte
}

// Points prints points: as a JSON array, as CSV with host and metric, or as a table of time and value.
func Points(w io.Writer, points []dunlin.Point, asJSON, asCSV bool) error {
	const layout = "2006-01-02T15:04:05.999Z07:00"
	if asJSON {
		out := make([]jsonPoint, len(points))
		for i, p := range points {
			out[i] = jsonPoint{
				Host: p.Host, Metric: p.Metric, TS: float64(p.Time.UnixMilli()) / 1000, Time: p.Time.UTC().Format(layout),
				Value: p.Value,
			}
		}
		return JSON(w, out)
	}
	rows := make([][]string, len(points))
	for i, p := range points {
		rows[i] = []string{p.Time.UTC().Format(layout), p.Value}
		if asCSV {
			rows[i] = []string{p.Host, p.Metric, p.Time.UTC().Format(layout), p.Value}
		}
	}
	if asCSV {
		return CSV(w, []string{"host", "metric", "time", "value"}, rows)
	}
	return Table(w, []string{"time", "value"}, rows)
}

// JSON prints a value, indented.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}
