package budget

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// MaxSeries is the limit on series per period; 0 = none.
func (b *Budget) MaxSeries() int64 { return b.maxSeries.Load() }

// SetMaxSeries sets the limit on series per period. Hosts are counted from then on.
func (b *Budget) SetMaxSeries(n int64) { b.maxSeries.Store(n) }

// IsSeriesLimit says whether a refusal comes from the limit on series.
func IsSeriesLimit(err error) bool { return errors.Is(err, store.ErrSeriesLimit) }

// Period counts the series of one period over all shards of a node.
type Period struct {
	b      *Budget
	id     series.Period
	users  int // stores that hold it; under b.mu
	series atomic.Int64

	mu    sync.Mutex // protects what follows
	hosts map[string]*hostCount
	worst string // of hosts, as text; "" = look again
	until time.Time
}

type hostCount struct{ series, fresh int64 }

// Hold gives the counts of a period to a store, until it calls Release.
func (b *Budget) Hold(id series.Period) *Period {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.periods[id]
	if p == nil {
		p = &Period{b: b, id: id}
		b.periods[id] = p
	}
	p.users++
	return p
}

// Release says that a store dropped the period, with so many series.
func (p *Period) Release(held int) {
	if p == nil {
		return
	}
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.series.Add(-int64(held))
	if p.users--; p.users == 0 {
		delete(p.b.periods, p.id)
	}
}

// NewSeries is a series that is about to be new in its period.
type NewSeries struct {
	Host    []byte
	Fresh   bool // no other period has it
	NoLimit bool // it was admitted where it entered: count it, whatever the limit says
}

// Admit counts a series that is new in the period, or refuses it. name is how people write the period.
func (p *Period) Admit(n NewSeries, name func() string) error {
	if p == nil {
		return nil
	}
	limit := p.b.MaxSeries()
	if count := p.series.Add(1); limit > 0 && count > limit && !n.NoLimit {
		p.series.Add(-1)
		return &SeriesLimitError{Limit: limit, Period: name(), Worst: p.worstHost(time.Now())}
	}
	if limit > 0 {
		p.count(n)
	}
	return nil
}

// Forget says that a series of the period has no points any more.
func (p *Period) Forget() {
	if p != nil {
		p.series.Add(-1)
	}
}

// Series is the number of series of the period over all shards.
func (p *Period) Series() int64 { return p.series.Load() }

func (p *Period) count(n NewSeries) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]*hostCount{}
	}
	c := p.hosts[string(n.Host)]
	if c == nil {
		c = new(hostCount)
		p.hosts[string(n.Host)] = c
	}
	c.series++
	if n.Fresh {
		c.fresh++
	}
}

// worstFor is how long the answer of worstHost is used again: looking at all hosts for each refusal would cost.
const worstFor = time.Second

// worstHost names the host with most new series, "" when nothing was counted: of those that no other period has, if
// there are any.
func (p *Period) worstHost(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.worst != "" && now.Before(p.until) {
		return p.worst
	}
	p.until = now.Add(worstFor)
	host, most := "", hostCount{}
	for h, c := range p.hosts {
		if c.fresh > most.fresh || c.fresh == most.fresh && (c.series > most.series || c.series == most.series && h < host) {
			host, most = h, *c
		}
	}
	p.worst = ""
	if host != "" {
		n := most.fresh
		if n == 0 {
			n = most.series
		}
		p.worst = fmt.Sprintf("host %s (%d)", host, n)
	}
	return p.worst
}

// SeriesLimitError is the refusal of a new series. It is store.ErrSeriesLimit.
type SeriesLimitError struct {
	Limit  int64
	Period string
	Worst  string // the host with most new series, "" when it is not known
}

func (e *SeriesLimitError) Error() string {
	text := fmt.Sprintf("more than %d series in %s (--engine.max-series-per-period)", e.Limit, e.Period)
	if e.Worst != "" {
		text += "; most new series: " + e.Worst
	}
	return text
}

// Is makes it store.ErrSeriesLimit.
func (e *SeriesLimitError) Is(target error) bool { return target == store.ErrSeriesLimit }
