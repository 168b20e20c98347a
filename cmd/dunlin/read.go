package main

import (
	"errors"
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
			return tui.Points(cmd.OutOrStdout(), points, asJSON, asCSV)
		},
	}
	flags.add(cmd, 2*time.Second)
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how far back")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}
