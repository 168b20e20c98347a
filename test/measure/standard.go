package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The servers have the first processor, the generator the second, whatever runs besides.
var (
	onServer    = []string{"taskset", "-c", "0"}
	onGenerator = []string{"taskset", "-c", "1"}
)

// runStandard measures dunlin beside redis-server on the standard sizes.
func (m *measurement) runStandard(ctx context.Context) (*section, error) {
	if runtime.NumCPU() < 2 {
		return nil, errors.New("two processors are needed: one for the server, one for the generator")
	}
	groups := m.standardGroups()
	wanted := strings.FieldsFunc(os.Getenv("ROWS"), func(r rune) bool { return r == ',' })
	var s standardResult
	for i := range groups {
		g := &groups[i]
		if len(wanted) > 0 {
			g.rows = slices.DeleteFunc(g.rows, func(r benchRow) bool { return !slices.Contains(wanted, r.id) })
		}
		if len(g.rows) == 0 {
			continue
		}
		if err := m.measureGroup(ctx, g, &s); err != nil {
			return nil, err
		}
	}
	if len(wanted) == 0 || slices.Contains(wanted, "redis-benchmark") {
		if err := m.redisBenchmark(ctx, &s); err != nil {
			return nil, err
		}
	}
	sec := m.standardSection(&s)
	fmt.Fprintln(m.out, "\n"+sec.text)
	return sec, nil
}

// standardResult is what was measured so far.
type standardResult struct {
	rows     []rowResult
	leftOut  []string
	commands [][3]string // name, dunlin, redis of redis-benchmark
}

type rowResult struct {
	benchRow
	title  string
	args   []string
	report *benchReport
}

// pair is a node and what it is compared with, both new and both on the first processor.
type pair struct {
	dunlin, other         *process
	dunlinAddr, otherAddr string
	dir                   string
}

// pairing says what a pair is: what a node is given, and how the other server is started.
type pairing struct {
	node  func(dir string) []string
	other func(dir string, port int) []string
}

// inMemory is a node without a disk and a redis-server without one.
func (m *measurement) inMemory() pairing {
	return pairing{
		node: func(string) []string { return []string{"--storage.path", ""} },
		other: func(dir string, port int) []string {
			return []string{
				m.redis, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--appendonly", "no", "--dir", dir,
			}
		},
	}
}

func (m *measurement) startPair(ctx context.Context, kind pairing) (*pair, error) {
	dir, err := os.MkdirTemp("", "dunlin-measure-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	p := &pair{dir: dir}
	if err := p.start(ctx, m, kind); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *pair) start(ctx context.Context, m *measurement, kind pairing) error {
	a, err1 := freePort()
	b, err2 := freePort()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p.dunlinAddr, p.otherAddr = fmt.Sprintf("127.0.0.1:%d", a), fmt.Sprintf("127.0.0.1:%d", b)
	var err error
	if p.dunlin, err = startProcess(p.dir, "", "dunlin", slices.Concat(onServer,
		m.nodeArgs(p.dunlinAddr), kind.node(p.dir))...); err != nil {
		return err
	}
	if p.other, err = startProcess(p.dir, "", "other", slices.Concat(onServer, kind.other(p.dir, b))...); err != nil {
		return err
	}
	if err := awaitAnswer(ctx, p.dunlin, p.dunlinAddr, ""); err != nil {
		return err
	}
	return awaitAnswer(ctx, p.other, p.otherAddr, "")
}

// nodeArgs starts a node without a page.
func (m *measurement) nodeArgs(addr string) []string {
	return []string{m.dunlin, "node", "--resp.listen-address", addr, "--web.listen-address", ""}
}

func (p *pair) stop() {
	for _, x := range []*process{p.dunlin, p.other} {
		if x != nil {
			x.stop()
		}
	}
	_ = os.RemoveAll(p.dir)
}

// measureGroup runs the rows of a group one after the other on one pair.
func (m *measurement) measureGroup(ctx context.Context, g *benchGroup, s *standardResult) error {
	p, err := m.startPair(ctx, m.inMemory())
	if err != nil {
		return err
	}
	defer p.stop()
	return m.measureRows(ctx, p, g, s)
}

// measureRows runs rows one after the other. Each goes on where the one before ended, so that no point is written
// twice. A row that fails is left out, and named.
func (m *measurement) measureRows(ctx context.Context, p *pair, g *benchGroup, s *standardResult) error {
	at := yesterday()
	for _, row := range g.rows {
		title := row.title(g)
		m.say("%s: %s", row.id, title)
		args := append(slices.Clone(row.args), "--hosts", strconv.Itoa(g.hosts), "--ticks", strconv.Itoa(row.ticks),
			"--rounds", strconv.Itoa(row.rounds), "--start", at.Format(time.RFC3339))
		if row.fill > 0 {
			args = append(args, "--fill", strconv.Itoa(row.fill))
		}
		began := time.Now()
		report, err := m.bench(ctx, onGenerator, append([]string{
			"--url", "redis://" + p.dunlinAddr, "--against", "redis://" + p.otherAddr,
		}, args...)...)
		at = at.Add(time.Duration(row.fill+row.rounds*row.ticks) * benchInterval)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.say("%s: LEFT OUT: %v", row.id, err)
			s.leftOut = append(s.leftOut, title)
			continue
		}
		a, b := report.Servers[0].Median, report.Servers[1].Median
		m.say("%s: %.3f and %.3f CPU-s per million points, %s, in %s", row.id, a.CPUPerMillion, b.CPUPerMillion,
			times(b.CPUPerMillion, a.CPUPerMillion), time.Since(began).Round(time.Second))
		s.rows = append(s.rows, rowResult{row, title, args, report})
	}
	return nil
}

// redisBenchmark runs the tool of that name on both.
func (m *measurement) redisBenchmark(ctx context.Context, s *standardResult) error {
	p, err := m.startPair(ctx, m.inMemory())
	if err != nil {
		return err
	}
	defer p.stop()
	m.say("redis-benchmark: ping, set, get, incr, sadd, zadd")
	found := [2]map[string]string{}
	var names []string
	for i, addr := range []string{p.dunlinAddr, p.otherAddr} {
		_, port, _ := strings.Cut(addr, ":")
		argv := append(slices.Clone(onGenerator), "redis-benchmark", "-p", port, "-t", "ping,set,get,incr,sadd,zadd",
			"-P", "16", "-n", m.requests(), "-q")
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
		if err != nil {
			return fmt.Errorf("redis-benchmark: %w", err)
		}
		found[i] = parseRedisBenchmark(string(out))
		for name := range found[i] {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		s.commands = append(s.commands, [3]string{name, found[0][name], found[1][name]})
	}
	return nil
}

func (m *measurement) requests() string {
	if m.quick {
		return "200000"
	}
	return "1000000"
}

// parseRedisBenchmark reads lines "SET: 123456.78 requests per second, p50=0.4 msec"; between them stand others, ended
// by carriage returns, that show progress.
func parseRedisBenchmark(out string) map[string]string {
	found := map[string]string{}
	for _, line := range strings.FieldsFunc(out, func(r rune) bool { return r == '\r' || r == '\n' }) {
		name, rest, ok := strings.Cut(line, ": ")
		rate, _, ok2 := strings.Cut(rest, " requests per second")
		if ok && ok2 {
			whole, _, _ := strings.Cut(rate, ".")
			found[strings.TrimSpace(name)] = whole
		}
	}
	return found
}
