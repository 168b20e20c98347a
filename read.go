package dunlin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
)

// maxPeriods bounds how many periods one read touches; the newest ones win.
const maxPeriods = 1024

// newestMembers is how many of a key's last members are looked at for its newest point: there are several only where
// agents share a host name.
const newestMembers = 16

// Range gives the points of a series, from ≤ Time ≤ to, oldest first, one per timestamp: where several members share
// one, a number beats NaN, anything beats the stale marker, then the larger value and the larger bytes win. The nearest
// node answers that says it has everything its peers have; if none says so, the one that is least behind, and the
// points come with an ErrPartial. No points is no error; ErrUnavailable means nobody could be asked.
func (c *Client) Range(ctx context.Context, host, metric string, from, to time.Time) ([]Point, error) {
	layout := c.Topology().Layout
	first, last := max(from.UnixMilli(), 0), to.UnixMilli()
	if last < first {
		return nil, nil
	}
	low, high := layout.PeriodOf(first), layout.PeriodOf(last)
	args := []string{"ZRANGEBYSCORE", "", timeText(first), timeText(last)}
	w := wanted{host, metric, max(low, high-maxPeriods), high}
	perPeriod, err := c.perPeriod(ctx, w, args)
	if err != nil && !errors.Is(err, ErrPartial) {
		return nil, err
	}
	return points(host, metric, slices.Concat(perPeriod...)), err
}

// Newest gives the newest point of a series over the live periods; false when there is none. As with Range, an
// ErrPartial says that a node which can not be asked may have a newer one.
func (c *Client) Newest(ctx context.Context, host, metric string) (Point, bool, error) {
	topo, now := c.Topology(), c.cfg.Clock().UnixMilli()
	high := topo.Layout.PeriodOf(now + (10 * time.Minute).Milliseconds()) // as far ahead as a point may lie
	low := max(high-series.Period(topo.Keep)-2, 0)
	args := []string{"ZREVRANGE", "", "0", strconv.Itoa(newestMembers - 1)}
	perPeriod, err := c.perPeriod(ctx, wanted{host, metric, low, high}, args)
	if err != nil && !errors.Is(err, ErrPartial) {
		return Point{}, false, err
	}
	for _, members := range slices.Backward(perPeriod) {
		slices.Reverse(members)
		if ps := points(host, metric, members); len(ps) > 0 {
			return ps[len(ps)-1], true, err
		}
	}
	return Point{}, false, err
}

// wanted is a series over the periods low..high.
type wanted struct {
	host, metric string
	low, high    series.Period
}

// perPeriod sends a command for the series' key of each period and gives the members of each reply. The key goes into
// args[1].
func (c *core) perPeriod(ctx context.Context, w wanted, args []string) (members [][]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cancel()
	for {
		v := c.view.Load()
		members, err = c.readPeriods(ctx, v, w, args)
		if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil || c.view.Load() == v {
			return members, err
		}
	}
}

// readPeriods is perPeriod in one view.
func (c *core) readPeriods(ctx context.Context, v *view, w wanted, args []string) ([][]string, error) {
	var units []unit
	where := map[*cell]int{} // into units
	var at [][2]int          // unit and command of each period
	for p := w.low; p <= w.high; p++ {
		key := append(v.topo.Layout.AppendPeriod(nil, p), ':')
		key = series.AppendSeries(key, w.host, w.metric)
		k, err := v.topo.Layout.ParseKey(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		to := v.cellOf[v.topo.ShardOfSeries(key, k)]
		u, known := where[to]
		if !known {
			u = len(units)
			where[to] = u
			units = append(units, unit{cell: to, repeatable: true})
		}
		a := slices.Clone(args)
		a[1] = string(key)
		at = append(at, [2]int{u, len(units[u].commands)})
		units[u].commands = append(units[u].commands, a)
	}
	replies, partial := c.runReads(ctx, units)
	out := make([][]string, len(at))
	for i, where := range at {
		r := replies[where[0]][where[1]]
		key := units[where[0]].commands[where[1]][1]
		if r.Err != nil {
			return nil, fmt.Errorf("read %s: %w", key, r.Err)
		}
		list, ok := r.Value.([]any)
		if !ok && r.Value != nil {
			return nil, fmt.Errorf("read %s at %s: got %T", key, r.Node, r.Value)
		}
		for _, member := range list {
			text, _ := member.(string)
			out[i] = append(out[i], text)
		}
	}
	return out, partial
}

// runReads reads the units side by side. The error is an ErrPartial.
func (c *core) runReads(ctx context.Context, units []unit) ([][]Reply, error) {
	out, partial := make([][]Reply, len(units)), make([]error, len(units))
	var wg sync.WaitGroup
	for i := range units {
		wg.Go(func() { out[i], partial[i] = c.read(ctx, units[i]) })
	}
	wg.Wait()
	return out, errors.Join(partial...)
}

// runUnits carries the units side by side and gives the replies of each.
func (c *core) runUnits(ctx context.Context, units []unit) [][]Reply {
	out := make([][]Reply, len(units))
	if len(units) == 1 {
		out[0] = c.carry(ctx, units[0])
		return out
	}
	var wg sync.WaitGroup
	for i := range units {
		wg.Go(func() { out[i] = c.carry(ctx, units[i]) })
	}
	wg.Wait()
	return out
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
			if series.CompareValues(out[n-1].Value, p.Value) < 0 {
				out[n-1] = p
			}
			continue
		}
		out = append(out, p)
	}
	return out
}
