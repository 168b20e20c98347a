//go:build linux

package durable

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// point is one write.
type point struct {
	period, series string // series is host:metric
	ts, value      string
}

func (p point) key() string    { return p.period + ":" + p.series }
func (p point) member() string { return p.ts + ":" + p.value }

// book is what was sent and what was acknowledged.
type book struct {
	mu    sync.Mutex
	began time.Time
	// keys is key → member → when it was acknowledged, in ns since began; 0: it was sent, no more is known.
	keys map[string]map[string]int64
}

// gone instead of a time: it was acknowledged, and its loss was excused.
const gone = -1

func newBook() *book { return &book{began: time.Now(), keys: map[string]map[string]int64{}} }

func (b *book) try(points []point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range points {
		set := b.keys[p.key()]
		if set == nil {
			set = map[string]int64{}
			b.keys[p.key()] = set
		}
		if _, known := set[p.member()]; !known {
			set[p.member()] = 0
		}
	}
}

// ack notes a reply. The first one counts: a point that is sent again is not safer for it.
func (b *book) ack(points []point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := int64(time.Since(b.began))
	for _, p := range points {
		if set := b.keys[p.key()]; set[p.member()] <= 0 {
			set[p.member()] = now
		}
	}
}

// result is what a comparison found.
type result struct {
	acked, held, excused int
	lost, invented       []string // "key member"
}

func (r result) err() error {
	if len(r.lost) == 0 && len(r.invented) == 0 {
		return nil
	}
	show := func(list []string) string { return strings.Join(list[:min(len(list), 5)], ", ") }
	return fmt.Errorf("of %d acknowledged points %d are lost (%s), %d are there that nobody sent (%s)",
		r.acked, len(r.lost), show(r.lost), len(r.invented), show(r.invented))
}

// promise is what a comparison excuses: points that were acknowledged after a time. The zero promise excuses none.
type promise struct{ until time.Time }

// compare looks for every acknowledged point, and for points that nobody sent. Of what it finds the book learns: a
// point that survived counts as acknowledged from now on, one that was excused as merely sent.
func (b *book) compare(d map[string]map[string]bool, p promise) result {
	b.mu.Lock()
	defer b.mu.Unlock()
	var r result
	until, now := int64(p.until.Sub(b.began)), int64(time.Since(b.began))
	floor := lowestPeriod()
	for key, set := range b.keys {
		if key[:len(floor)] < floor {
			continue // a midnight has passed
		}
		held := d[key]
		for member, at := range set {
			if at > 0 {
				r.acked++
			}
			switch {
			case held[member]:
				if at <= 0 {
					set[member] = now
				}
			case at <= 0:
			case !p.until.IsZero() && at > until:
				r.excused++
				set[member] = gone
			default:
				r.lost = append(r.lost, key+" "+member)
			}
		}
	}
	for key, set := range d {
		r.held += len(set)
		for member := range set {
			if _, sent := b.keys[key][member]; !sent {
				r.invented = append(r.invented, key+" "+member)
			}
		}
	}
	slices.Sort(r.lost)
	slices.Sort(r.invented)
	return r
}

// clone is a book of its own, for a copy of the data.
func (b *book) clone() *book {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &book{began: b.began, keys: make(map[string]map[string]int64, len(b.keys))}
	for k, set := range b.keys {
		m := make(map[string]int64, len(set))
		for member, at := range set {
			m[member] = at
		}
		c.keys[k] = m
	}
	return c
}

// count gives the number of acknowledged points.
func (b *book) count() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, set := range b.keys {
		for _, at := range set {
			if at > 0 {
				n++
			}
		}
	}
	return n
}

// keptPeriods is what a node without a topology keeps besides the current period.
const keptPeriods = 2

func lowestPeriod() string { return periodBefore(keptPeriods) }

// periodBefore gives the period of some days ago.
func periodBefore(days int) string {
	return time.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly)
}
