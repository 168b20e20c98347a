package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/tui"
)

func readCmd() *cobra.Command {
	var flags clientFlags
	var since time.Duration
	var asJSON, asCSV bool
	cmd := &cobra.Command{
		Use:   "read [--topology FILE | --url URL] HOST METRIC [--since 1h]",
		Short: "Print the points of a series",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if since <= 0 {
				return errors.New("--since: want a duration above 0, such as 1h")
			}
			client, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			now := time.Now()
			// Points may lie up to ten minutes ahead.
			points, err := client.Range(cmd.Context(), dunlin.Query{
				Host: args[0], Metric: args[1], From: now.Add(-since), To: now.Add(10 * time.Minute),
			})
			if errors.Is(err, dunlin.ErrPartial) {
				cmd.PrintErrln("warning:", tui.Safe(err.Error()))
			} else if err != nil {
				return err
			}
			return printPoints(cmd.OutOrStdout(), points, asJSON, asCSV)
		},
	}
	flags.add(cmd, 2*time.Second)
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how far back")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}

// jsonPoint is a point as --json prints it.
type jsonPoint struct {
	Host   string  `json:"host"`
	Metric string  `json:"metric"`
	TS     float64 `json:"ts"` // seconds
	Time   string  `json:"time"`
	Value  string  `json:"value"` // text, byte for byte
}

func printPoints(w io.Writer, points []dunlin.Point, asJSON, asCSV bool) error {
	const layout = "2006-01-02T15:04:05.999Z07:00"
	if asJSON {
		out := make([]jsonPoint, len(points))
		for i, p := range points {
			out[i] = jsonPoint{
				Host: p.Host, Metric: p.Metric, TS: float64(p.Time.UnixMilli()) / 1000, Time: p.Time.UTC().Format(layout),
				Value: p.Value,
			}
		}
		return printJSON(w, out)
	}
	rows := make([][]string, len(points))
	for i, p := range points {
		rows[i] = []string{p.Time.UTC().Format(layout), p.Value}
		if asCSV {
			rows[i] = []string{p.Host, p.Metric, p.Time.UTC().Format(layout), p.Value}
		}
	}
	if asCSV {
		return tui.CSV(w, []string{"host", "metric", "time", "value"}, rows)
	}
	return tui.Table(w, []string{"time", "value"}, rows)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}
