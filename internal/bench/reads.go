package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Read is what one kind of read cost.
type Read struct {
	Name     string    `json:"name"`
	Queries  int64     `json:"queries"`
	Members  float64   `json:"members_per_query"` // strings in a reply; with scores these count too
	CPUMicro float64   `json:"server_cpu_us_per_query"`
	Latency  Quantiles `json:"latency"` // of what goes out at once, see readKinds
}

// readKind is a kind of read: how many commands go out at once, how many queries they are, and what they ask.
type readKind struct {
	name              string
	commands, queries int
	append            func(r *reader, dst []byte, i int) []byte
}

// readKinds are what dashboards and scripts ask. In each, series are random by the load's seed.
var readKinds = []readKind{
	{"last value, 16 at once", 16, 16, (*reader).last},
	{"hour with scores, 16 at once", 16, 16, (*reader).hour},
	{"day of a random series", 1, 1, (*reader).wholeDay},
	{"day of one series with scores", 1, 1, (*reader).hot},
	{"hour of a host's metrics", 0, 1, (*reader).panel}, // one command a metric
}

// reader asks about what the target holds.
type reader struct {
	set            *load.Set
	form           load.Form
	hosts, metrics int
	begin, end     int64 // seconds: the part of the day with most points
	rng            *rand.PCG
	panelHost      int
}

const hourSeconds = 3600

// newReader settles the day that is read: of the days with points, the one with most.
func (t *target) newReader(seed uint64) *reader {
	l := t.load
	first := l.Start.Unix()
	last := first + int64(t.ticks-1)*int64(l.Interval/time.Second)
	r := &reader{
		set: t.set, form: t.server.Form, metrics: l.Metrics, hosts: l.Hosts, rng: rand.NewPCG(seed, 1),
	}
	for at := first; at <= last; at = at - at%86400 + 86400 {
		if end := min(last, at-at%86400+86399); end-at >= r.end-r.begin {
			r.begin, r.end = at, end
		}
	}
	return r
}

func (r *reader) below(n int) int { return int(r.rng.Uint64()>>1) % n }

// key is that of a random series.
func (r *reader) key() string { return r.set.Key(r.below(r.hosts), r.below(r.metrics), r.begin) }

func (r *reader) rts() bool { return r.form == load.TSAdd || r.form == load.TSMAdd }

func (r *reader) last(dst []byte, _ int) []byte {
	if r.rts() {
		return load.AppendCommand(dst, "TS.GET", r.key())
	}
	return load.AppendCommand(dst, "ZRANGE", r.key(), "-1", "-1")
}

// between asks for an hour of a series that begins at from.
func (r *reader) between(dst []byte, key string, from int64) []byte {
	if r.rts() {
		return load.AppendCommand(dst, "TS.RANGE", key, strconv.FormatInt(from*1000, 10),
			strconv.FormatInt((from+hourSeconds)*1000-1, 10))
	}
	return load.AppendCommand(dst, "ZRANGEBYSCORE", key, strconv.FormatInt(from, 10),
		strconv.FormatInt(from+hourSeconds-1, 10), "WITHSCORES")
}

func (r *reader) hour(dst []byte, _ int) []byte {
	span := max(r.end-r.begin-hourSeconds+1, 1)
	return r.between(dst, r.key(), r.begin+int64(r.rng.Uint64()>>1)%span)
}

func (r *reader) wholeDay(dst []byte, _ int) []byte {
	if r.rts() {
		return load.AppendCommand(dst, "TS.RANGE", r.key(), "-", "+")
	}
	return load.AppendCommand(dst, "ZRANGE", r.key(), "0", "-1")
}

func (r *reader) hot(dst []byte, _ int) []byte {
	key := r.set.Key(0, 0, r.begin)
	if r.rts() {
		return load.AppendCommand(dst, "TS.RANGE", key, "-", "+")
	}
	return load.AppendCommand(dst, "ZRANGE", key, "0", "-1", "WITHSCORES")
}

func (r *reader) panel(dst []byte, metric int) []byte {
	if metric == 0 {
		r.panelHost = r.below(r.hosts)
	}
	return r.between(dst, r.set.Key(r.panelHost, metric, r.begin), r.end-hourSeconds+1)
}

// runReads asks every kind for Load.Reads.
func (t *target) runReads(ctx context.Context, round int) ([]Read, error) {
	c, err := dial(ctx, &t.server, 256<<10)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // all replies are read
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { giveUp(ctx, c) })()
	var reads []Read
	for i, kind := range readKinds {
		var done int64
		stop := t.runWatch(Stage{t.server.name(), fmt.Sprintf("round %d: %s", round, kind.name), -1},
			func() int64 { return done })
		got, err := t.read(ctx, c, &kind, uint64(round*len(readKinds)+i))
		stop()
		if err != nil {
			return nil, cause(ctx, fmt.Errorf("%s from %s: %w", kind.name, t.server.name(), err))
		}
		reads = append(reads, got)
	}
	return reads, ctx.Err()
}

func (t *target) read(ctx context.Context, c *conn, kind *readKind, seed uint64) (Read, error) {
	r := t.newReader(t.load.Seed ^ load.MixBits(seed))
	commands := kind.commands
	if commands == 0 {
		commands = r.metrics
	}
	before, err := measure(ctx, &t.server)
	if err != nil {
		return Read{}, err
	}
	h := newHistogram()
	out := Read{Name: kind.name}
	var buf []byte
	var members int
	for end := time.Now().Add(t.load.Reads); ctx.Err() == nil && time.Now().Before(end); {
		buf = buf[:0]
		for i := range commands {
			buf = kind.append(r, buf, i)
		}
		began := time.Now()
		if _, err := c.Write(buf); err != nil {
			return out, err
		}
		for range commands {
			var got reply
			if err := got.read(c.in); err != nil {
				return out, err
			}
			if got.refused > 0 {
				return out, fmt.Errorf("%s%s", quoted(got.refusal), hint(got.refusal))
			}
			members += got.elements
		}
		record(h, time.Since(began))
		out.Queries += int64(kind.queries)
	}
	after, err := measure(ctx, &t.server)
	if err != nil {
		return out, err
	}
	if n := float64(out.Queries); n > 0 {
		out.Members, out.CPUMicro, out.Latency = float64(members)/n, (after.cpu-before.cpu)/n*1e6, quantiles(h)
	}
	return out, nil
}
