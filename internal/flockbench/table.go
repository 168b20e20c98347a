package flockbench

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Row is a line of the table.
type Row struct {
	What  string
	Value string
	Most  string // what the design asks for, "" = nothing
}

func lagRow(what string, lags []time.Duration, rate int) Row {
	most := ""
	if rate == lowRate {
		most = "p99 150 ms"
	}
	return Row{what, fmt.Sprintf("%d / %d ms", part(lags, 0.5).Milliseconds(), part(lags, 0.99).Milliseconds()), most}
}

// Print writes the rows as a table that is also Markdown.
func Print(w io.Writer, rows []Row) error {
	cells := [][3]string{{"", "measured", "at most"}, {"---", "---:", "---:"}}
	for _, r := range rows {
		cells = append(cells, [3]string{r.What, r.Value, r.Most})
	}
	var width [3]int
	for _, line := range cells {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for n, line := range cells {
		for i, c := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			switch {
			case n == 1:
				pad = strings.Repeat("-", len(pad))
				fmt.Fprintf(&b, "| %s%s ", pad, c)
			case i == 0:
				fmt.Fprintf(&b, "| %s%s ", c, pad)
			default:
				fmt.Fprintf(&b, "| %s%s ", pad, c)
			}
		}
		b.WriteString("|\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func size(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
