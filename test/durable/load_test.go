//go:build linux

package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// clients is how many write at once.
const clients = 3

// load writes to a node in every way there is, and notes in the book what it sent and what was acknowledged.
type load struct {
	book *book
	seed uint64
	pace time.Duration // pause after each request
	// words are first words of error replies that are no failure here, such as MISCONF.
	words []string

	writers []*writer
}

func newLoad(b *book, seed uint64, pace time.Duration) *load {
	l := &load{book: b, seed: seed, pace: pace}
	for i := range clients {
		l.writers = append(l.writers, newWriter(l, i))
	}
	return l
}

// run writes until ctx ends or the connections break, which is no error, and gives what the first client found wrong.
func (l *load) run(ctx context.Context, addr string) error {
	errs := make([]error, len(l.writers))
	var wg sync.WaitGroup
	for i, w := range l.writers {
		wg.Go(func() { errs[i] = w.run(ctx, addr) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// for runs it for a time.
func (l *load) during(d time.Duration, addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return l.run(ctx, addr)
}

// background runs it until the returned function is called, which gives its error.
func (l *load) background(addr string) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.run(ctx, addr) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

// acknowledged waits until so many more points are acknowledged.
func (l *load) acknowledged(more int, d time.Duration) error {
	want, end := l.book.count()+more, time.Now().Add(d)
	for l.book.count() < want {
		if time.Now().After(end) {
			return fmt.Errorf("in %s %d of %d points were acknowledged", d, more-(want-l.book.count()), more)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
	return nil
}

// writer is one client: its own hosts, and one that all share.
type writer struct {
	load    *load
	rng     *rand.Rand
	hosts   []string
	metrics []string
	at      [keptPeriods + 1]int64 // ms, the newest time in each period
	recent  []point
}

func newWriter(l *load, i int) *writer {
	w := &writer{load: l, rng: rand.New(rand.NewPCG(l.seed, uint64(i)))}
	for h := range 4 {
		w.hosts = append(w.hosts, fmt.Sprintf("web%d-%d.sfo", i, h))
	}
	w.hosts = append(w.hosts, "shared.nyc")
	for m := range 10 {
		w.metrics = append(w.metrics, fmt.Sprintf("m%d.%s", m, []string{"user", "free", "rate{a=\"b\"}"}[m%3]))
	}
	for age := range w.at {
		w.at[age] = w.startOf(age)
	}
	return w
}

// startOf gives a time in a period that leaves room behind it and is not in the future.
func (w *writer) startOf(age int) int64 {
	now := time.Now().UTC()
	midnight := now.Truncate(24*time.Hour).AddDate(0, 0, -age)
	last := midnight.Add(20 * time.Hour)
	if now.Before(last) {
		last = now.Add(-time.Hour)
	}
	room := max(last.Sub(midnight), time.Minute)
	return midnight.UnixMilli() + w.rng.Int64N(room.Milliseconds())/1000*1000
}

// next gives the next time of a period, in ms.
func (w *writer) next(age int) int64 {
	w.at[age] += []int64{1000, 1000, 1000, 10000, 250, 1}[w.rng.IntN(6)]
	limit := min(time.Now().Add(5*time.Minute).UnixMilli(), midnight(age)+86_399_000)
	if w.at[age] > limit || w.at[age] < midnight(age) {
		w.at[age] = w.startOf(age) // from here on its points are late ones
	}
	return w.at[age]
}

func midnight(age int) int64 {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -age).UnixMilli()
}

func (w *writer) run(ctx context.Context, addr string) error {
	c, err := plain.Dial(addr)
	if err != nil {
		return nil //nolint:nilerr // killed before it began
	}
	defer c.Close()
	for ctx.Err() == nil {
		commands, points := w.request()
		for _, list := range points {
			w.load.book.try(list)
		}
		replies, err := c.Pipe(commands)
		for i, r := range replies {
			if bad := w.read(r, points[i], commands[i]); bad != nil {
				return bad
			}
		}
		if err != nil {
			return w.broken(err)
		}
		if w.load.pace > 0 {
			time.Sleep(w.load.pace) // the share of the processors it may have
		}
	}
	return nil
}

// broken: a connection that ends is what these tests are about; one that hangs is not.
func (w *writer) broken(err error) error {
	if strings.Contains(err.Error(), "timeout") {
		return fmt.Errorf("no reply: %w", err)
	}
	return nil
}

// read takes a reply.
func (w *writer) read(r any, points []point, command []string) error {
	if _, ok := r.(int64); ok {
		w.load.book.ack(points)
		return nil
	}
	text := fmt.Sprint(r)
	for _, word := range w.load.words {
		if strings.Contains(text, word) {
			return nil
		}
	}
	return fmt.Errorf("%.200q answers %s", command, text)
}

// request makes the next commands and the points of each.
func (w *writer) request() (commands [][]string, points [][]point) {
	add := func(command []string, list []point) {
		commands, points = append(commands, command), append(points, list)
	}
	if w.rng.IntN(60) == 0 && len(w.metrics) < 60 {
		w.metrics = append(w.metrics, fmt.Sprintf("new%d.%d", len(w.metrics), w.rng.IntN(1000)))
	}
	switch w.rng.IntN(20) {
	default: // a host's tick
		add(w.madd())
	case 0, 1, 2, 3, 4: // a pipeline of single points
		for range 1 + w.rng.IntN(64) {
			p := w.point(w.age(), w.host())
			add(zadd(p), []point{p})
		}
	case 5, 6: // many late points of one key
		add(w.late())
	case 7, 8:
		add(w.maddt())
	case 9, 10: // what was sent before, once more
		for range min(len(w.recent), 1+w.rng.IntN(20)) {
			p := w.recent[w.rng.IntN(len(w.recent))]
			add(zadd(p), []point{p})
		}
		add(w.madd())
	case 11: // a pipeline of ticks
		for range 2 + w.rng.IntN(14) {
			add(w.madd())
		}
	}
	for _, list := range points {
		w.recent = append(w.recent, list...)
	}
	w.recent = w.recent[max(0, len(w.recent)-500):]
	return commands, points
}

func (w *writer) host() string { return w.hosts[w.rng.IntN(len(w.hosts))] }

func (w *writer) age() int { return []int{0, 0, 0, 0, 1, 1, 2}[w.rng.IntN(7)] % len(w.at) }

func (w *writer) point(age int, host string) point {
	return w.pointAt(age, host+":"+w.metrics[w.rng.IntN(len(w.metrics))], w.next(age))
}

func (w *writer) pointAt(age int, series string, ms int64) point {
	return point{period: periodBefore(age), series: series, ts: seconds(ms), value: w.value()}
}

// seconds writes ms as the protocol does: no zeros behind.
func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) }

// value: mostly decimals, as metrics are, and now and then what is kept as text.
func (w *writer) value() string {
	n := w.rng.IntN(1_000_000)
	switch w.rng.IntN(24) {
	case 0:
		return fmt.Sprintf("%d", n)
	case 1:
		return fmt.Sprintf("-%d.%06d", n%100, n)
	case 2:
		return strconv.FormatFloat(w.rng.NormFloat64(), 'g', -1, 64)
	case 3:
		return []string{"nan", "1e-05", "9.74:8.55:5.02", "-0", "stale", "0.50", "+Inf"}[n%7]
	}
	return fmt.Sprintf("%d.%02d", n/10000, n%100)
}

func zadd(p point) []string { return []string{"ZADD", p.key(), p.ts, p.member()} }

func (w *writer) madd() ([]string, []point) {
	age, host := w.age(), w.host()
	ms := w.next(age)
	command := []string{"DN.MADD", seconds(ms)}
	var points []point
	for _, m := range w.metrics {
		p := w.pointAt(age, host+":"+m, ms)
		command, points = append(command, p.series, p.value), append(points, p)
	}
	return command, points
}

func (w *writer) maddt() ([]string, []point) {
	command := []string{"DN.MADDT"}
	var points []point
	for range 1 + w.rng.IntN(30) {
		p := w.point(w.age(), w.host())
		command, points = append(command, p.ts, p.series, p.value), append(points, p)
	}
	return command, points
}

// late makes one ZADD with many points of a key, in no order, all of them before its newest.
func (w *writer) late() ([]string, []point) {
	age := w.age()
	series := w.host() + ":" + w.metrics[w.rng.IntN(len(w.metrics))]
	var command []string
	var points []point
	for range 1 + w.rng.IntN(50) {
		ms := max(midnight(age), w.at[age]-w.rng.Int64N(3_600_000))
		p := w.pointAt(age, series, ms)
		if command == nil {
			command = []string{"ZADD", p.key()}
		}
		command, points = append(command, p.ts, p.member()), append(points, p)
	}
	return command, points
}
