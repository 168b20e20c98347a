package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/dunlin-db/dunlin/internal/bench"
	"github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/load"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// benchFlags are what the command line says.
type benchFlags struct {
	load            bench.Load
	server, against bench.Server
	form, other     string
	late, dup, mix  string
	start           string
	passwordFile    string
	reads, pin      bool
	readTime        time.Duration
	asJSON          bool
}

const benchLong = `Write made-up metrics of a fleet, tick by tick, as fast as the server takes them, and print what that
cost it: points per second, the server's CPU time per million points, its memory per point, and the time of a batch.
With --against the same work goes to another server, in turn, and the table says how many times better the first is.
With --reads it also asks as dashboards do, with --drop it drops the day at the end.

Nothing is deleted but by --drop: use servers that hold nothing else. What the figures mean: docs/bench.md.`

const benchExamples = `  # a node, and Redis with the pair of commands that writers of 2012 send; medians of 5
  dunlin bench --url redis://127.0.0.1:6390 --against redis://127.0.0.1:6379 --rounds 5 --pin

  # the same with keys as large as they are at midnight, with reads, and dropping the day
  dunlin bench --against redis://127.0.0.1:6379 --fill 1440 --ticks 10 --rounds 5 --reads --drop

  # a thousand agents, each with a connection of its own, 10 % of their points late and 1 % repeated
  dunlin bench --clients 1000 --pipeline 40 --batches 1 --late 10% --dup 1%

  # one command for a host's tick; idle hosts
  dunlin bench --form madd --mix idle

  # a live fleet of 200 hosts for ten minutes
  dunlin bench --realtime --hosts 200 --duration 10m

  # remote write into a server beside it, 2,000 samples a request
  dunlin bench --form write --url http://127.0.0.1:9090/api/v1/write --pid 4711 --pipeline 2000`

func benchCmd() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench --url redis://host:port [--against redis://host:port]",
		Short:   "Load a server with made-up metrics and say what a point costs it",
		Long:    benchLong,
		Example: benchExamples,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.AddCommand(benchFlockCmd())
	fl := cmd.Flags()
	fl.SortFlags = false
	f.serverFlags(fl)
	f.loadFlags(fl)
	fl.IntVar(&f.load.Rounds, "rounds", 1, "repeat the measured part, servers in turn, and print medians")
	fl.BoolVar(&f.reads, "reads", false, "measure reads in each round, one second each kind")
	fl.DurationVar(&f.readTime, "read-time", time.Second, "how long each kind of read is measured in each round")
	fl.BoolVar(&f.load.Drop, "drop", false, "write into yesterday and drop that day at the end, beside a probe")
	fl.BoolVar(&f.pin, "pin", false, "keep the generator on the last CPU; keep servers off it with taskset -c 0")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON, with every round")
	return cmd
}

func (f *benchFlags) serverFlags(fl *pflag.FlagSet) {
	fl.StringVar(&f.server.URL, "url", "redis://127.0.0.1:6390", "the server; http://host:port/path for --form write")
	fl.StringVar(&f.form, "form", "zadd", "zadd, zadd+journal, madd, maddt, ts.add, ts.madd or write")
	fl.StringVar(&f.against.URL, "against", "", "a server to compare with")
	fl.StringVar(&f.other, "against-form", "", "the form for --against (default zadd+journal; write for http://)")
	fl.IntVar(&f.server.PID, "pid", 0, "process of the server, for its CPU time (default what INFO says)")
	fl.IntVar(&f.against.PID, "against-pid", 0, "process of the server to compare with")
	fl.StringVar(&f.passwordFile, "password-file", "", "file with the password of both")
}

func (f *benchFlags) loadFlags(fl *pflag.FlagSet) {
	fl.IntVar(&f.load.Hosts, "hosts", 1000, "hosts")
	fl.IntVar(&f.load.Metrics, "metrics", fleet.PerHost, "metrics a host")
	fl.StringVar(&f.mix, "mix", string(fleet.Standard), "standard, floats, idle or integers")
	fl.Uint64Var(&f.load.Seed, "seed", 1, "seed of the values: the same seed sends the same points")
	fl.DurationVar(&f.load.Interval, "interval", 10*time.Second, "time between two points of a series")
	fl.IntVar(&f.load.Fill, "fill", 0, "ticks to write first, unmeasured")
	fl.IntVar(&f.load.Pack, "fill-pack", 60, "points of a series in a command of the fill; 1 = as live writers do")
	fl.IntVar(&f.load.Ticks, "ticks", 0, "ticks of each round (default 60, or as many as fit in --duration)")
	fl.DurationVar(&f.load.Duration, "duration", 0, "end each round after this time")
	fl.StringVar(&f.start, "start", "", "time of the first tick, RFC 3339 (default a midnight)")
	fl.StringVar(&f.late, "late", "0%", "share of the points that is sent 1 to 6 ticks late")
	fl.StringVar(&f.dup, "dup", "0%", "share of the points that is sent again a tick later")
	fl.IntVar(&f.load.Clients, "clients", 1, "connections; hosts are divided among them")
	fl.IntVar(&f.load.Pipeline, "pipeline", 128, "commands on their way per connection; for write: samples a request")
	fl.IntVar(&f.load.Batches, "batches", 2, "writes that these commands are divided into")
	fl.BoolVar(&f.load.Realtime, "realtime", false, "send each tick at its time, hosts spread over the interval")
}

func (f *benchFlags) run(cmd *cobra.Command) error {
	if err := f.settle(); err != nil {
		return usageError{err}
	}
	if f.passwordFile != "" {
		pw, err := ring.ReadPassword(f.passwordFile)
		if err != nil {
			return err
		}
		f.server.Password, f.against.Password = pw, pw
	}
	if f.pin {
		if err := bench.Pin(); err != nil {
			return err
		}
	}
	cfg := bench.Config{
		Load: f.load, Servers: []bench.Server{f.server}, Version: version(), Command: os.Args[1:], Pinned: f.pin,
	}
	if f.against.URL != "" {
		cfg.Servers = append(cfg.Servers, f.against)
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		bar := &bench.Bar{W: os.Stderr}
		cfg.Progress = bar.Progress
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := bench.Run(ctx, cfg)
	if report == nil {
		return err
	}
	var shown error // what was measured before an error is worth seeing
	if f.asJSON {
		shown = tui.JSON(cmd.OutOrStdout(), report)
	} else {
		shown = report.Print(cmd.OutOrStdout())
	}
	if err = errors.Join(err, shown); err != nil {
		return err
	}
	for _, s := range report.Servers {
		for _, r := range s.Rounds {
			if r.Errors > 0 {
				return fmt.Errorf("%s: %d error replies in a round, the first: %s", s.URL, r.Errors, tui.Safe(r.FirstError))
			}
		}
	}
	return nil
}

// settle turns texts into what they mean and fills in what depends on other flags.
func (f *benchFlags) settle() error {
	f.load.Now = time.Now()
	if f.load.Ticks == 0 && f.load.Duration == 0 {
		f.load.Ticks = 60
	}
	if f.reads {
		f.load.Reads = f.readTime
	}
	if f.other == "" {
		f.other = string(load.ZADDJournal)
		if strings.HasPrefix(f.against.URL, "http:") {
			f.other = string(load.Write)
		}
	}
	var errs [6]error
	f.load.Mix, errs[0] = fleet.ParseMix(f.mix)
	f.server.Form, errs[1] = load.ParseForm(f.form)
	f.against.Form, errs[2] = load.ParseForm(f.other)
	f.load.Late, errs[3] = parseShare("late", f.late)
	f.load.Dup, errs[4] = parseShare("dup", f.dup)
	if f.start != "" {
		f.load.Start, errs[5] = time.Parse(time.RFC3339, f.start)
	}
	return errors.Join(errs[:]...)
}

// parseShare reads 10% or 0.1.
func parseShare(flag, text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || v < 0 || v > 1 {
		return 0, fmt.Errorf("--%s %q: want a share such as 10%% or 0.1", flag, text)
	}
	return v, nil
}
