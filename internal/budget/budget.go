package budget

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// The reasons why a Budget refuses. Both are store.ErrMemory; each reads on from "command not allowed when ".
var (
	// ErrFull: the limit is used up, no point that needs memory is taken.
	ErrFull = fmt.Errorf("%w: raise --engine.max-memory (CONFIG SET maxmemory), keep fewer periods, "+
		"or drop one with DN.DROP", store.ErrMemory)
	// ErrFullForSeries: what is left of the limit is kept for the series that are there.
	ErrFullForSeries = fmt.Errorf("%w for new series (95%% of it): raise --engine.max-memory "+
		"(CONFIG SET maxmemory), keep fewer periods, or drop one with DN.DROP", store.ErrMemory)
)

// Policy is what happens when the limit is reached.
type Policy int32

// The policies, named as CONFIG maxmemory-policy does.
const (
	NoEviction Policy = iota // refuse
	DropOldest               // drop whole oldest periods, never the current one; refuse when none is left
)

var policies = [...]string{"noeviction", "drop-oldest"}

func (p Policy) String() string { return policies[p] }

// ParsePolicy reads the name of a policy.
func ParsePolicy(s string) (Policy, error) {
	for i, name := range policies {
		if s == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("memory policy %q: want noeviction or drop-oldest", s)
}

// Budget is the limits of one node.
type Budget struct {
	max, used, other, peak atomic.Int64        // bytes
	parts                  [parts]atomic.Int64 // of other
	names, indexed         atomic.Int64        // series of the stores; bytes that the index takes for each
	policy                 atomic.Int32
	stuck                  atomic.Bool // drop-oldest has nothing left to drop
	maxSeries              atomic.Int64
	refusals               refusals
	pressure               chan struct{}

	mu      sync.Mutex // protects periods
	periods map[series.Period]*Period
}

type refusals struct{ memory, series, deferred, dropped atomic.Int64 }

// Counters are what a Budget has seen since its start.
type Counters struct {
	RefusedMemory int64 // points of clients, for want of memory
	RefusedSeries int64 // points of clients, by the limit on series
	Deferred      int64 // merges put off, for want of memory
	Dropped       int64 // periods dropped to make room
}

// New makes a Budget without limits.
func New() *Budget {
	return &Budget{pressure: make(chan struct{}, 1), periods: map[series.Period]*Period{}}
}

// Add says that the stores hold n bytes more, or fewer.
func (b *Budget) Add(n int64) {
	if b != nil && n != 0 {
		b.used.Add(n)
		b.notePeak()
	}
}

// Part is something that a node holds besides its stores.
type Part int

// The parts.
const (
	PlainKeys Part = iota
	Buffers        // of clients
	Index          // of hosts and metrics, with their newest values
	Log            // records that are not on disk for certain
	Peers          // the log that peers are served from, and what replicas are compared by
	parts
)

// Set says how many bytes a part has now. It is nobody's append path: once or a few times a second is enough.
func (b *Budget) Set(p Part, bytes int64) {
	b.other.Add(bytes - b.parts[p].Swap(bytes))
	b.notePeak()
}

// Part is what Set said last, bytes. The index counts from the start with all series that the stores have: it learns of
// them a little later.
func (b *Budget) Part(p Part) int64 {
	bytes := b.parts[p].Load()
	if p == Index {
		bytes = max(bytes, b.names.Load()*b.indexed.Load())
	}
	return bytes
}

// SetIndexed says what the index takes for each series, bytes.
func (b *Budget) SetIndexed(bytes int64) { b.indexed.Store(bytes) }

// AddSeries says that the stores know n series more, or fewer.
func (b *Budget) AddSeries(n int) {
	if b != nil {
		b.names.Add(int64(n))
	}
}

func (b *Budget) notePeak() {
	for used := b.Used(); ; {
		peak := b.peak.Load()
		if used <= peak || b.peak.CompareAndSwap(peak, used) {
			return
		}
	}
}

// Used is all that is counted, bytes. It is what the limit limits.
func (b *Budget) Used() int64 {
	return b.used.Load() + b.other.Load() + b.Part(Index) - b.parts[Index].Load()
}

// Peak is the most that Used has been.
func (b *Budget) Peak() int64 { return b.peak.Load() }

// Max is the limit, bytes; 0 = none.
func (b *Budget) Max() int64 { return b.max.Load() }

// SetMax sets the limit. It may be below what is used: then nothing more is taken.
func (b *Budget) SetMax(bytes int64) {
	b.max.Store(bytes)
	b.wake(b.Used())
}

// Policy is what happens at the limit.
func (b *Budget) Policy() Policy { return Policy(b.policy.Load()) }

// SetPolicy sets what happens at the limit.
func (b *Budget) SetPolicy(p Policy) {
	b.policy.Store(int32(p))
	b.wake(b.Used())
}

// AdmitGrowth says whether memory may grow for points of a series that is there.
func (b *Budget) AdmitGrowth() error {
	if b == nil || b.max.Load() == 0 {
		return nil
	}
	limit, used := b.max.Load(), b.Used()
	if b.wake(used) {
		limit += limit / 16 // until something is dropped
	}
	if used > limit {
		return ErrFull
	}
	return nil
}

// AdmitMemoryForSeries says whether there is memory for a series that is new in its period.
func (b *Budget) AdmitMemoryForSeries() error {
	if err := b.AdmitGrowth(); err != nil {
		return err
	}
	if b == nil || b.max.Load() == 0 || b.drops() {
		return nil
	}
	if b.Used() > highWater(b.max.Load()) {
		return ErrFullForSeries
	}
	return nil
}

// Full says whether the limit is passed, for what asks for memory outside the stores.
func (b *Budget) Full() error {
	if b == nil || b.max.Load() == 0 || b.Used() <= b.max.Load() {
		return nil
	}
	return ErrFull
}

// highWater is 95 percent.
func highWater(limit int64) int64 { return limit - limit/20 }

// drops says that the policy makes room.
func (b *Budget) drops() bool { return b.Policy() == DropOldest && !b.stuck.Load() }

// wake calls for a drop when the policy is to drop and little room is left. It says whether one will come.
func (b *Budget) wake(used int64) bool {
	limit := b.max.Load()
	if limit == 0 || !b.drops() {
		return false
	}
	if used > highWater(limit) {
		select {
		case b.pressure <- struct{}{}:
		default:
		}
	}
	return true
}

// Pressure gets a value when a period should be dropped.
func (b *Budget) Pressure() <-chan struct{} { return b.pressure }

// MustDrop says whether the policy wants a period dropped now.
func (b *Budget) MustDrop() bool {
	limit := b.max.Load()
	return limit > 0 && b.Policy() == DropOldest && b.Used() > highWater(limit)
}

// SetStuck says whether there is a period that may be dropped; without one drop-oldest refuses as noeviction does.
func (b *Budget) SetStuck(stuck bool) { b.stuck.Store(stuck) }

// CountDropped counts periods that were dropped to make room.
func (b *Budget) CountDropped(n int) { b.refusals.dropped.Add(int64(n)) }

// CountRefused counts n points of a client that were refused for a reason of this package.
func (b *Budget) CountRefused(why error, n int) {
	switch {
	case b == nil:
	case why == store.ErrDamaged: // that is no limit
	case IsSeriesLimit(why):
		b.refusals.series.Add(int64(n))
	default:
		b.refusals.memory.Add(int64(n))
	}
}

// CountDeferred counts a merge that was put off.
func (b *Budget) CountDeferred() {
	if b != nil {
		b.refusals.deferred.Add(1)
	}
}

// Counters gives the current counts.
func (b *Budget) Counters() Counters {
	r := &b.refusals
	return Counters{r.memory.Load(), r.series.Load(), r.deferred.Load(), r.dropped.Load()}
}

// Refusal counts the points of one group that a limit kept out.
type Refusal struct {
	N   int
	Why error // of the first
}

// Add counts n more.
func (r *Refusal) Add(n int, why error) {
	if n > 0 && r.N == 0 {
		r.Why = why
	}
	r.N += n
}
