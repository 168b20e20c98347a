package muster

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/tui"
)

// Print writes a report as two tables and the list of problems. Neighbouring shards of a node that fare alike stand in
// one row, with their sums and the worst of their lags, unless each is wanted.
func Print(w io.Writer, r *Report, each bool) error {
	header := fmt.Sprintf("flock %s at %s: %s, %s\n\n", tui.Safe(r.Cluster), clock(r.At), plural(len(r.Nodes), "node"),
		plural(len(r.Problems), "problem"))
	if _, err := io.WriteString(w, header); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	var shards, links [][]string
	for _, n := range r.Nodes {
		shards = append(shards, n.shardRows(each)...)
		links = append(links, n.linkRows()...)
	}
	err := tui.Table(w, []string{
		"node", "site", "store", "shards", "state", "lag", "lacks", "points", "MiB", "divergence",
	}, shards)
	if err == nil && len(links) > 0 {
		_, err = io.WriteString(w, "\n")
	}
	if err == nil && len(links) > 0 {
		err = tui.Table(w, []string{
			"node", "follows", "state", "lag", "complete up to", "proven equal", "all the same", "MiB moved",
		}, links)
	}
	if err != nil || len(r.Problems) == 0 {
		return err
	}
	var b strings.Builder
	b.WriteString("\n")
	for _, p := range r.Problems {
		b.WriteString("! " + tui.Safe(p) + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (n *Node) shardRows(each bool) (rows [][]string) {
	if n.Error != "" {
		return [][]string{{n.Name, n.Site, "", "", "can not be asked"}}
	}
	for i := 0; i < len(n.Shards); {
		sum := n.Shards[i]
		j := i + 1
		for ; !each && j < len(n.Shards) && sum.alike(&n.Shards[j]); j++ {
			sum.join(&n.Shards[j])
		}
		ids := strconv.Itoa(n.Shards[i].ID)
		if j > i+1 {
			ids += "–" + strconv.Itoa(n.Shards[j-1].ID)
		}
		rows = append(rows, []string{
			n.Name, n.Site, n.Store, ids, sum.State, sum.lag(), count(sum.Lacks), count(sum.Points), mib(sum.Bytes),
			sum.divergence(),
		})
		i = j
	}
	return rows
}

// alike says that two shards may stand in one row.
func (s *Shard) alike(o *Shard) bool {
	return s.State == o.State && s.LagMillis < 0 == (o.LagMillis < 0) &&
		s.Divergence+o.Divergence+s.Different+o.Different == 0
}

func (s *Shard) join(o *Shard) {
	s.LagMillis = max(s.LagMillis, o.LagMillis)
	s.Bytes += o.Bytes
	s.Lacks, s.Points = plus(s.Lacks, o.Lacks), plus(s.Points, o.Points)
}

func plus(a, b int64) int64 {
	if a < 0 || b < 0 {
		return Unknown
	}
	return a + b
}

func (s *Shard) lag() string {
	if s.State == "alone" {
		return "-"
	}
	return lagText(s.LagMillis)
}

func (s *Shard) divergence() string {
	if s.Lacks == Unknown {
		return "-" // it speaks no log, so nothing is proven of it
	}
	if s.Different > 0 {
		return fmt.Sprintf("%d, %d hours differ", s.Divergence, s.Different)
	}
	return count(s.Divergence)
}

func (n *Node) linkRows() (rows [][]string) {
	for _, l := range n.Links {
		lag := lagText(l.LagMillis)
		if !l.Up {
			lag = "cut off"
		}
		rows = append(rows, []string{
			n.Name, l.Peer, l.State, lag, clock(l.Complete), clock(l.Proven), clock(l.Same), mib(l.Bytes),
		})
	}
	return rows
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05")
}

func lagText(millis int64) string {
	switch d := time.Duration(millis) * time.Millisecond; {
	case millis < 0:
		return "not known"
	case d < time.Second:
		return fmt.Sprintf("%d ms", millis)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

func count(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
