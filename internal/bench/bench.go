package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// Form is how a point is written.
type Form string

// The forms: what a writer of Dunlin sends, and the pair that the seed's writers sent.
const (
	FormZADD        Form = "zadd"
	FormZADDJournal Form = "zadd+journal"
)

// Load is the work, the same for every server that is compared.
type Load struct {
	Hosts, Metrics int
	Ticks          int           // per series; 0 = as many as fit before now
	Interval       time.Duration // between two ticks of a series, whole seconds
	Duration       time.Duration // 0 = until the ticks are done
	Pipeline       int           // commands on their way, per connection
	Clients        int
	Seed           uint64
	Now            time.Time // the newest point lies before it
	Progress       func(points int)
}

// Server is what the load is put on.
type Server struct {
	URL      string // redis://host:port[/db]
	Password string
	Form     Form
	PID      int // 0 = as INFO says, if it runs here
}

// Result is what it cost.
type Result struct {
	Server        string  `json:"server"` // name and version as INFO gives them
	Form          Form    `json:"form"`
	Points        int64   `json:"points"`
	Errors        int64   `json:"errors"`
	FirstError    string  `json:"first_error,omitempty"`
	Seconds       float64 `json:"seconds"`
	PointsPerSec  float64 `json:"points_per_second"`
	CPUSeconds    float64 `json:"server_cpu_seconds"`
	CPUPerMillion float64 `json:"server_cpu_seconds_per_million_points"`
	BytesPerPoint float64 `json:"bytes_per_point"` // growth of used_memory
}

func (l Load) check() error {
	switch {
	case l.Hosts < 1 || l.Metrics < 1 || l.Pipeline < 2 || l.Clients < 1 || l.Ticks < 0:
		return errors.New("hosts, metrics and clients must be 1 or more, pipeline 2 or more")
	case l.Interval < time.Second || l.Interval%time.Second != 0:
		return fmt.Errorf("interval %s: want whole seconds", l.Interval)
	case l.Ticks == 0 && l.Duration == 0:
		return errors.New("want a number of ticks or a duration")
	case l.Clients > l.Hosts:
		return errors.New("more clients than hosts")
	}
	return nil
}

// window is the time of the first tick and how many fit. A load that fits in one day lies in one day, because that is
// how keys grow.
func (l Load) window() (start time.Time, ticks int) {
	midnight := l.Now.UTC().Truncate(24 * time.Hour)
	yesterday := midnight.Add(-24 * time.Hour)
	span := time.Duration(l.Ticks) * l.Interval
	if l.Ticks == 0 || span > l.Now.Sub(midnight) {
		start = yesterday
	} else {
		start = midnight
	}
	if l.Ticks > 0 && span > 24*time.Hour {
		start = l.Now.UTC().Add(-span).Truncate(l.Interval)
	}
	ticks = int(l.Now.Sub(start) / l.Interval)
	if l.Ticks > 0 {
		ticks = min(ticks, l.Ticks)
	}
	return start, ticks
}

// Points is how many points the load has, if no duration ends it earlier.
func (l Load) Points() int {
	_, ticks := l.window()
	return ticks * l.Hosts * l.Metrics
}

// ErrInterrupted: the context was cancelled before the load was done.
var ErrInterrupted = errors.New("interrupted")

// Run puts the load on the server and measures.
func Run(ctx context.Context, s Server, l Load) (Result, error) {
	if err := l.check(); err != nil {
		return Result{}, err
	}
	before, err := measure(ctx, s)
	if err != nil {
		return Result{}, err
	}
	if l.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.Duration)
		defer cancel()
	}
	began := time.Now()
	var t totals
	err = runClients(ctx, s, l, &t)
	seconds := time.Since(began).Seconds()
	if errors.Is(ctx.Err(), context.Canceled) {
		return Result{}, ErrInterrupted
	}
	if err != nil {
		return Result{}, err
	}
	after, err := measure(context.WithoutCancel(ctx), s)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Server: after.name, Form: s.Form, Points: t.points.Load(), Errors: t.errors.Load(), Seconds: seconds,
		CPUSeconds: after.cpu - before.cpu,
	}
	if text, ok := t.first.Load().(string); ok {
		r.FirstError = text
	}
	if r.Points > 0 {
		r.PointsPerSec = float64(r.Points) / seconds
		r.CPUPerMillion = r.CPUSeconds / float64(r.Points) * 1e6
		r.BytesPerPoint = float64(after.memory-before.memory) / float64(r.Points)
	}
	return r, nil
}

type totals struct {
	points, errors atomic.Int64
	first          atomic.Value // string
}

// runClients divides the hosts among the connections and returns when all are done.
func runClients(ctx context.Context, s Server, l Load, t *totals) error {
	f := fleet.New(l.Seed, l.Hosts, l.Metrics, int(l.Interval.Seconds()))
	errs := make([]error, l.Clients)
	var wg sync.WaitGroup
	for i := range l.Clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = runClient(ctx, s, &generator{
				load: l, form: s.Form, fleet: f,
				firstHost: i * l.Hosts / l.Clients, lastHost: (i + 1) * l.Hosts / l.Clients,
			}, t)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// runClient keeps one batch on its way: it encodes the next while the server works on the one before.
func runClient(ctx context.Context, s Server, g *generator, t *totals) error {
	c, err := dial(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing is lost: all replies are read
	if err := c.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("prepare the load on %s: %w", s.URL, err)
	}
	defer context.AfterFunc(ctx, func() { giveUp(ctx, c) })()
	in := bufio.NewReaderSize(c, 64<<10)
	g.start()
	now, next := g.batch(nil), batch{}
	for now.commands > 0 && ctx.Err() == nil {
		if _, err := c.Write(now.bytes); err != nil {
			return fmt.Errorf("write to %s: %w", s.URL, err)
		}
		next = g.batch(next.bytes[:0])
		failed, err := readReplies(in, now.commands, t)
		if err != nil {
			return fmt.Errorf("read from %s: %w", s.URL, err)
		}
		t.errors.Add(int64(failed))
		t.points.Add(int64(now.points))
		if g.load.Progress != nil {
			g.load.Progress(now.points)
		}
		now, next = next, now
	}
	return nil
}

// lastReplies is how long the replies of the last batch may take when the duration is over.
const lastReplies = 10 * time.Second

// giveUp sees to it that a server which answers no more does not keep a load whose time is over, or that was
// interrupted.
func giveUp(ctx context.Context, c net.Conn) {
	wait := lastReplies
	if errors.Is(ctx.Err(), context.Canceled) {
		wait = 0
	}
	_ = c.SetDeadline(time.Now().Add(wait)) // fails only when it is closed, and then nobody waits
}

func readReplies(in *bufio.Reader, n int, t *totals) (failed int, err error) {
	for range n {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return failed, err
		}
		if line[0] == '-' {
			failed++
			t.first.CompareAndSwap(nil, string(line[1:len(line)-2]))
		}
	}
	return failed, nil
}

// command sends one command and gives a bulk or line reply.
func command(c net.Conn, in *bufio.Reader, args ...string) (string, error) {
	out := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write(out); err != nil {
		return "", err
	}
	line, err := in.ReadString('\n')
	if err != nil || len(line) < 3 {
		return "", fmt.Errorf("read reply: %w", err)
	}
	switch line[0] {
	case '-':
		return "", fmt.Errorf("%s: %s", args[0], line[1:len(line)-2])
	case '$':
		n, err := strconv.Atoi(line[1 : len(line)-2])
		if err != nil || n < 0 || n > 1<<20 {
			return "", fmt.Errorf("%s: bad reply %q", args[0], line)
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(in, b)
		return string(b[:n]), err
	}
	return line[1 : len(line)-2], nil
}
