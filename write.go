package dunlin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
)

// maxMembers is how many points of one key go into one ZADD.
const maxMembers = 100

// Point is one value of one series.
type Point struct {
	Host   string // as people write it: "web1:9100", "::1"
	Metric string // any text, or a name with canonical labels: http_requests{code="200",method="GET"}
	Time   time.Time
	Value  string // text, kept byte for byte; decimals are compressed and plotted
}

// Status is what became of a point.
type Status int

// A point is stored, refused for good, or could not be delivered now.
const (
	Stored Status = iota
	Refused
	Unavailable
)

// String gives the word for people.
func (s Status) String() string { return [...]string{"stored", "refused", "unavailable"}[s] }

// Result is what became of one point.
type Result struct {
	Status Status
	Node   string // who took or refused it
	Err    error  // why not: wraps ErrRefused or ErrUnavailable
}

// outgoing are points of one key, to go in one ZADD.
type outgoing struct {
	key     string
	shard   int
	members []member
}

type member struct {
	index int // of the point in Write's argument
	score string
	text  string
}

// Write stores points, each on the nearest node that holds its series, and gives a result for each, in order. The
// error joins what could not be done, nil when everything is stored; a point that is refused does not hold up the
// others. Writing a point again is harmless.
func (c *Client) Write(ctx context.Context, points []Point) ([]Result, error) {
	results := make([]Result, len(points))
	c.store(ctx, c.outgoing(points, results), results)
	return results, summary(results)
}

// outgoing checks the points and gathers those of one key. Points that break the grammar get their result here.
func (c *Client) outgoing(points []Point, results []Result) []*outgoing {
	var out []*outgoing
	last := map[string]*outgoing{}
	var key, text []byte
	for i, p := range points {
		k, ts, err := c.encode(&key, &text, p)
		if err != nil {
			results[i] = Result{Status: Refused, Err: fmt.Errorf("%w: %w", ErrRefused, err)}
			continue
		}
		o := last[string(key)]
		if o == nil || len(o.members) == maxMembers {
			o = &outgoing{key: string(key), shard: c.topo.ShardOfSeries(key, k)}
			last[o.key] = o
			out = append(out, o)
		}
		o.members = append(o.members, member{index: i, score: string(text[:ts]), text: string(text)})
	}
	return out
}

// encode writes p's key and member into the buffers and says how many bytes of the member are its timestamp.
func (c *Client) encode(key, text *[]byte, p Point) (series.Key, int, error) {
	ms := p.Time.UnixMilli()
	if ms < 0 {
		return series.Key{}, 0, series.ErrMember
	}
	*text = series.AppendTime((*text)[:0], ms, series.FracFor(ms))
	ts := len(*text)
	*text = append(append(*text, ':'), p.Value...)
	if _, err := series.ParseMember(*text); err != nil {
		return series.Key{}, 0, err
	}
	*key = c.topo.Layout.AppendPeriod((*key)[:0], c.topo.Layout.PeriodOf(ms))
	*key = append(*key, ':')
	*key = series.AppendSeries(*key, p.Host, p.Metric)
	k, err := c.topo.Layout.ParseKey(*key)
	return k, ts, err
}

// store sends the points and fills in their results. Where a ZADD of several points meets a refusal they go again one
// by one, so that only the bad ones are blamed.
func (c *Client) store(ctx context.Context, out []*outgoing, results []Result) {
	calls := make([]*call, len(out))
	for i, o := range out {
		args := append(make([]string, 0, 2+2*len(o.members)), "ZADD", o.key)
		for _, m := range o.members {
			args = append(args, m.score, m.text)
		}
		calls[i] = &call{shard: o.shard, args: args}
	}
	c.do(ctx, calls)
	var again []*outgoing
	for i, o := range out {
		err := calls[i].err
		if errors.Is(err, ErrRefused) && len(o.members) > 1 {
			for _, m := range o.members {
				again = append(again, &outgoing{key: o.key, shard: o.shard, members: []member{m}})
			}
			continue
		}
		r := Result{Status: Stored, Node: calls[i].node, Err: err}
		switch {
		case errors.Is(err, ErrRefused):
			r.Status = Refused
		case err != nil:
			r.Status = Unavailable
		}
		for _, m := range o.members {
			results[m.index] = r
		}
	}
	if len(again) > 0 {
		c.store(ctx, again, results)
	}
}

// summary is one error for all results: how many, and the first reason of each kind.
func summary(results []Result) error {
	var count [3]int
	var first [3]error
	for _, r := range results {
		if count[r.Status]++; first[r.Status] == nil {
			first[r.Status] = r.Err
		}
	}
	var errs []error
	for _, s := range []Status{Refused, Unavailable} {
		if count[s] > 0 {
			errs = append(errs, fmt.Errorf("%d of %d points not stored: %w", count[s], len(results), first[s]))
		}
	}
	return errors.Join(errs...)
}
