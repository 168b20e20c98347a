package orders

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/retention"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// Config is what Orders is made of.
type Config struct {
	Layout series.Layout
	Keep   int
	Path   string // of the file that keeps the set; "" = it is not kept
	Write  func(path string, data []byte) error
	Clock  func() time.Time
	Clocks func() retention.Clocks // for doubt
	Shards func() []*shard.Shard
	Floor  func() series.Period
	// Raise makes a floor durable, drops what is below it, and gives the number of keys that were here.
	Raise func(ctx context.Context, floor series.Period) (keys int, err error)
	// Forgot is told that points of some periods of a shard were taken out.
	Forgot func(shard int, periods []series.Period)
	Told   func() // called when there is something new for peers
	Backup func(ctx context.Context, name string) (string, error)
	Redis  bool     // the node is on Redis
	Keeps  []string // nodes of the flock that forget nothing: those on Redis
	Log    *slog.Logger
}

// Orders is safe for concurrent use.
type Orders struct {
	cfg Config
	set atomic.Pointer[edict.Set]

	obeying sync.Mutex // the set and what the shards go by change together; held for a moment, also under mu

	mu      sync.Mutex // one change at a time; protects what follows
	refused *edict.Set // what peers say and this node's clock does not let it do
	why     string     // something that peers say is not taken over, "" = all is
}

var _ peering.Edicts = (*Orders)(nil)

// New makes Orders, and reads what an earlier run kept. A file that is damaged is reported and counts as none: the log
// knows it too.
func New(cfg Config) *Orders {
	o := &Orders{cfg: cfg}
	o.load()
	return o
}

// Set is what holds now.
func (o *Orders) Set() *edict.Set { return o.set.Load() }

// load reads the file.
func (o *Orders) load() {
	if o.cfg.Path == "" {
		return
	}
	data, err := os.ReadFile(o.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		var set *edict.Set
		if set, err = edict.ParseFile(data, o.cfg.Layout); err == nil {
			o.set.Store(set)
		}
	}
	if err != nil {
		o.cfg.Log.Error("the kept edicts are not usable, the log may have them", "file", o.cfg.Path, "err", err)
	}
}

// Recall unites what the log knows, before there are shards. A segment may know nothing.
func (o *Orders) Recall(logged [][]byte) {
	for _, data := range logged {
		if len(data) == 0 {
			continue
		}
		set, err := edict.Read(data, o.cfg.Layout)
		if err == nil {
			set, err = o.set.Load().With(set)
		}
		if err != nil {
			o.cfg.Log.Error("what the log knows of edicts is not usable, the file or peers may have it", "err", err)
			continue
		}
		o.set.Store(set)
	}
}

// Logged is what the log is to know, nil = nothing.
func (o *Orders) Logged() []byte {
	if o.Hash() == 0 {
		return nil
	}
	return o.Append(nil)
}

// Prune lets go of what concerns dropped periods only.
func (o *Orders) Prune(floor series.Period) {
	shards := o.cfg.Shards()
	o.obeying.Lock()
	defer o.obeying.Unlock()
	if set := o.set.Load(); set.Below(floor) != set {
		o.obey(shards, set.Below(floor))
	}
}

// obey makes a set hold. obeying is locked.
func (o *Orders) obey(shards []*shard.Shard, set *edict.Set) {
	o.set.Store(set)
	for _, sh := range shards {
		sh.Obey(set)
	}
}

// Hash implements peering.Edicts.
func (o *Orders) Hash() uint64 { return o.set.Load().Hash() }

// Append implements peering.Edicts.
func (o *Orders) Append(dst []byte) []byte { return o.set.Load().Append(dst) }

// Learn implements peering.Edicts. What lies in the future of this node's clock is not taken over: a peer's clock could
// wipe what is alive.
func (o *Orders) Learn(ctx context.Context, peer string, data []byte) error {
	told, err := edict.Read(data, o.cfg.Layout)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.cfg.Clock()
	period := o.cfg.Layout.PeriodOf(now.UnixMilli())
	dropped := told.Dropped()
	if dropped > period {
		dropped = 0
	}
	var past []edict.Tomb
	for _, t := range told.Tombs() {
		if t.Period >= o.cfg.Floor() && t.To <= now.Add(shard.MaxAhead).UnixMilli() {
			past = append(past, t)
		}
	}
	o.refused, o.why = nil, ""
	if dropped != told.Dropped() || len(past) < len(told.Below(o.cfg.Floor()).Tombs()) {
		o.refused, o.why = told, peer+" was told to drop or forget what is in the future of this node's clock"
		err = fmt.Errorf("%s: %w", o.why, errFuture)
	}
	_, applyErr := o.apply(ctx, edict.Of(dropped, past...))
	if applyErr != nil {
		o.why = fmt.Sprintf("what %s was told to drop or forget is not taken over: %v", peer, applyErr)
	}
	return errors.Join(err, applyErr)
}

var errFuture = errors.New("if this clock is wrong, set it right; if it is right, look at the other node's; " +
	"DN.FLOOR ACCEPT takes it over as it is")

// accept takes over what was refused.
func (o *Orders) accept(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refused == nil {
		return nil
	}
	_, err := o.apply(ctx, o.refused)
	if err == nil {
		o.refused, o.why = nil, ""
	}
	return err
}

// add does what an operator says, and gives how many points went.
func (o *Orders) add(ctx context.Context, set *edict.Set) (points int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.apply(ctx, set)
}

// apply keeps what is new of a set, then does it, and tells the peers.
func (o *Orders) apply(ctx context.Context, told *edict.Set) (points int, err error) {
	was := o.set.Load()
	set, err := was.With(told)
	if err != nil {
		return 0, err
	}
	if set = set.Below(o.cfg.Floor()); set.Hash() == was.Hash() {
		return 0, nil
	}
	if o.cfg.Path != "" {
		if err := o.cfg.Write(o.cfg.Path, edict.AppendFile(nil, set)); err != nil {
			return 0, fmt.Errorf("keep what is to be dropped and forgotten: %w", err)
		}
	}
	shards := o.cfg.Shards()
	o.obeying.Lock()
	o.obey(shards, set)
	o.obeying.Unlock()
	var periods []series.Period
	for _, p := range told.Periods() {
		if set.Any(p) {
			periods = append(periods, p)
		}
	}
	points = o.bury(shards, periods)
	o.cfg.Told()
	if set.Dropped() > max(was.Dropped(), o.cfg.Floor()) { // else the floor is there, and the reply need not wait
		_, err = o.cfg.Raise(ctx, set.Dropped())
	}
	o.cfg.Log.Info("told to drop or forget", "dropped_below", o.period(set.Dropped()), "tombstones", len(set.Tombs()),
		"points_forgotten", points)
	return points, err
}

// bury takes out what is forgotten of some periods.
func (o *Orders) bury(shards []*shard.Shard, periods []series.Period) (points int) {
	for _, sh := range shards {
		n := 0
		if !sh.Loading() { // else it is done when all is loaded
			n = sh.Bury(periods)
		}
		if points += n; n > 0 {
			o.cfg.Forgot(sh.ID(), periods)
		}
	}
	return points
}

// Warning is what people should know, "" mostly.
func (o *Orders) Warning() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.why
}

// period writes a period for people, "" for none.
func (o *Orders) period(p series.Period) string {
	if p <= 0 {
		return ""
	}
	return o.cfg.Layout.PeriodString(p)
}
