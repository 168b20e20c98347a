package query

import (
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
)

// apply enters what a journal named: the key and its newest points, which share one timestamp. No points means that
// the key is gone again.
func (x *Index) apply(shard int, k series.Key, points []series.Point) {
	if len(points) == 0 {
		return
	}
	best := Resolve(points)[0]
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.enter(k)
	x.renew(e, best, change{place{shard, k.Period}, x.cfg.Clock().Unix()})
}

// enter gives the entry of a series, a new one if need be.
func (x *Index) enter(k series.Key) *entry {
	name, metric := series.UnescapeHost(k.Host()), string(k.Metric())
	if e := x.find(name, metric); e != nil {
		return e
	}
	return x.insert(name, metric, string(k.Series))
}

// change is where a key changed, and the second of the index' clock at which that was learned.
type change struct {
	place
	now int64
}

// renew enters the best of the newest points of a key that changed.
func (x *Index) renew(e *entry, best series.Point, c change) {
	x.version++
	if x.pace.resting.Load() == nil { // else it is no change of this second
		x.rate.add(c.now)
	}
	fresh := len(e.places) == 0
	if n := e.newest; fresh || best.TS > n.TS || best.TS == n.TS && Better(best, n) {
		e.newest = series.Point{
			TS: best.TS, Frac: best.Frac,
			Value: append(n.Value[:0], best.Value...), // whoever reads it copies it under the lock
		}
	} else {
		e.late = x.version
	}
	e.host.newest = max(e.host.newest, e.newest.TS)
	if !slices.Contains(e.places, c.place) {
		e.places = append(e.places, c.place)
	}
	e.version = x.version
	e.unlink()
	e.link(&x.ring)
}

func (x *Index) insert(name, metric, escaped string) *entry {
	h := x.hosts[name]
	if h == nil {
		h = &host{name: name, metrics: map[string]*entry{}}
		x.hosts[name] = h
	}
	e := &entry{host: h, metric: metric, escaped: escaped}
	e.prev, e.next = e, e
	h.metrics[metric] = e
	x.series++
	return e
}

// oldest gives a key of the oldest period that a shard has; false when it has none.
func (x *Index) oldest(shard int) (series.Key, bool) {
	x.mu.RLock()
	name, period := "", series.Period(0)
	for _, h := range x.hosts {
		for _, e := range h.metrics {
			for _, p := range e.places {
				if p.shard == shard && (name == "" || p.period < period) {
					name, period = e.escaped, p.period
				}
			}
		}
	}
	x.mu.RUnlock()
	k, err := series.ParseSeries([]byte(name))
	k.Period = period
	return k, err == nil
}

// forget removes the places of a shard for which gone holds, and every series that has no place left.
func (x *Index) forget(shard int, gone func(escaped string, p series.Period) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	lost := false
	for _, h := range x.hosts {
		for metric, e := range h.metrics {
			e.places = slices.DeleteFunc(e.places, func(p place) bool {
				return p.shard == shard && gone(e.escaped, p.period)
			})
			if len(e.places) > 0 {
				continue
			}
			e.unlink()
			delete(h.metrics, metric)
			x.series--
			lost = true
		}
		if len(h.metrics) == 0 {
			delete(x.hosts, h.name)
		}
	}
	if lost {
		x.version++
		x.dropped = x.version
	}
}

func (x *Index) setFeed(shard int, f feed) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f.ready = f.ready || x.feeds[shard].ready
	x.feeds[shard] = f
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = e, e
}

// link puts e behind at.
func (e *entry) link(at *entry) {
	e.prev, e.next = at, at.next
	at.next.prev, at.next = e, e
}

// rate counts events per second over the last full seconds.
type rate struct {
	at     int64 // the second of the newest count
	counts [11]int64
}

func (r *rate) add(now int64) {
	r.advance(now)
	r.counts[now%int64(len(r.counts))]++
}

func (r *rate) advance(now int64) {
	n := int64(len(r.counts))
	if now-r.at >= n || now < r.at {
		*r = rate{at: now}
	}
	for ; r.at < now; r.at++ {
		r.counts[(r.at+1)%n] = 0
	}
}

// perSecond leaves out the running second. It works on a copy, so that readers need no write lock.
func (r rate) perSecond(now int64) float64 {
	r.advance(now)
	sum := -r.counts[now%int64(len(r.counts))]
	for _, c := range r.counts {
		sum += c
	}
	return float64(sum) / float64(len(r.counts)-1)
}
