package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/flockbench"
)

func benchFlockCmd() *cobra.Command {
	var quick bool
	c := flockbench.Config{
		Child: childAttr(), Duration: 16 * time.Second, Points: 17_280_000, Absence: 10 * time.Minute,
		Progress: func(text string) {
			fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), text)
		},
	}
	cmd := &cobra.Command{
		Use:   "flock",
		Short: "Start flocks of nodes here and say what it costs to keep them equal",
		Long: `Start flocks of one to five nodes of this binary here, put load on them, and print what replication costs:
bytes and entries, CPU of sender and receiver beside that of a node alone, lag, traffic without points, and how long
a node takes to have everything that was away, stood still, or is new. The nodes keep their points in a directory
for temporary files and end with the command. It takes some minutes and up to 4 GB of memory.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Binary, err = os.Executable(); err != nil {
				return fmt.Errorf("find the binary of the nodes: %w", err)
			}
			if quick {
				c.Points, c.Absence = c.Points/10, c.Absence/10
				c.Duration = min(c.Duration, 4*time.Second)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			rows, err := flockbench.Run(ctx, c)
			if errors.Is(err, flockbench.ErrPart) {
				return usageError{err}
			}
			if shown := flockbench.Print(cmd.OutOrStdout(), rows); shown != nil && err == nil {
				err = shown
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.DurationVar(&c.Duration, "duration", c.Duration, "how long each part with a load lasts")
	fl.IntVar(&c.Points, "points", c.Points, "how many points a flock has that an empty node joins")
	fl.DurationVar(&c.Absence, "absence", c.Absence, "how long a node is away, at 10,000 points a second")
	fl.StringSliceVar(&c.Only, "only", nil, "measure these alone: "+strings.Join(flockbench.Parts(), ", "))
	fl.BoolVar(&quick, "quick", false, "a tenth of the points and of the absence, 4 s a part")
	return cmd
}
