package main

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/muster"
)

var errNotWell = errors.New("not all is well")

func flockCmd() *cobra.Command {
	var flags clientFlags
	var watch, each, asJSON bool
	var every, mostLag time.Duration
	cmd := &cobra.Command{
		Use:   "flock [--topology FILE] [--watch]",
		Short: "Show how all nodes and their shards fare",
		Long: "Ask all nodes how they fare. By node and shard: the state, how late it is, how many entries of logs it\n" +
			"lacks that another node has, what it holds, how often it differed from a peer though nothing was under way.\n" +
			"By node and peer: up to when all of the peer's points are there, by the peer's clock, when the two were last\n" +
			"proven equal, and when their digests were the same in all hours, also those that are written to. Times are\n" +
			"UTC. The exit code is 1 when a node can not be asked, does not follow one of its peers, is late or differs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withClient(cmd.Context(), func(client *dunlin.Client) error {
				m := &muster.Muster{Topology: client.Topology(), Node: client, Clock: time.Now, MostLag: mostLag}
				if watch {
					w := muster.Watcher{Muster: m, Every: max(every, 100*time.Millisecond), Each: each, Out: cmd.OutOrStdout()}
					return w.Run(cmd.Context())
				}
				r := m.Look(cmd.Context())
				err := printFound(cmd, asJSON, r, func(w io.Writer) error { return muster.Print(w, r, each) })
				if err == nil && len(r.Problems) > 0 {
					err = errNotWell
				}
				return err
			})
		},
	}
	flags.add(cmd, 3*time.Second)
	fl := cmd.Flags()
	fl.BoolVar(&watch, "watch", false, "show it again and again, until Ctrl-C")
	fl.DurationVar(&every, "every", time.Second, "with --watch: how often")
	fl.BoolVar(&each, "shards", false, "a row for each shard, also for those that are well")
	fl.DurationVar(&mostLag, "max-lag", 10*time.Second, "being later than this is a problem")
	fl.BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("watch", "json")
	return cmd
}
