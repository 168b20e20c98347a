package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// diskResult is what a node with a log costs, and what its restart takes.
type diskResult struct {
	memory, redis standardResult // beside the same node without a log; beside Redis with one
	logBytes      float64        // of a point, of all rows
	points        float64        // over which they start
	periodBytes   float64        // of a point
	starts        []*restart
}

// restart is one start of a server over the points of a day.
type restart struct {
	name    string
	process **process
	addr    string
	argv    []string
	end     syscall.Signal

	accepting, complete time.Duration // since the process was started
	before, peak        int64         // resident bytes: before it ended; at most, when complete
}

// runDisk measures a node with its log on, beside one without and beside redis-server with an append-only file.
func (m *measurement) runDisk(ctx context.Context) (*section, error) {
	var r diskResult
	onDisk := func(dir string) []string {
		return []string{"--storage.path", filepath.Join(dir, "data"), "--storage.fsync", "1s"}
	}
	node := func(_ string, port int) []string {
		return append(m.nodeArgs(fmt.Sprintf("127.0.0.1:%d", port)), "--storage.path", "")
	}
	rows := m.diskRows()
	for i := range rows.rows { // written alike on both
		form := "zadd"
		if at := slices.Index(rows.rows[i].args, "--form"); at >= 0 {
			form = rows.rows[i].args[at+1]
		}
		rows.rows[i].args = append(slices.Clone(rows.rows[i].args), "--against-form", form)
	}
	if err := m.onPair(ctx, pairing{onDisk, node}, rows, &r.memory, func(*pair) error { return nil }); err != nil {
		return nil, err
	}
	redis := func(dir string, port int) []string {
		return []string{
			m.redis, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--appendonly", "yes",
			"--appendfsync", "everysec", "--dir", dir,
		}
	}
	beside := pairing{onDisk, redis}
	g := m.diskRows()
	if err := m.onPair(ctx, beside, g, &r.redis, func(p *pair) (err error) {
		info, err := infoOf(p.dunlinAddr)
		r.logBytes = number(info["log_bytes"]) / pointsOf(g.hosts, r.redis.rows)
		return err
	}); err != nil {
		return nil, err
	}
	g.rows = []benchRow{{
		id: "restart", text: "a day to start over", args: g.rows[0].args, fill: g.rows[0].fill, ticks: 1, rounds: 1,
	}}
	var filled standardResult
	if err := m.onPair(ctx, beside, g, &filled, func(p *pair) error {
		r.points = pointsOf(g.hosts, filled.rows)
		return m.restarts(ctx, p, beside, &r)
	}); err != nil {
		return nil, err
	}
	sec := m.diskSection(&r)
	fmt.Fprintln(m.out, "\n"+sec.text)
	return sec, nil
}

// diskRows are the rows of large keys.
func (m *measurement) diskRows() *benchGroup {
	g := m.standardGroups()[2]
	g.rows = slices.DeleteFunc(g.rows, func(r benchRow) bool { return r.id == "drop" || r.id == "late" })
	return &g
}

// onPair runs rows on a pair of servers, then what comes after.
func (m *measurement) onPair(
	ctx context.Context, kind pairing, g *benchGroup, s *standardResult, after func(*pair) error,
) error {
	p, err := m.startPair(ctx, kind)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := m.measureRows(ctx, p, g, s); err != nil {
		return err
	}
	return after(p)
}

// restarts kills both, starts them again, and ends and starts the node once more.
func (m *measurement) restarts(ctx context.Context, p *pair, kind pairing, r *diskResult) error {
	_, port, _ := strings.Cut(p.otherAddr, ":")
	node := append(m.nodeArgs(p.dunlinAddr), kind.node(p.dir)...)
	redis := kind.other(p.dir, int(number(port)))
	for _, s := range []*restart{
		{name: "Dunlin, killed", process: &p.dunlin, addr: p.dunlinAddr, argv: node, end: syscall.SIGKILL},
		{name: "Dunlin, ended by SIGTERM", process: &p.dunlin, addr: p.dunlinAddr, argv: node, end: syscall.SIGTERM},
		{name: "Redis, killed", process: &p.other, addr: p.otherAddr, argv: redis, end: syscall.SIGKILL},
	} {
		m.say("restart: %s", s.name)
		if err := s.run(ctx, p.dir); err != nil {
			return fmt.Errorf("restart: %s: %w", s.name, err)
		}
		m.say("%s: accepting after %s, complete after %s", s.name, s.accepting.Round(time.Millisecond),
			s.complete.Round(time.Millisecond))
		r.starts = append(r.starts, s)
		if s.end == syscall.SIGTERM {
			bytes, err := sizeOf(filepath.Join(p.dir, "data", "periods"))
			if err != nil {
				return err
			}
			r.periodBytes = float64(bytes) / r.points
		}
	}
	return nil
}

// run ends the server and starts it on both processors.
func (s *restart) run(ctx context.Context, dir string) error {
	before, err := (*s.process).used()
	if err != nil {
		return err
	}
	s.before = before.rss
	if err := (*s.process).cmd.Process.Signal(s.end); err != nil {
		return err
	}
	select {
	case <-(*s.process).gone:
	case <-time.After(5 * time.Minute):
		return errors.New("it does not end")
	}
	began := time.Now()
	if *s.process, err = startProcess(dir, "", "again", s.argv...); err != nil {
		return err
	}
	now := strconv.FormatInt(began.Unix(), 10)
	put := []string{"ZADD", began.UTC().Format(time.DateOnly) + ":probe:restart", now, now + ":1"}
	if s.accepting, err = s.until(ctx, began, func(c *plain.Conn) bool {
		_, err := c.Do(put...)
		return err == nil
	}); err != nil {
		return err
	}
	if s.complete, err = s.until(ctx, began, func(c *plain.Conn) bool {
		info, err := c.Info()
		return err == nil && info["loading"] == "0"
	}); err != nil {
		return err
	}
	s.peak, err = peakOf((*s.process).cmd.Process.Pid)
	return err
}

// until asks again and again, and gives how long after the start it was so.
func (s *restart) until(ctx context.Context, began time.Time, so func(*plain.Conn) bool) (time.Duration, error) {
	var c *plain.Conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for time.Since(began) < 5*time.Minute {
		if c == nil {
			c, _ = dial(s.addr, "") // not yet
		}
		if c != nil && so(c) {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-(*s.process).gone:
			return 0, fmt.Errorf("it ended: %s", (*s.process).tail())
		case <-time.After(2 * time.Millisecond): // between two questions
		}
	}
	return 0, errors.New("not within five minutes")
}

// pointsOf is how many points rows have written, those before them included.
func pointsOf(hosts int, rows []rowResult) (n float64) {
	for _, row := range rows {
		n += float64((row.fill + row.rounds*row.ticks) * hosts * 20)
	}
	return n
}

func infoOf(addr string) (map[string]string, error) {
	c, err := dial(addr, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	return c.Info()
}

// peakOf gives the most that was resident of a process, in bytes.
func peakOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read what was resident: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0, fmt.Errorf("read what was resident: %w", err)
	}
	return kib << 10, nil
}

// sizeOf adds up the files of a directory.
func sizeOf(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// diskSection puts the tables together.
func (m *measurement) diskSection(r *diskResult) *section {
	var b strings.Builder
	fmt.Fprintf(&b, "## With the log on\n\n`%s`: %s\n\n", command("bench-disk", "QUICK"), m.machine(m.dunlin, m.redis))
	b.WriteString("A node with `--storage.fsync 1s` beside a node in memory only, then beside redis-server with " +
		"`--appendonly yes\n--appendfsync everysec`; otherwise as above. CPU in seconds per million points.\n\n")
	var rows [][]string
	for i, with := range r.memory.rows {
		on, off := with.report.Servers[0].Median, with.report.Servers[1].Median
		row := []string{
			with.title, fmt.Sprintf("%.3f", off.CPUPerMillion), fmt.Sprintf("%.3f", on.CPUPerMillion),
			fmt.Sprintf("%+.0f %%", 100*(on.CPUPerMillion/off.CPUPerMillion-1)),
		}
		if i < len(r.redis.rows) {
			a, o := r.redis.rows[i].report.Servers[0].Median, r.redis.rows[i].report.Servers[1].Median
			row = append(row, fmt.Sprintf("%.3f", a.CPUPerMillion), fmt.Sprintf("%.3f", o.CPUPerMillion),
				times(o.CPUPerMillion, a.CPUPerMillion))
		}
		rows = append(rows, row)
	}
	b.WriteString(table([]string{
		"load", "memory only", "log on", "more", "log on, beside Redis", "Redis, everysec", "less by",
	}, rows))
	fmt.Fprintf(&b, "\nOn disk: %.2f bytes a point in the log (the rows and what came before), %.2f in period files.\n"+
		"\nStarts over %s points, on both processors; MiB resident before, and at most until complete:\n\n",
		r.logBytes, r.periodBytes, thousands(int(r.points)))
	rows = nil
	for _, s := range r.starts {
		rows = append(rows, []string{
			s.name, fmt.Sprintf("%.3f s", s.accepting.Seconds()), fmt.Sprintf("%.3f s", s.complete.Seconds()),
			fmt.Sprintf("%.1f", float64(s.before)/(1<<20)), fmt.Sprintf("%.1f", float64(s.peak)/(1<<20)),
		})
	}
	b.WriteString(table([]string{"", "takes writes after", "complete after", "resident before", "at most"}, rows))
	return &section{name: "disk", text: b.String()}
}
