package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dunlin-db/dunlin/internal/bench"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// benchFlags are what the command line says.
type benchFlags struct {
	load            bench.Load
	server, against bench.Server
	form, other     string
	passwordFile    string
	asJSON          bool
}

func benchCmd() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench --url redis://host:port [--against redis://host:port]",
		Short: "Load a server with the standard mix and say what a point costs it",
		Long: "Write the standard mix of 20 metrics a host, tick by tick, as fast as the server takes it, and print\n" +
			"points per second, the server's CPU time per million points and its bytes per point; with --against\n" +
			"the same work on another server, and the ratios. Nothing is deleted afterwards: use servers made for it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.server.URL, "url", "redis://127.0.0.1:6390", "the server")
	fl.StringVar(&f.against.URL, "against", "", "a server to compare with")
	fl.StringVar(&f.form, "form", "zadd", "zadd or zadd+journal (the pair that seed-style writers send)")
	fl.StringVar(&f.other, "against-form", "zadd+journal", "the form for --against")
	fl.IntVar(&f.server.PID, "pid", 0, "process of the server, for its CPU time (default what INFO says)")
	fl.IntVar(&f.against.PID, "against-pid", 0, "process of the server to compare with")
	fl.StringVar(&f.passwordFile, "password-file", "", "file with the password of both")
	fl.IntVar(&f.load.Hosts, "hosts", 1000, "hosts")
	fl.IntVar(&f.load.Metrics, "metrics", 20, "metrics a host")
	fl.IntVar(&f.load.Ticks, "ticks", 0, "points a series (default 60, or as many as fit in --duration)")
	fl.DurationVar(&f.load.Interval, "interval", 10*time.Second, "time between two points of a series")
	fl.DurationVar(&f.load.Duration, "duration", 0, "end after this time")
	fl.IntVar(&f.load.Pipeline, "pipeline", 128, "commands on their way per connection")
	fl.IntVar(&f.load.Clients, "clients", 1, "connections")
	fl.Uint64Var(&f.load.Seed, "seed", 1, "seed of the values")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// benchReport is what --json prints.
type benchReport struct {
	Result  bench.Result       `json:"result"`
	Against *bench.Result      `json:"against,omitempty"`
	Ratios  map[string]float64 `json:"ratios,omitempty"` // above 1 = better than the other
}

func (f *benchFlags) run(cmd *cobra.Command) error {
	if f.load.Ticks == 0 && f.load.Duration == 0 {
		f.load.Ticks = 60
	}
	f.server.Form, f.against.Form = bench.Form(f.form), bench.Form(f.other)
	for _, form := range []bench.Form{f.server.Form, f.against.Form} {
		if form != bench.FormZADD && form != bench.FormZADDJournal {
			return fmt.Errorf("form %q: want zadd or zadd+journal", form)
		}
	}
	if f.passwordFile != "" {
		pw, err := ring.ReadPassword(f.passwordFile)
		if err != nil {
			return err
		}
		f.server.Password, f.against.Password = pw, pw
	}
	f.load.Now = time.Now()
	var report benchReport
	var err error
	if report.Result, err = f.one(cmd, f.server); err != nil {
		return err
	}
	if f.against.URL != "" {
		other, err := f.one(cmd, f.against)
		if err != nil {
			return errors.Join(report.show(cmd.OutOrStdout(), f.asJSON), err) // what was measured is worth seeing
		}
		report.Against = &other
		report.Ratios = map[string]float64{
			"points_per_second":                     ratio(report.Result.PointsPerSec, other.PointsPerSec),
			"server_cpu_seconds_per_million_points": ratio(other.CPUPerMillion, report.Result.CPUPerMillion),
			"bytes_per_point":                       ratio(other.BytesPerPoint, report.Result.BytesPerPoint),
		}
	}
	err = report.show(cmd.OutOrStdout(), f.asJSON)
	if err == nil && report.Result.Errors > 0 {
		err = fmt.Errorf("%d error replies, the first: %s", report.Result.Errors, tui.Safe(report.Result.FirstError))
	}
	return err
}

func (f *benchFlags) one(cmd *cobra.Command, s bench.Server) (bench.Result, error) {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	load := f.load
	if term.IsTerminal(int(os.Stderr.Fd())) {
		bar := progressbar.NewOptions(load.Points(), progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(s.URL), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		load.Progress = func(points int) { _ = bar.Add(points) } // a bar that fails is no reason to stop
		defer func() { _ = bar.Finish() }()
	}
	return bench.Run(ctx, s, load)
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (r *benchReport) show(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	return r.print(w)
}

func (r *benchReport) print(w io.Writer) error {
	header := []string{"", orWord(r.Result.Server, "server") + " " + string(r.Result.Form)}
	rows := [][]string{
		{"points"}, {"errors"}, {"seconds"}, {"points/s"}, {"server CPU-s per million points"}, {"bytes per point"},
	}
	add := func(b bench.Result) {
		for i, cell := range []string{
			strconv.FormatInt(b.Points, 10), strconv.FormatInt(b.Errors, 10), decimals(b.Seconds, 2),
			decimals(b.PointsPerSec, 0), decimals(b.CPUPerMillion, 3), decimals(b.BytesPerPoint, 2),
		} {
			rows[i] = append(rows[i], cell)
		}
	}
	add(r.Result)
	if r.Against != nil {
		header = append(header, orWord(r.Against.Server, "other")+" "+string(r.Against.Form), "better by")
		add(*r.Against)
		rows[3] = append(rows[3], decimals(r.Ratios["points_per_second"], 2)+"×")
		rows[4] = append(rows[4], decimals(r.Ratios["server_cpu_seconds_per_million_points"], 2)+"×")
		rows[5] = append(rows[5], decimals(r.Ratios["bytes_per_point"], 2)+"×")
	}
	return tui.Table(w, header, rows)
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

func decimals(f float64, n int) string { return strconv.FormatFloat(f, 'f', n, 64) }
