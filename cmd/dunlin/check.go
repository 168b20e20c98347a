package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/advise"
	"github.com/dunlin-db/dunlin/internal/check"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
)

var errDifferent = errors.New("not equal, or not every node could be asked")

func checkCmd() *cobra.Command {
	var flags clientFlags
	var period string
	var wait time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [--topology FILE] [--period P]",
		Short: "Ask all nodes whether they hold the same points",
		Long: "Compare the digests of every shard and period on all nodes that hold them. While points arrive, a\n" +
			"replica is always a moment behind, so each is given --wait to agree once. What still differs is looked\n" +
			"at key by key. The exit code is 1 when something differs or a node can not be asked.\n" +
			"Plain keys and foreign members are local to a node and not compared. Where Redis processes hold series in\n" +
			"more memory than needed, it says which setting mends that; the exit code is not changed by it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withClient(cmd.Context(), func(client *dunlin.Client) error {
				topo := client.Topology()
				if err := checkPeriod(period, topo); err != nil {
					return err
				}
				c := &check.Checker{Node: client, Topology: topo, Period: period, Whole: flags.topology == ""}
				report, err := c.Run(cmd.Context(), wait)
				if err == nil {
					err = printFound(cmd, asJSON, report, func(w io.Writer) error { return printCheck(w, report, topo) })
				}
				if err == nil && !report.Equal {
					err = errDifferent
				}
				return err
			})
		},
	}
	flags.add(cmd, 30*time.Second)
	cmd.Flags().StringVar(&period, "period", "", "look at this period only")
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "how long replicas may take to agree")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkPeriod refuses a --period that the flock does not write so; "" is all of them.
func checkPeriod(period string, topo *ring.Topology) error {
	if period == "" {
		return nil
	}
	if _, ok := topo.Layout.ParsePeriod([]byte(period)); !ok {
		return fmt.Errorf("--period %q: want it as %s", period, topo.Layout)
	}
	return nil
}

func printCheck(w io.Writer, r *check.Report, topo *ring.Topology) error {
	header := []string{"period", "shard", "verdict"}
	for _, n := range topo.Nodes {
		header = append(header, n.Name)
	}
	var rows [][]string
	for _, cell := range r.Cells {
		row := []string{cell.Period, strconv.Itoa(cell.Shard), cell.Verdict}
		for _, n := range topo.Nodes {
			d, ok := cell.Nodes[n.Name]
			switch {
			case ok:
				row = append(row, strconv.FormatInt(d.Points, 10))
			case n.Holds(cell.Shard):
				row = append(row, "?")
			default:
				row = append(row, "-")
			}
		}
		rows = append(rows, row)
	}
	if err := tui.Table(w, header, rows); err != nil {
		return err
	}
	var b strings.Builder
	for _, cell := range r.Cells {
		explainCell(&b, cell, topo)
	}
	for _, n := range topo.Nodes {
		if why, ok := r.Unreachable[n.Name]; ok {
			fmt.Fprintf(&b, "%s can not be asked: %s\n", n.Name, tui.Safe(why))
		}
	}
	for _, node := range slices.Sorted(maps.Keys(r.Damaged)) {
		fmt.Fprintf(&b, "note: %s keeps damaged files in its storage directory, to be looked at: %s\n", node,
			tui.Safe(strings.Join(r.Damaged[node], ", ")))
	}
	for i := range r.Encodings {
		printNote(&b, &r.Encodings[i])
	}
	if r.Equal {
		b.WriteString("equal on all " + strconv.Itoa(len(topo.Nodes)) + " nodes (numbers are points)\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// explainCell says who lacks what.
func explainCell(b *strings.Builder, c *check.Cell, topo *ring.Topology) {
	for _, k := range c.Keys {
		fmt.Fprintf(b, "shard %d: %s:", c.Shard, tui.Safe(k.Key))
		most := int64(0)
		for _, n := range k.Points {
			most = max(most, n)
		}
		for _, n := range topo.Nodes {
			points, ok := k.Points[n.Name]
			switch {
			case !ok:
			case points < most:
				fmt.Fprintf(b, " %s lacks %d of %d points;", n.Name, most-points, most)
			default:
				fmt.Fprintf(b, " %s has %d;", n.Name, points)
			}
		}
		b.WriteString("\n")
	}
	if c.More > 0 {
		fmt.Fprintf(b, "shard %d: %s: and %d more keys\n", c.Shard, c.Period, c.More)
	}
}

// printNote says what one node's Redis processes need, with the lines to type.
func printNote(w io.Writer, n *advise.Note) {
	word := "note"
	if n.Warning {
		word = "warning"
	}
	fmt.Fprintf(w, "%s: %s, shards %s: %s\n", word, n.Node, strings.Trim(fmt.Sprint(n.Shards), "[]"), n.Text)
	if !n.Warning {
		fmt.Fprint(w, "  a flock's period is in its topology file and in its keys, so choose it for a new flock; then\n")
	}
	for _, p := range n.Processes {
		fmt.Fprintf(w, "  redis-cli -u %s %s\n", tui.Safe(p), n.ConfigSet)
	}
	fmt.Fprintf(w, "  in redis.conf: %s\n", n.RedisConf)
	if n.Warning {
		fmt.Fprint(w, "  keys that are skiplists already stay so until their period is dropped\n")
	}
}
