package orders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// The reasons why an order is not carried out.
var (
	errDropLive = errors.New("only periods before the current one can be dropped")
	errOnRedis  = errors.New("this node is on Redis, where nothing can be forgotten: tell a node on the engine")
	errForget   = errors.New("want DN.FORGET host|host:metric [from to] [PREVIEW], times in seconds since 1970, " +
		"not in the future")
)

// Do carries out what an operator tells the whole node: an int64 or a string comes of it.
func (o *Orders) Do(ctx context.Context, cmd string, args [][]byte) (any, error) {
	switch cmd {
	case "dn.drop":
		return o.orderDrop(ctx, args[0])
	case "dn.forget":
		return o.orderForget(ctx, args)
	case "dn.floor":
		return o.orderFloor(ctx, args)
	case "dn.backup":
		return o.cfg.Backup(ctx, string(args[0]))
	}
	return nil, fmt.Errorf("BUG: no order %q", cmd)
}

// vouched refuses what would wipe points by a clock that nobody vouches for. One that is further ahead of the peers'
// than what they take over, see Learn, is doubted before retention doubts it.
func (o *Orders) vouched() error {
	c := o.cfg.Clocks()
	why := c.Doubt()
	if why == "" && c.Skew != nil && -*c.Skew > shard.MaxAhead {
		why = fmt.Sprintf("it is %s ahead of the peers' clocks", (-*c.Skew).Round(time.Second))
	}
	if why != "" {
		return fmt.Errorf("nothing is dropped or forgotten while this node's clock is in doubt: %s", why)
	}
	return nil
}

// orderDrop is DN.DROP: it drops a period and what is older, and gives the number of keys that were here.
func (o *Orders) orderDrop(ctx context.Context, arg []byte) (any, error) {
	l := o.cfg.Layout
	p, ok := l.ParsePeriod(arg)
	now := l.PeriodOf(o.cfg.Clock().UnixMilli())
	switch {
	case !ok:
		return nil, fmt.Errorf("bad period: want it as %s", l)
	case p >= now:
		return nil, fmt.Errorf("%w: before %s", errDropLive, l.PeriodString(now))
	}
	if err := o.vouched(); err != nil {
		return nil, err
	}
	keys, err := o.cfg.Raise(ctx, p+1)
	if err == nil {
		_, err = o.add(ctx, edict.Of(p+1))
	}
	return int64(keys), err
}

// orderForget is DN.FORGET. It gives the number of points that went here, and with PREVIEW a text instead.
func (o *Orders) orderForget(ctx context.Context, args [][]byte) (any, error) {
	if o.cfg.Redis {
		return nil, errOnRedis
	}
	preview := len(args) > 1 && strings.EqualFold(string(args[len(args)-1]), "preview")
	if preview {
		args = args[:len(args)-1]
	}
	now := o.cfg.Clock()
	from, to := int64(0), now.UnixMilli()
	if len(args) == 3 {
		var ok1, ok2 bool
		from, ok1 = millis(args[1])
		to, ok2 = millis(args[2])
		if !ok1 || !ok2 || from > to || to > now.Add(time.Second).UnixMilli() {
			return nil, errForget
		}
	} else if len(args) != 1 {
		return nil, errForget
	}
	tombs, err := o.tombs(args[0], from, to)
	if err != nil {
		return nil, err
	}
	if preview {
		keys, points := o.previewForget(edict.Of(0, tombs...))
		return fmt.Sprintf("%d keys, %d points, %s to %s%s", keys, points, stamp(tombs[0].From),
			stamp(tombs[len(tombs)-1].To), o.keeps()), nil
	}
	if err := o.vouched(); err != nil {
		return nil, err
	}
	points, err := o.add(ctx, edict.Of(0, tombs...))
	return int64(points), err
}

// keeps says who does not forget, "" mostly.
func (o *Orders) keeps() string {
	if len(o.cfg.Keeps) == 0 {
		return ""
	}
	return "; nodes on Redis forget nothing and keep their points: " + strings.Join(o.cfg.Keeps, ", ")
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z") }

// millis reads seconds since 1970, with three fraction digits at most.
func millis(arg []byte) (ms int64, ok bool) {
	p, err := series.ParseMember(append(bytes.Clone(arg), ":0"...))
	return p.TS, err == nil
}

// tombs makes the tombs of a host or a series, one for each live period that the span reaches.
func (o *Orders) tombs(name []byte, from, to int64) (tombs []edict.Tomb, err error) {
	l, host := o.cfg.Layout, !bytes.Contains(name, []byte(":"))
	parse := bytes.Clone(name)
	if host {
		parse = append(parse, ":x"...)
	}
	if _, err := series.ParseSeries(parse); err != nil {
		return nil, fmt.Errorf("forget %q: %w", name, err)
	}
	low := l.PeriodOf(to) - series.Period(o.cfg.Keep)
	if floor := o.cfg.Floor(); floor > 0 {
		low = floor
	}
	for p := max(low, l.PeriodOf(from)); p <= l.PeriodOf(to); p++ {
		first, last := l.Span(p)
		tombs = append(tombs, edict.Tomb{
			Period: p, Host: host, Name: string(name), From: max(first, from), To: min(last, to),
		})
	}
	if len(tombs) == 0 {
		return nil, fmt.Errorf("forget %q: all of that time is below the floor, %s", name, o.period(low))
	}
	return tombs, nil
}

// previewForget counts what a set would forget on this node.
func (o *Orders) previewForget(set *edict.Set) (keys, points int) {
	for _, sh := range o.cfg.Shards() {
		k, p := sh.CountDead(set)
		keys, points = keys+k, points+p
	}
	return keys, points
}

// orderFloor is DN.FLOOR, which tells where the floor is and why, and DN.FLOOR ACCEPT, by which an operator vouches for
// this node's clock, and for what peers say was dropped and forgotten.
func (o *Orders) orderFloor(ctx context.Context, args [][]byte) (any, error) {
	want := o.cfg.Layout.PeriodOf(o.cfg.Clock().UnixMilli()) - series.Period(o.cfg.Keep)
	switch {
	case len(args) == 1 && strings.EqualFold(string(args[0]), "accept"):
		if want > o.cfg.Floor() {
			if _, err := o.cfg.Raise(ctx, want); err != nil {
				return nil, err
			}
		}
		if err := o.accept(ctx); err != nil {
			return nil, err
		}
	case len(args) > 0:
		return nil, errors.New("want DN.FLOOR or DN.FLOOR ACCEPT")
	}
	set := o.Set()
	text := fmt.Sprintf("floor=%s,clock_wants=%s,dropped_below=%s,tombstones=%d", o.period(o.cfg.Floor()),
		o.period(want), o.period(set.Dropped()), len(set.Tombs()))
	for _, why := range []string{o.cfg.Clocks().Doubt(), o.Warning()} {
		if why != "" {
			text += ",paused=" + why
		}
	}
	return text, nil
}
