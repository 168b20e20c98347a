package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The fleet: each host's metrics are written at one time, as its agent would.
const (
	hosts   = 1000
	metrics = 20
	tick    = 10 // seconds
)

// shape is one way to write.
type shape struct{ flush, rows, conns int }

// figures are what a round gave: rows a second, CPU seconds of the server per million rows.
type figures struct{ rate, cpu float64 }

type load struct {
	db    *sql.DB
	pid   int
	time  time.Duration // of a round
	next  atomic.Int64  // the host's tick that is written next
	begin int64         // seconds of the first
}

func main() {
	socket := flag.String("socket", "", "the server's socket")
	pid := flag.Int("pid", 0, "its process")
	rounds := flag.Int("rounds", 5, "rounds of each way, medians of which are printed")
	long := flag.Duration("time", 3*time.Second, "how long a round is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *socket, *rounds, &load{pid: *pid, time: *long}); err != nil {
		fmt.Fprintln(os.Stderr, "mariadb:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, socket string, rounds int, l *load) error {
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User = "unix", socket, "root"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	l.db = sql.OpenDB(connector)
	defer l.db.Close()
	l.db.SetMaxIdleConns(16)
	if err := l.prepare(ctx); err != nil {
		return err
	}
	fmt.Println("| | rows/s | CPU of the server, s per million rows |\n| --- | ---: | ---: |")
	for _, s := range []shape{
		{1, 1, 1}, {1, 1, 8}, {2, 1, 1}, {2, 1, 8}, {1, metrics, 1}, {1, metrics, 8}, {2, metrics, 1}, {2, metrics, 8},
	} {
		var rate, cpu []float64
		for range rounds {
			f, err := l.round(ctx, s)
			if err != nil {
				return fmt.Errorf("%+v: %w", s, err)
			}
			rate, cpu = append(rate, f.rate), append(cpu, f.cpu)
		}
		rows := "1 row an INSERT"
		if s.rows > 1 {
			rows = fmt.Sprintf("%d rows an INSERT", s.rows)
		}
		conns := "one connection"
		if s.conns > 1 {
			conns = fmt.Sprintf("%d connections", s.conns)
		}
		fmt.Printf("| %s, %s, innodb_flush_log_at_trx_commit %d | %.0f | %.2f |\n", rows, conns, s.flush,
			median(rate), median(cpu))
		fmt.Fprintf(os.Stderr, "%s, %s, flush %d: %.0f rows/s, %.2f CPU-s per million\n", rows, conns, s.flush,
			median(rate), median(cpu))
	}
	return l.drop(ctx)
}

// prepare makes the table: one partition a day, dropped as a whole, as a period is.
func (l *load) prepare(ctx context.Context) error {
	l.begin = time.Now().UTC().Truncate(24*time.Hour).Unix() - 86400
	var parts []string
	for day := int64(1); day <= 30; day++ {
		parts = append(parts, fmt.Sprintf("PARTITION d%d VALUES LESS THAN (%d)", day, l.begin+day*86400))
	}
	for _, q := range []string{
		"CREATE DATABASE seed", "CREATE TABLE seed.points (host VARCHAR(64) NOT NULL, metric VARCHAR(64) NOT NULL, " +
			"ts INT UNSIGNED NOT NULL, value DOUBLE NOT NULL, PRIMARY KEY (host, metric, ts)) ENGINE=InnoDB " +
			"CHARACTER SET latin1 PARTITION BY RANGE (ts) (" + strings.Join(parts, ", ") + ")",
	} {
		if _, err := l.db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("make the table: %w", err)
		}
	}
	return nil
}

// round writes for a while.
func (l *load) round(ctx context.Context, s shape) (f figures, err error) {
	_, err = l.db.ExecContext(ctx, "SET GLOBAL innodb_flush_log_at_trx_commit = "+strconv.Itoa(s.flush))
	if err != nil {
		return f, fmt.Errorf("set flush: %w", err)
	}
	before, err := cpuOf(l.pid)
	if err != nil {
		return f, err
	}
	began := time.Now()
	var rows atomic.Int64
	errs := make([]error, s.conns)
	var writers sync.WaitGroup
	for i := range s.conns {
		writers.Go(func() { errs[i] = l.write(ctx, s, began.Add(l.time), &rows) })
	}
	writers.Wait()
	seconds := time.Since(began).Seconds()
	after, err := cpuOf(l.pid)
	f.rate = float64(rows.Load()) / seconds
	f.cpu = (after - before) / float64(rows.Load()) * 1e6
	return f, errors.Join(append(errs, err)...)
}

// write is one connection: each statement is a transaction of its own.
func (l *load) write(ctx context.Context, s shape, until time.Time, rows *atomic.Int64) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	insert, err := conn.PrepareContext(ctx, "INSERT INTO seed.points (host, metric, ts, value) VALUES (?, ?, ?, ?)"+
		strings.Repeat(", (?, ?, ?, ?)", s.rows-1))
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer insert.Close()
	args := make([]any, 0, 4*metrics)
	for time.Now().Before(until) {
		n := l.next.Add(1) - 1
		host, ts := fmt.Sprintf("web%04d.sfo", n%hosts), l.begin+n/hosts*tick
		args = args[:0]
		for m := range metrics {
			args = append(args, host, "system.metric."+strconv.Itoa(m), ts, float64((n*31+int64(m)*17)%10000)/100)
			if len(args) == 4*s.rows {
				if _, err := insert.ExecContext(ctx, args...); err != nil {
					return fmt.Errorf("insert: %w", err)
				}
				rows.Add(int64(s.rows))
				args = args[:0]
			}
		}
	}
	return nil
}

// drop drops the first day.
func (l *load) drop(ctx context.Context) error {
	var rows int64
	err := l.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM seed.points PARTITION (d1)").Scan(&rows)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	began := time.Now()
	if _, err := l.db.ExecContext(ctx, "ALTER TABLE seed.points DROP PARTITION d1"); err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	fmt.Printf("\nThe first day's partition, %d rows, was dropped in %.0f ms.\n", rows,
		float64(time.Since(began).Microseconds())/1000)
	return nil
}

// cpuOf is the CPU time of a process in seconds, as proc(5) describes /proc/PID/stat.
func cpuOf(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	f := strings.Fields(string(data)[strings.LastIndexByte(string(data), ')')+1:])
	if len(f) < 13 {
		return 0, fmt.Errorf("read CPU time of %d: unexpected stat", pid)
	}
	user, err1 := strconv.ParseFloat(f[11], 64)
	system, err2 := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100, errors.Join(err1, err2)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
