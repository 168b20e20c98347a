package dunlin

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
)

// maxPeriods bounds how many periods one read touches; the newest ones win.
const maxPeriods = 1024

// newestMembers is how many of a key's last members are looked at for its newest point: there are several only where
// agents share a host name.
const newestMembers = 16

// Query selects points of one series: From ≤ Time ≤ To.
type Query struct {
	Host, Metric string
	From, To     time.Time
}

// Range gives the points that q selects, oldest first, one per timestamp: where several members share
// one, a number beats NaN, anything beats the stale marker, then the larger value and the larger bytes win. No points
// is no error; ErrUnavailable means nobody could be asked.
func (c *Client) Range(ctx context.Context, q Query) ([]Point, error) {
	first, last := max(q.From.UnixMilli(), 0), q.To.UnixMilli()
	if last < first {
		return nil, nil
	}
	low, high := c.topo.Layout.PeriodOf(first), c.topo.Layout.PeriodOf(last)
	args := []string{"ZRANGEBYSCORE", "", timeText(first), timeText(last)}
	w := wanted{q.Host, q.Metric, max(low, high-maxPeriods), high}
	perPeriod, err := c.perPeriod(ctx, w, args)
	if err != nil {
		return nil, err
	}
	return points(q.Host, q.Metric, slices.Concat(perPeriod...)), nil
}

// Newest gives the newest point of a series over the live periods; false when there is none.
func (c *Client) Newest(ctx context.Context, host, metric string) (Point, bool, error) {
	now := c.clock().UnixMilli()
	high := c.topo.Layout.PeriodOf(now + (10 * time.Minute).Milliseconds()) // as far ahead as a point may lie
	low := max(high-series.Period(c.topo.Keep)-2, 0)
	args := []string{"ZREVRANGE", "", "0", strconv.Itoa(newestMembers - 1)}
	perPeriod, err := c.perPeriod(ctx, wanted{host, metric, low, high}, args)
	if err != nil {
		return Point{}, false, err
	}
	for _, members := range slices.Backward(perPeriod) {
		slices.Reverse(members)
		if ps := points(host, metric, members); len(ps) > 0 {
			return ps[len(ps)-1], true, nil
		}
	}
	return Point{}, false, nil
}

// wanted is a series over the periods low..high.
type wanted struct {
	host, metric string
	low, high    series.Period
}

// perPeriod sends a command for the series' key of each period and gives the members of each reply. The key goes into
// args[1].
func (c *Client) perPeriod(ctx context.Context, w wanted, args []string) ([][]string, error) {
	var calls []*call
	for p := w.low; p <= w.high; p++ {
		key := append(c.topo.Layout.AppendPeriod(nil, p), ':')
		key = series.AppendSeries(key, w.host, w.metric)
		k, err := c.topo.Layout.ParseKey(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		a := slices.Clone(args)
		a[1] = string(key)
		calls = append(calls, &call{shard: c.topo.ShardOfSeries(key, k), args: a})
	}
	c.do(ctx, calls)
	out := make([][]string, len(calls))
	for i, cl := range calls {
		if cl.err != nil {
			return nil, fmt.Errorf("read %s: %w", cl.args[1], cl.err)
		}
		var err error
		if out[i], err = cl.reply.AsStrSlice(); err != nil && !rueidis.IsRedisNil(err) {
			return nil, fmt.Errorf("read %s: %w", cl.args[1], err)
		}
	}
	return out, nil
}

func timeText(ms int64) string { return string(series.AppendTime(nil, ms, series.FracFor(ms))) }

// points turns members in ascending order into points, one per timestamp. Members that are no points are left out.
func points(host, metric string, members []string) []Point {
	out := make([]Point, 0, len(members))
	for _, m := range members {
		parsed, err := series.ParseMember([]byte(m))
		if err != nil {
			continue // somebody else's member in a Redis
		}
		p := Point{Host: host, Metric: metric, Time: time.UnixMilli(parsed.TS).UTC(), Value: string(parsed.Value)}
		if n := len(out); n > 0 && out[n-1].Time.Equal(p.Time) {
			if compareValues(out[n-1].Value, p.Value) < 0 {
				out[n-1] = p
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// compareValues is the total order by which reading picks one of several values at one timestamp.
func compareValues(a, b string) int {
	rank := func(s string) (int, float64) {
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case s == "stale":
			return 0, 0
		case err == nil && math.IsNaN(f):
			return 1, 0
		case err != nil:
			return 2, 0
		}
		return 3, f
	}
	x, fx := rank(a)
	y, fy := rank(b)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(fx, fy), strings.Compare(a, b))
}

// NodeReply is one node's reply to a command that went to all.
type NodeReply struct {
	Node  string
	Value any // nil, string, int64, float64, bool, []any or map[string]any
	Err   error
}

// All sends a command to database 0 of every node, nearest first, and gives each reply under its node's name.
func (c *Client) All(ctx context.Context, args ...string) []NodeReply {
	batches := make([]*batch, len(c.nodes))
	for i, n := range c.nodes {
		batches[i] = &batch{node: n, db: n.fixedDB, calls: []*call{{args: args}}}
	}
	c.runBatches(ctx, batches)
	out := make([]NodeReply, len(batches))
	for i, b := range batches {
		out[i] = nodeReply(b)
	}
	return out
}

// Do sends commands to one database of one node, whatever it holds: 0 is the whole node, i its shard i. The replies
// come in order. A node that is down is tried all the same.
func (c *Client) Do(ctx context.Context, name string, db int, commands ...[]string) ([]NodeReply, error) {
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.info.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no node %s in the topology, which has %s", name, nodeNames(c.topo))
	}
	b := &batch{node: c.nodes[i], db: db}
	for _, args := range commands {
		b.calls = append(b.calls, &call{args: args})
	}
	c.send(ctx, b)
	out := make([]NodeReply, len(b.calls))
	for i, cl := range b.calls {
		out[i] = nodeReply(&batch{node: b.node, calls: []*call{cl}})
	}
	return out, nil
}

func nodeNames(t *ring.Topology) string {
	names := make([]string, len(t.Nodes))
	for i, n := range t.Nodes {
		names[i] = n.Name
	}
	return strings.Join(names, ", ")
}

func nodeReply(b *batch) NodeReply {
	r := NodeReply{Node: b.node.info.Name, Err: b.calls[0].err}
	if r.Err == nil {
		var err error
		if r.Value, err = b.calls[0].reply.ToAny(); err != nil && !rueidis.IsRedisNil(err) {
			r.Err = fmt.Errorf("read reply of %s: %w", r.Node, err)
		}
	}
	return r
}
