package main

import (
	"fmt"
	"strings"
	"time"
)

// benchInterval is the time between two points of a series, the default of dunlin bench.
const benchInterval = 10 * time.Second

// benchGroup is rows that share a pair of servers and what they hold.
type benchGroup struct {
	hosts int
	rows  []benchRow
}

// benchRow is one run of dunlin bench.
type benchRow struct {
	id     string
	text   string // SERIES and FILL are put in
	args   []string
	fill   int // ticks before
	ticks  int // of each round
	rounds int
	memory string // what the memory table calls it, "" = not in it
}

func (r *benchRow) title(g *benchGroup) string {
	return strings.NewReplacer("SERIES", thousands(g.hosts*20), "FILL", thousands(r.fill)).Replace(r.text)
}

func (r *rowResult) has(flag string) bool {
	for _, a := range r.args {
		if a == flag {
			return true
		}
	}
	return false
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// standardGroups are the standard sizes, or their small sisters.
func (m *measurement) standardGroups() []benchGroup {
	rounds, fill, ticks, million, long := 5, 1440, 50, 50000, 100
	if m.quick {
		rounds, fill, ticks, million, long = 3, 240, 5, 5000, 10
	}
	p128, p1024 := []string{"--pipeline", "128", "--batches", "1"}, []string{"--pipeline", "1024", "--batches", "1"}
	with := func(a []string, b ...string) []string { return append(append([]string(nil), a...), b...) }
	mix := func(name string) benchGroup {
		return benchGroup{200, []benchRow{{
			id: "mix-" + name, text: "mix " + name + ", SERIES series, FILL points each before, pipeline 128",
			args: with(p128, "--mix", name), fill: fill - rounds*40, ticks: 40, rounds: rounds, memory: "mix " + name,
		}}}
	}
	return []benchGroup{
		{1000, []benchRow{
			{
				id: "fresh", text: "SERIES new series (below 128 points), pipeline 128", args: p128, ticks: 120 / rounds,
				rounds: rounds, memory: "short series",
			},
		}},
		{1000, []benchRow{{
			id: "madd", text: "SERIES new series, `DN.MADD`, a host's 20 metrics a command", rounds: rounds,
			args: with(p128, "--form", "madd"), ticks: 120 / rounds,
		}}},
		{1000, []benchRow{
			{
				id: "day", text: "SERIES series, FILL points each before, pipeline 128", args: p128, fill: fill,
				ticks: ticks, rounds: rounds, memory: "standard mix",
			},
			{id: "deep", text: "the same, pipeline 1024", args: p1024, ticks: ticks, rounds: rounds},
			{
				id: "day-madd", text: "the same, `DN.MADD`, a host's 20 metrics a command, pipeline 128", rounds: rounds,
				args: with(p128, "--form", "madd"), ticks: ticks,
			},
			{
				id: "clients", text: "the same, 1,000 connections, pipeline 40", ticks: ticks, rounds: rounds,
				args: []string{"--clients", "1000", "--pipeline", "40", "--batches", "1"},
			},
			{
				id: "late", text: "the same, one connection, pipeline 128, 10 % of the points late", ticks: ticks,
				args: with(p128, "--late", "10%"), rounds: rounds,
			},
			{id: "drop", text: "the same, then that day is dropped", args: with(p128, "--drop"), ticks: 1, rounds: 1},
		}},
		{million, []benchRow{{
			id: "million", text: "SERIES live series, FILL points each before, pipeline 128", args: p128, fill: 5, ticks: 1,
			rounds: rounds, memory: "many short series",
		}}},
		{long, []benchRow{{
			id: "reads", text: "SERIES series, FILL points each before, pipeline 128", rounds: rounds,
			args: with(p128, "--reads", "--fill-pack", "1"), memory: "standard mix",
			fill: 8640 - rounds*4000/long, ticks: 4000 / long,
		}}},
		mix("floats"), mix("idle"), mix("integers"),
	}
}

// standardSection puts the tables together.
func (m *measurement) standardSection(s *standardResult) *section {
	var b strings.Builder
	fmt.Fprintf(&b, "## Dunlin beside redis-server\n\n`%s`: %s\n\n", command("bench", "QUICK", "ROWS"),
		m.machine(m.dunlin, m.redis))
	b.WriteString("Both servers are pinned to one processor, the generator to another; memory only; in turn, round by " +
		"round; each figure is\nthe median of its rounds. Dunlin gets `ZADD`, and keeps its journal itself; Redis gets " +
		"the pair of commands that writers\nof 2012 send, `ZADD` to the series and `ZADD` to the journal. CPU is the " +
		"server's, in seconds per million points.\n\n")
	b.WriteString(s.loads())
	b.WriteString("\nBytes of memory per point, everything counted:\n\n" + s.memories())
	if reads := s.reads(); reads != "" {
		b.WriteString("\nReads, after the row with as many series; CPU of the server in µs a query, times in µs:\n\n" + reads)
	}
	b.WriteString(s.drops())
	if len(s.commands) > 0 {
		fmt.Fprintf(&b, "\n`redis-benchmark -t ping,set,get,incr,sadd,zadd -P 16 -n %s`, requests per second:\n\n",
			m.requests())
		var rows [][]string
		for _, c := range s.commands {
			rows = append(rows, c[:])
		}
		b.WriteString(table([]string{"", "Dunlin", "Redis"}, rows))
	}
	for _, text := range s.leftOut {
		fmt.Fprintf(&b, "\nNot measured in this run: %s.\n", text)
	}
	b.WriteString("\nThe commands, each on servers as above (`taskset -c 0 dunlin node --storage.path \"\"`, " +
		"`taskset -c 0 redis-server --save \"\"\n--appendonly no`), rows of one size on the same two:\n\n```\n")
	for _, r := range s.rows {
		fmt.Fprintf(&b, "taskset -c 1 dunlin bench --url … --against … %s\n", strings.Join(r.args, " "))
	}
	b.WriteString("```\n")
	return &section{name: "standard", text: b.String()}
}

func (s *standardResult) loads() string {
	var rows [][]string
	for _, r := range s.rows {
		if r.has("--drop") {
			continue
		}
		a, b := &r.report.Servers[0].Median, &r.report.Servers[1].Median
		rows = append(rows, []string{
			r.title, fmt.Sprintf("%.3f", a.CPUPerMillion), fmt.Sprintf("%.3f", b.CPUPerMillion),
			times(b.CPUPerMillion, a.CPUPerMillion), thousands(int(a.PointsPerSec)), thousands(int(b.PointsPerSec)),
		})
	}
	return table([]string{"load", "CPU, Dunlin", "CPU, Redis", "less by", "points/s, Dunlin", "points/s, Redis"}, rows)
}

func (s *standardResult) memories() string {
	var rows [][]string
	for _, r := range s.rows {
		if r.memory == "" {
			continue
		}
		a, b := &r.report.Servers[0].Memory, &r.report.Servers[1].Memory
		series := 20
		for i, arg := range r.args {
			if arg == "--hosts" {
				hosts := int(number(r.args[i+1]))
				series = hosts * 20
			}
		}
		rows = append(rows, []string{
			fmt.Sprintf("%s, %s × %s", r.memory, thousands(series), thousands(r.fill+r.rounds*r.ticks)),
			fmt.Sprintf("%.2f", a.UsedPerPoint), fmt.Sprintf("%.2f", b.UsedPerPoint),
			times(b.UsedPerPoint, a.UsedPerPoint), fmt.Sprintf("%.2f", a.RSSPerPoint), fmt.Sprintf("%.2f", b.RSSPerPoint),
		})
	}
	return table([]string{
		"", "used_memory, Dunlin", "used_memory, Redis", "less by", "resident, Dunlin", "resident, Redis",
	}, rows)
}

func (s *standardResult) reads() string {
	var rows [][]string
	for _, r := range s.rows {
		a, b := r.report.Servers[0].Median.Reads, r.report.Servers[1].Median.Reads
		for i := range min(len(a), len(b)) {
			rows = append(rows, []string{
				a[i].Name, fmt.Sprintf("%.1f", a[i].CPU), fmt.Sprintf("%.1f", b[i].CPU), times(b[i].CPU, a[i].CPU),
				fmt.Sprintf("%.0f / %.0f", a[i].Latency.P50, a[i].Latency.P99),
				fmt.Sprintf("%.0f / %.0f", b[i].Latency.P50, b[i].Latency.P99),
			})
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return table([]string{"", "CPU, Dunlin", "CPU, Redis", "less by", "p50 / p99, Dunlin", "p50 / p99, Redis"}, rows)
}

func (s *standardResult) drops() string {
	for _, r := range s.rows {
		a, b := r.report.Servers[0].Drop, r.report.Servers[1].Drop
		if a == nil || b == nil {
			continue
		}
		row := func(name string, get func(*benchDrop) float64) []string {
			return []string{name, fmt.Sprintf("%.1f", get(a)), fmt.Sprintf("%.1f", get(b))}
		}
		return "\nDropping a day of the first rows' series, beside a client that goes on:\n\n" +
			table([]string{"", "Dunlin", "Redis"}, [][]string{
				row("ms until the reply", func(d *benchDrop) float64 { return d.Seconds * 1000 }),
				row("CPU of the server, ms", func(d *benchDrop) float64 { return d.CPU * 1000 }),
				row("the client's p99 before, µs", func(d *benchDrop) float64 { return d.Before.P99 }),
				row("the client's p99 meanwhile, µs", func(d *benchDrop) float64 { return d.Probe.P99 }),
				row("its longest wait, µs", func(d *benchDrop) float64 { return d.Probe.Max }),
				row("resident before, MiB", func(d *benchDrop) float64 { return d.RSSBefore / (1 << 20) }),
				row("resident after, MiB", func(d *benchDrop) float64 { return d.RSSAfter / (1 << 20) }),
			})
	}
	return ""
}

// times says how many times a is b.
func times(a, b float64) string {
	if b <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f×", a/b)
}
