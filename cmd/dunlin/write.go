package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ingest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/tui"
)

func writeCmd() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "write [--topology FILE | --url URL] [HOST METRIC VALUE [TS]]",
		Short: "Write one point, or lines \"host metric ts value\" from standard input",
		Long: "Write one point; TS is in decimal seconds, now if not given. Without arguments: lines from standard\n" +
			"input, \"host metric ts value\". A bad line is named and does not stop the others; then the exit code is 1.",
		Args: func(_ *cobra.Command, args []string) error {
			if n := len(args); n != 0 && n != 3 && n != 4 {
				return errors.New("want HOST METRIC VALUE [TS] after the flags, or nothing and lines on standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			if len(args) == 0 {
				return writeLines(cmd, client)
			}
			at := time.Now().Truncate(time.Second)
			if len(args) == 4 {
				ms, _, ok := series.ParseTime([]byte(args[3]))
				if !ok {
					return fmt.Errorf("timestamp %q: %w", args[3], series.ErrMember)
				}
				at = time.UnixMilli(ms)
			}
			_, err = client.Write(cmd.Context(), []dunlin.Point{
				{Host: args[0], Metric: args[1], Value: args[2], Time: at},
			})
			return err
		},
	}
	flags.add(cmd, 2*time.Second)
	cmd.Flags().SetInterspersed(false) // flags come first, so that a value may be negative
	return cmd
}

// lineWriter sends parsed lines to the client and names those that fail.
type lineWriter struct {
	cmd    *cobra.Command
	client *dunlin.Client
	good   int
	bad    int
}

func writeLines(cmd *cobra.Command, client *dunlin.Client) error {
	w := &lineWriter{cmd: cmd, client: client}
	if err := ingest.Lines(cmd.Context(), cmd.InOrStdin(), w.sink, w.complain); err != nil {
		return err
	}
	if w.bad > 0 {
		return fmt.Errorf("%d of %d lines not stored", w.bad, w.bad+w.good)
	}
	return nil
}

func (w *lineWriter) complain(line int, err error) {
	w.bad++
	w.cmd.PrintErrf("line %d: %s\n", line, tui.Safe(err.Error()))
}

func (w *lineWriter) sink(ctx context.Context, lines []ingest.Point) error {
	points := make([]dunlin.Point, len(lines))
	for i, l := range lines {
		points[i] = dunlin.Point{Host: l.Host, Metric: l.Metric, Time: time.UnixMilli(l.TS), Value: l.Value}
	}
	results, err := w.client.Write(ctx, points)
	for i, r := range results {
		if r.Status == dunlin.Stored {
			w.good++
		} else {
			w.complain(lines[i].Line, r.Err)
		}
	}
	if w.good == 0 && errors.Is(err, dunlin.ErrUnavailable) {
		return err // nobody was ever there: no use to read on
	}
	return nil
}
