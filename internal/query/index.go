package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Config describes an Index.
type Config struct {
	Layout  series.Layout
	Readers map[int]store.Reader // by shard number
	// Place is the shard of a key. It is asked for series that no journal has named yet. May be nil.
	Place func(key []byte) int
	Clock func() time.Time
	Poll  time.Duration // how often a journal is read, 250 ms if 0
}

// Index knows the hosts, metrics and newest values of the shards it follows. It is safe for concurrent use.
type Index struct {
	cfg Config

	mu      sync.RWMutex // protects what follows
	hosts   map[string]*host
	series  int          // of all hosts
	ring    entry        // sentinel of the list of entries by version, newest change first
	version uint64       // of the last change
	dropped uint64       // version at which series last disappeared
	feeds   map[int]feed // by shard
	restart map[int]bool // shards that are to be read anew
	rate    rate

	pace pace
}

// host is everything known under one name.
type host struct {
	name    string // as people write it
	newest  int64  // ms, over all metrics
	metrics map[string]*entry
}

// entry is one series.
type entry struct {
	host       *host
	metric     string
	escaped    string // host:metric as in keys
	newest     series.Point
	places     []place
	version    uint64 // of the last change
	late       uint64 // version of the last change that did not move newest
	prev, next *entry
}

// place is where points of a series are.
type place struct {
	shard  int
	period series.Period
}

// feed is how far a journal has been followed.
type feed struct {
	ready bool // read to its end once
	err   error
}

// NewIndex makes an index. It is empty until Run follows the journals.
func NewIndex(cfg Config) *Index {
	if cfg.Poll == 0 {
		cfg.Poll = 250 * time.Millisecond
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	x := &Index{cfg: cfg, hosts: map[string]*host{}, feeds: map[int]feed{}, restart: map[int]bool{}}
	x.ring.prev, x.ring.next = &x.ring, &x.ring
	x.pace.begin()
	for shard := range cfg.Readers {
		x.feeds[shard] = feed{}
	}
	return x
}

// Run follows the journals of all readers until ctx ends. A reader that fails is asked again, with a pause. Those of
// stores in memory take turns once they have been read to their ends: a timer for each would cost more than they do.
func (x *Index) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	ready := make(chan *follower, len(x.cfg.Readers))
	for _, shard := range slices.Sorted(maps.Keys(x.cfg.Readers)) {
		f := x.newFollower(shard, x.cfg.Readers[shard])
		g.Go(func() error { return f.run(ctx, ready) })
	}
	g.Go(func() error { return x.runLocal(ctx, ready) })
	return g.Wait()
}

// What a host and a series take in memory, about, bytes: the structs, their places in maps, the text.
const (
	hostCost   = 256
	SeriesCost = 320
)

// Bytes is about what the index takes in memory.
func (x *Index) Bytes() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int64(len(x.hosts))*hostCost + int64(x.series)*SeriesCost
}

// Ready is nil once every journal has been read to its end; else it says which shard is missing and why.
func (x *Index) Ready() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for shard, f := range x.feeds {
		if !f.ready && f.err != nil {
			return fmt.Errorf("label index: shard %d: %w", shard, f.err)
		}
		if !f.ready {
			return fmt.Errorf("label index: the journal of shard %d is still being read", shard)
		}
	}
	return nil
}

var errResting = errors.New("label index: what changed while nobody looked is still being read")

// Lacking says why what is about to be asked for may not be all there is, nil when it is.
func (x *Index) Lacking() error {
	if !x.pace.look() {
		return errResting
	}
	return x.Ready()
}

// Errors gives the shards whose journal can not be read now, and why, by shard.
func (x *Index) Errors() []error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var out []error
	for _, shard := range slices.Sorted(maps.Keys(x.feeds)) {
		if err := x.feeds[shard].err; err != nil {
			out = append(out, fmt.Errorf("shard %d can not be read: %w", shard, err))
		}
	}
	return out
}

// Restart makes what is known of a shard be read anew, when points were taken out of it.
func (x *Index) Restart(shard int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.restart[shard] = true
}

// HostSummary is a host at a glance.
type HostSummary struct {
	Name    string
	Metrics int
	Newest  int64 // ms, the newest point of any metric
}

// Hosts gives all hosts by name.
func (x *Index) Hosts() []HostSummary {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([]HostSummary, 0, len(x.hosts))
	for _, h := range x.hosts {
		out = append(out, HostSummary{h.name, len(h.metrics), h.newest})
	}
	slices.SortFunc(out, func(a, b HostSummary) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// HostSummary gives one host; false when it is not known.
func (x *Index) HostSummary(name string) (HostSummary, bool) {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	h, ok := x.hosts[name]
	if !ok {
		return HostSummary{}, false
	}
	return HostSummary{h.name, len(h.metrics), h.newest}, true
}

// Metric is a metric name and the number of hosts that write it.
type Metric struct {
	Name  string
	Hosts int
}

// Metrics gives all metric names, sorted.
func (x *Index) Metrics() []Metric {
	x.pace.look()
	x.mu.RLock()
	count := map[string]int{}
	for _, h := range x.hosts {
		for m := range h.metrics {
			count[m]++
		}
	}
	x.mu.RUnlock()
	out := make([]Metric, 0, len(count))
	for m, n := range count {
		out = append(out, Metric{m, n})
	}
	slices.SortFunc(out, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Newest is the newest value of a series.
type Newest struct {
	Host, Metric string
	Sample
	Late bool // the last change added points that are not the newest
}

func (e *entry) describe(since uint64) Newest {
	return Newest{e.host.name, e.metric, sample(e.newest), e.late > since}
}

// Host gives the newest value of each metric of a host, by metric; nil when the host is not known.
func (x *Index) Host(name string) []Newest {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	h, ok := x.hosts[name]
	if !ok {
		return nil
	}
	out := make([]Newest, 0, len(h.metrics))
	for _, e := range h.metrics {
		out = append(out, e.describe(e.version))
	}
	slices.SortFunc(out, func(a, b Newest) int { return cmp.Compare(a.Metric, b.Metric) })
	return out
}

// Newest gives the newest value of one series.
func (x *Index) Newest(hostName, metric string) (Newest, bool) {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	if e := x.find(hostName, metric); e != nil {
		return e.describe(e.version), true
	}
	return Newest{}, false
}

// Updates is what changed since a version. However much changed, it holds each series once, with its newest value:
// a slow reader costs nothing and misses no state.
type Updates struct {
	Version uint64 // to ask with next time
	Series  []Newest
	Dropped bool // series disappeared: start again from a snapshot
}

// Since gives what changed after the given version, the latest change first. Version 0 gives everything.
func (x *Index) Since(version uint64) Updates {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	u := Updates{Version: x.version, Dropped: x.dropped > version}
	for e := x.ring.next; e != &x.ring && e.version > version; e = e.next {
		u.Series = append(u.Series, e.describe(version))
	}
	return u
}

// Version is that of the last change.
func (x *Index) Version() uint64 {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.version
}

// ChangesPerSecond is how many series changed per second over the last ten seconds.
func (x *Index) ChangesPerSecond() float64 {
	x.pace.look()
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rate.perSecond(x.cfg.Clock().Unix())
}

func (x *Index) find(hostName, metric string) *entry {
	if h := x.hosts[hostName]; h != nil {
		return h.metrics[metric]
	}
	return nil
}
