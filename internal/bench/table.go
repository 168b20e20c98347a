package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/tui"
)

// Print writes the table for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	l := &r.Load
	fmt.Fprintf(&b, "machine  %s\n", r.machineLine())
	fmt.Fprintf(&b, "load     %s hosts × %d metrics, %s mix, seed %d, a tick is %s; %s\n", grouped(float64(l.Hosts), 0),
		l.Metrics, l.Mix, l.Seed, l.Interval, r.roundsLine())
	fmt.Fprintf(&b, "sent by  %s, pipeline %d in %d writes%s\n\n", count(l.Clients, "connection"), l.Pipeline, l.Batches,
		l.troubles())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	header, rows := r.table()
	if err := tui.Table(w, header, rows); err != nil {
		return err
	}
	b.Reset()
	for i, text := range r.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString("note: " + tui.Safe(text) + "\n")
	}
	if r.Incomplete {
		b.WriteString("\nnot complete: these are the rounds that were done\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Report) machineLine() string {
	m := r.Machine
	line := fmt.Sprintf("%d × %s", m.Cores, orWord(m.CPU, "CPU"))
	if m.Memory > 0 {
		line += fmt.Sprintf(", %.0f GiB", float64(m.Memory)/(1<<30))
	}
	line += ", " + m.Kernel
	if r.Pinned != "" {
		line += "; the generator may use CPU " + r.Pinned
	}
	return line
}

func (r *Report) roundsLine() string {
	l := &r.Load
	line := ""
	if l.Fill > 0 {
		line = grouped(float64(l.Fill), 0) + " ticks before it, "
	}
	what := grouped(float64(l.Ticks), 0) + " ticks"
	if l.Ticks == 0 {
		what = l.Duration.String()
	}
	done := len(r.Servers[0].Rounds)
	if done == 1 {
		return line + "1 round of " + what
	}
	return line + fmt.Sprintf("medians of %d rounds of %s", done, what)
}

// troubles names what is not as it should be, on purpose.
func (l *Load) troubles() string {
	line := ""
	if l.Late > 0 {
		line += fmt.Sprintf("; %g %% late", 100*l.Late)
	}
	if l.Dup > 0 {
		line += fmt.Sprintf("; %g %% repeated", 100*l.Dup)
	}
	if l.Realtime {
		line += "; at its time"
	}
	return line
}

func (r *Report) table() (header []string, rows [][]string) {
	header = []string{""}
	form, cpus := []string{"written as"}, []string{"may use CPU"}
	for _, s := range r.Servers {
		header = append(header, orWord(s.Server, "server"))
		form = append(form, string(s.Form))
		cpus = append(cpus, orWord(s.CPUs, "-"))
	}
	if len(r.Servers) == 2 {
		header = append(header, "better by")
	}
	rows = append(rows, form, cpus)
	for _, f := range r.Figures() {
		row := []string{f.Label}
		for _, v := range f.Values {
			if v == 0 {
				row = append(row, "-")
			} else {
				row = append(row, grouped(v, f.Decimals))
			}
		}
		if f.Ratio > 0 {
			row = append(row, grouped(f.Ratio, 2)+"×")
		}
		rows = append(rows, row)
	}
	return header, alignRight(header, rows)
}

// alignRight pads cells from the second column on, because words stand among the numbers.
func alignRight(header []string, rows [][]string) [][]string {
	for i := 1; i < len(header); i++ {
		width := len([]rune(header[i]))
		for _, row := range rows {
			if i < len(row) {
				width = max(width, len([]rune(row[i])))
			}
		}
		header[i] = pad(header[i], width)
		for _, row := range rows {
			if i < len(row) {
				row[i] = pad(row[i], width)
			}
		}
	}
	return rows
}

func pad(s string, width int) string { return strings.Repeat(" ", max(width-len([]rune(s)), 0)) + s }

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return grouped(float64(n), 0) + " " + word + "s"
}

// grouped writes a number with commas between thousands.
func grouped(f float64, n int) string {
	whole, rest, _ := strings.Cut(strconv.FormatFloat(f, 'f', n, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if n > 0 {
		whole += "." + rest
	}
	return whole
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}
