package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `measure seed | redis | standard | disk | flock | section NAME
  seed      the flock of 2012 for some minutes, on the engine and on Redis  (WARMUP=60s DURATION=5m STORE=engine|redis)
  redis     the whole way over Redis processes, dropping, memory            (QUICK=1)
  standard  dunlin beside redis-server                                      (QUICK=1 ROWS=fresh,day,…)
  disk      a node with its log beside one without, and beside Redis with one (QUICK=1)
  flock     what replication costs, by dunlin bench flock                   (QUICK=1)
  section   put what stands on standard input into a section of the page
environment: DUNLIN_BIN, REDIS_SERVER, DOCS=docs/benchmarks.md (empty: only to the terminal)`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return errors.New(usage)
	}
	m := &measurement{
		dunlin: env("DUNLIN_BIN", "bin/dunlin"), redis: env("REDIS_SERVER", "redis-server"),
		quick: os.Getenv("QUICK") != "", out: os.Stdout, commit: presentCommit(),
	}
	var s *section
	var err error
	switch {
	case slices.Equal(args, []string{"seed"}):
		s, err = m.runSeed(ctx)
	case slices.Equal(args, []string{"redis"}):
		s, err = m.runRedis(ctx)
	case slices.Equal(args, []string{"standard"}):
		s, err = m.runStandard(ctx)
	case slices.Equal(args, []string{"disk"}):
		s, err = m.runDisk(ctx)
	case slices.Equal(args, []string{"flock"}):
		s, err = m.runFlock(ctx)
	case len(args) == 2 && args[0] == "section":
		var text []byte
		text, err = io.ReadAll(os.Stdin)
		s = &section{name: args[1], text: string(text)}
	default:
		return errors.New(usage)
	}
	if err != nil {
		return err
	}
	path, ok := os.LookupEnv("DOCS")
	if !ok {
		path = "docs/benchmarks.md"
	}
	if path == "" {
		return nil
	}
	if err := replaceSection(path, s); err != nil {
		return err
	}
	fmt.Fprintf(m.out, "\nwritten to %s, section %s\n", path, s.name)
	return nil
}

// measurement is what all kinds have in common.
type measurement struct {
	dunlin, redis string
	commit        string // at the start: a long run must not be called after what came later
	quick         bool
	out           io.Writer
}

// say prints a line of progress with the time.
func (m *measurement) say(format string, args ...any) {
	fmt.Fprintf(m.out, "%s %s\n", time.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func envDuration(name string, otherwise time.Duration) (time.Duration, error) {
	v := os.Getenv(name)
	if v == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s=%q: want a time, 90s say", name, v)
	}
	return d, nil
}

// command is how a section says what was typed.
func command(target string, names ...string) string {
	var b strings.Builder
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			fmt.Fprintf(&b, "%s=%s ", n, v)
		}
	}
	return b.String() + "make " + target
}
