package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/ring"
)

func ringCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "ring", Short: "Look at the topology file and where keys live"}
	cmd.AddCommand(ringWhereCmd(), ringCheckCmd())
	return cmd
}

func ringWhereCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "where [--topology FILE] KEY…",
		Short: "Print where keys live",
		Long: "Print a line per key, in order, with tabs between: the key, the from of the ring that places it, the\n" +
			"shard's number, the shard's name, the nodes that hold it. Without a topology: one node of 8 shards.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, keys []string) error {
			topo, err := topologyOrSingle(file)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			for _, key := range keys {
				if _, err := out.WriteString(whereLine(topo, key)); err != nil {
					return fmt.Errorf("write: %w", err)
				}
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "topology", "", "topology file")
	return cmd
}

// whereLine prints the key as it was given: this output is for programs.
func whereLine(topo *ring.Topology, key string) string {
	r := &topo.Rings[0]
	if k, err := topo.Layout.ParseKey([]byte(key)); err == nil {
		r = topo.RingFor(k.Period)
	}
	shard := topo.ShardOf([]byte(key))
	var nodes []string
	for _, n := range topo.Holders(shard) {
		nodes = append(nodes, n.Name)
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s\t%s\n", key, topo.Layout.PeriodString(r.From), shard, r.ShardName(shard),
		strings.Join(nodes, ","))
}

func topologyOrSingle(file string) (*ring.Topology, error) {
	if file == "" {
		return ring.Single("local", "redis://127.0.0.1:6390", 8), nil
	}
	return ring.Load(file)
}

func ringCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a topology file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			topo, err := ring.Load(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: cluster %s, %d nodes, %d shards, %d rings: ok\n",
				args[0], topo.Cluster, len(topo.Nodes), topo.Shards(), len(topo.Rings))
			return err
		},
	}
}
