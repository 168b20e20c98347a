package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/advise"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// checkEvery is the pause between two looks while check waits for replicas to agree.
const checkEvery = 110 * time.Millisecond

// maxShown is how many different keys of a shard and period are named.
const maxShown = 20

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
			client, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			c := &checker{ask: client, topo: client.Topology(), period: period, whole: flags.topology == ""}
			report, err := c.run(cmd.Context(), wait)
			if err != nil {
				return err
			}
			if asJSON {
				err = tui.JSON(cmd.OutOrStdout(), report)
			} else {
				err = report.print(cmd.OutOrStdout(), c.topo)
			}
			if err == nil && !report.Equal {
				err = errDifferent
			}
			return err
		},
	}
	flags.add(cmd, 30*time.Second)
	cmd.Flags().StringVar(&period, "period", "", "look at this period only")
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "how long replicas may take to agree")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkReport is what check found.
type checkReport struct {
	Equal       bool              `json:"equal"`
	Cells       []*checkCell      `json:"cells"`
	Unreachable map[string]string `json:"unreachable,omitempty"` // node → why
	Encodings   []advise.Note     `json:"encodings,omitempty"`   // what would save memory; no part of the verdict
}

// checkCell is one shard of one period.
type checkCell struct {
	Period  string            `json:"period"`
	Shard   int               `json:"shard"`
	Verdict string            `json:"verdict"` // equal, alone, different or unreachable
	Nodes   map[string]digest `json:"nodes"`
	Keys    []keyDiff         `json:"keys,omitempty"`
	More    int               `json:"more_keys,omitempty"` // different keys beyond those in Keys
}

type digest struct {
	Keys   int64  `json:"keys"`
	Points int64  `json:"points"`
	Sum    string `json:"digest"`
}

// keyDiff is a key that is not the same everywhere.
type keyDiff struct {
	Key    string           `json:"key"`
	Points map[string]int64 `json:"points"` // per node
}

func (c *checkCell) settled() bool { return c.Verdict == "equal" || c.Verdict == "alone" }

// run looks until everything was equal once or the time is over, then names the keys that differ.
func (c *checker) run(ctx context.Context, wait time.Duration) (*checkReport, error) {
	if c.period != "" {
		if _, ok := c.topo.Layout.ParsePeriod([]byte(c.period)); !ok {
			return nil, fmt.Errorf("--period %q: want it as %s", c.period, c.topo.Layout)
		}
	}
	deadline := time.Now().Add(wait)
	c.cells = map[cellID]*checkCell{}
	for {
		c.look(ctx)
		if c.equal() || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("check: %w", ctx.Err())
		case <-time.After(checkEvery):
		}
	}
	for _, cell := range c.sorted() {
		if cell.Verdict == "different" {
			c.drill(ctx, cell)
		}
	}
	return &checkReport{
		Equal: c.equal(), Cells: c.sorted(), Unreachable: c.unreachable, Encodings: c.advice(ctx),
	}, nil
}

func (r *checkReport) print(w io.Writer, topo *ring.Topology) error {
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
		cell.explain(&b, topo)
	}
	for _, n := range topo.Nodes {
		if why, ok := r.Unreachable[n.Name]; ok {
			fmt.Fprintf(&b, "%s can not be asked: %s\n", n.Name, tui.Safe(why))
		}
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

// explain says who lacks what.
func (c *checkCell) explain(b *strings.Builder, topo *ring.Topology) {
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

// advice is about the nodes on Redis that answered; without a topology nothing says which those are.
func (c *checker) advice(ctx context.Context) []advise.Note {
	if c.whole {
		return nil
	}
	a := &advise.Advisor{Topology: c.topo, Node: c.ask, Process: advise.AskProcess}
	return a.Encodings(ctx, c.unreachable)
}
