package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Config is what to measure.
type Config struct {
	Load     Load
	Servers  []Server // one, or two to compare
	Version  string   // for the report
	Command  []string // for the report
	Pinned   bool     // the generator runs on one CPU
	Progress func(stage Stage, done int64)
}

// Stage is a part of the work that takes a while. While it lasts Progress is called with the points done, and once
// with -1 at its end.
type Stage struct {
	Server, Name string
	Points       int64 // that it will have; -1 = not known
}

// ErrInterrupted: the context was cancelled before the work was done.
var ErrInterrupted = errors.New("interrupted")

// Run puts the load on the servers, round by round in turn, and measures. With an error the report holds what was
// measured before, or is nil.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	b := &run{cfg: cfg, load: cfg.Load}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	b.report = &Report{
		Version: cfg.Version, Started: time.Now().UTC(), Machine: thisMachine(), Command: cfg.Command, Load: b.load,
		Pinned: allowedCPUs(), Cores: b.cores(),
	}
	err := b.work(ctx)
	b.finish()
	if err != nil {
		b.report.Incomplete = true
		if !slices.ContainsFunc(b.report.Servers, func(s *ServerReport) bool { return len(s.Rounds) > 0 }) {
			b.report = nil
		}
		return b.report, cause(ctx, err)
	}
	return b.report, nil
}

// run is one call of Run.
type run struct {
	cfg     Config
	load    Load
	targets []*target
	before  []sample
	report  *Report
}

func (b *run) prepare() error {
	if err := b.load.check(); err != nil {
		return err
	}
	if len(b.cfg.Servers) < 1 || len(b.cfg.Servers) > 2 {
		return errors.New("want one or two servers")
	}
	for _, s := range b.cfg.Servers {
		if err := s.check(); err != nil {
			return err
		}
	}
	if b.load.Realtime && len(b.cfg.Servers) > 1 {
		return errors.New("realtime loads one server: two can not both have their turn at the present")
	}
	if err := checkFiles(b.load.Clients); err != nil {
		return err
	}
	var err error
	b.load.total, err = b.load.window()
	return err
}

// cores is how many cores the generator can keep busy.
func (b *run) cores() int {
	if b.cfg.Pinned {
		return 1
	}
	return min(runtime.GOMAXPROCS(0), b.load.Clients)
}

func (b *run) work(ctx context.Context) error {
	for _, s := range b.cfg.Servers {
		if err := b.begin(ctx, s); err != nil {
			return err
		}
	}
	if b.load.Fill > 0 {
		for _, t := range b.targets {
			if err := t.runFill(ctx); err != nil {
				return err
			}
		}
	}
	for round := 1; round <= b.load.Rounds; round++ {
		if err := b.round(ctx, round); err != nil {
			return err
		}
	}
	if err := b.remember(ctx); err != nil {
		return err
	}
	for _, t := range b.targets {
		if !b.load.Drop || t.server.http() {
			continue
		}
		var err error
		if t.report.Drop, err = t.runDrop(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin looks at a server before anything is written.
func (b *run) begin(ctx context.Context, s Server) error {
	now, err := measure(ctx, &s)
	if err != nil {
		return err
	}
	if (s.Form == load.MADD || s.Form == load.MADDT) && !now.dunlin {
		return fmt.Errorf("form %s needs a Dunlin node; %s is %s", s.Form, s.name(), now.name)
	}
	t := newTarget(s, &b.load)
	t.dunlin, t.progress = now.dunlin, b.cfg.Progress
	t.report.Server, t.report.PID, t.report.CPUs = now.name, now.pid, now.cpus
	b.targets = append(b.targets, t)
	b.before = append(b.before, now)
	b.report.Servers = append(b.report.Servers, t.report)
	return nil
}

// round measures one round of each server.
func (b *run) round(ctx context.Context, round int) error {
	for _, t := range b.targets {
		r, err := t.runRound(ctx, round)
		if err != nil {
			return err
		}
		if r.Points == 0 {
			return fmt.Errorf("round %d: no tick is left before now: fewer rounds, or a shorter duration", round)
		}
		if b.load.Reads > 0 && !t.server.http() {
			if r.Reads, err = t.runReads(ctx, round); err != nil {
				return err
			}
		}
		t.report.Rounds = append(t.report.Rounds, r)
	}
	return nil
}

// remember takes the memory that the points cost.
func (b *run) remember(ctx context.Context) error {
	for i, t := range b.targets {
		now, err := measure(ctx, &t.server)
		if err != nil {
			return err
		}
		t.report.Memory = memory(b.before[i], now, t.held())
	}
	return nil
}

// held is how many points the server has more than before: by its own count where its replies say.
func (t *target) held() int64 {
	switch t.server.Form {
	case load.TSAdd, load.TSMAdd, load.Write:
		return t.sent()
	}
	return t.added.Load()
}

// sent is how many different points were sent.
func (t *target) sent() int64 {
	n := t.filled.Load()
	for _, r := range t.report.Rounds {
		n += r.Points
	}
	return n
}

// finish computes medians, ratios and warnings.
func (b *run) finish() {
	for _, t := range b.targets {
		t.report.Median = medianRound(t.report.Rounds)
		b.warn(t)
	}
	b.report.Load = b.load
	b.report.Ratios = map[string]float64{}
	for _, f := range b.report.Figures() {
		if f.Ratio > 0 {
			b.report.Ratios[f.Key] = f.Ratio
		}
	}
	if len(b.report.Servers) == 2 {
		b.compare()
	}
}

// busyLimit is the share of its cores above which the generator may be what limits the points per second.
const busyLimit = 0.9

func (b *run) warn(t *target) {
	add := func(format string, args ...any) {
		b.report.Warnings = append(b.report.Warnings, t.server.name()+": "+fmt.Sprintf(format, args...))
	}
	m := &t.report.Median
	if m.GeneratorBusy > busyLimit*float64(b.report.Cores) {
		add("the generator was %.0f %% busy: points/s is its limit, not the server's; trust CPU per point",
			100*m.GeneratorBusy/float64(b.report.Cores))
	}
	if m.CPUSeconds > 0 && m.CPUSeconds < 0.2 {
		add("only %.2f s of server CPU a round: within the clock's 10 ms it says little; more ticks or hosts", m.CPUSeconds)
	}
	if t.report.PID == 0 && m.CPUSeconds == 0 {
		add("its CPU time is not known: it runs elsewhere and does not say; give --pid if it runs here")
	}
	var errors int64
	first := ""
	for _, r := range t.report.Rounds {
		errors += r.Errors
		if first == "" {
			first = r.FirstError
		}
	}
	if errors > 0 {
		add("%d error replies, the first: %s", errors, quoted(first))
	}
	if missing := t.sent() - t.held(); missing > 0 && errors == 0 && t.report.Memory.Points > 0 {
		add("%d of %d points were there already: bytes per point count the new ones only, speed is that of repeats",
			missing, t.sent())
	}
}

// compare warns of what makes two servers incomparable.
func (b *run) compare() {
	x, y := b.report.Servers[0], b.report.Servers[1]
	for i := range min(len(x.Median.Reads), len(y.Median.Reads)) {
		a, c := x.Median.Reads[i], y.Median.Reads[i]
		if d := a.Members - c.Members; d > 0.02*c.Members || -d > 0.02*c.Members {
			b.report.Warnings = append(b.report.Warnings, fmt.Sprintf("%s: replies of %.0f and %.0f members: not the same work",
				a.Name, a.Members, c.Members))
		}
	}
	if x.CPUs != y.CPUs && x.CPUs != "" && y.CPUs != "" {
		b.report.Warnings = append(b.report.Warnings,
			fmt.Sprintf("the servers may run on different CPUs: %s and %s", x.CPUs, y.CPUs))
	}
}
