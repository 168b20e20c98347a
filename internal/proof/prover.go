package proof

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/gentle"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// How often things are done.
const (
	Every  = time.Minute // each peer is asked
	Reread = time.Hour   // all points in memory are read
	again  = 10          // rounds before a difference that stays is repaired again

	// Patience is for how many rounds a shard may have points that its vector does not cover, before its peers are told
	// to compare with it: the entries that will cover them mostly come at once, or else never.
	Patience = 3
)

// Peer is a node to be compared with; a peering.Link is one.
type Peer interface {
	Peer() string
	Shards() []*shard.Shard                  // of this node: those that the peer holds too
	Follows() (other peering.Hello, ok bool) // whether its log is followed: else there is nothing to prove
	Compared(shard int) uint64
	Remote(ctx context.Context) (exchange.Remote, error)
}

// Config is what a Prover is made of.
type Config struct {
	Self   *peering.Feed
	Peers  []Peer
	Layout series.Layout
	Every  time.Duration // 0 = the default
	Reread time.Duration // 0 = the default
	// Mended is told of a period of a shard whose memory was mended: what is on disk of it may be wrong. May be nil.
	Mended func(shard int, p series.Period)
	Log    *slog.Logger
}

// Prover compares this node with its peers, and with itself.
type Prover struct {
	cfg   Config
	was   map[at]Pair
	same  map[at]time.Time         // when the digests of all hours were the same
	ahead map[at]int               // rounds in which the own side had points that its vector did not cover yet
	seen  map[at]map[int64]counted // differences that were counted

	mu     sync.Mutex // protects status
	status Status
}

// at is a shard of a peer.
type at struct {
	peer  string
	shard int
}

// counted is a difference that was counted.
type counted struct {
	Difference
	rounds int // since the last repair
}

// Status is what a Prover tells.
type Status struct {
	Divergence int64  // differences that were found, and damage
	Repaired   int64  // points that repairs of them brought
	Damaged    int64  // series and periods whose memory was damaged
	Mended     int64  // of these, the ones that a peer's points mended
	Hurt       int    // of these, the ones that are damaged still
	Last       string // what was found last, "" = nothing yet
	LastAt     time.Time
	Reads      int64           // of all points in memory that were done
	Shards     map[int]int64   // by shard: how many of Divergence
	Peers      map[string]Seen // by name
}

// Seen is how a peer looked when it was asked last: the hours of all shards.
type Seen struct {
	At                    time.Time
	Equal, Moving, Differ int
	Open                  int         // shards of which nothing can be said
	Shards                map[int]int // by shard: how many of Differ
	Proven                time.Time   // when nothing was open and nothing differed; zero = never
	// Same is when the digests of all hours were the same on both sides, of each shard then or later, since the peer is
	// followed; zero = not yet. Under a steady load the hour that is written to hardly ever is.
	Same time.Time
}

// New makes a Prover. It starts nothing.
func New(cfg Config) *Prover {
	if cfg.Every == 0 {
		cfg.Every = Every
	}
	if cfg.Reread == 0 {
		cfg.Reread = Reread
	}
	return &Prover{
		cfg: cfg, was: map[at]Pair{}, same: map[at]time.Time{}, ahead: map[at]int{}, seen: map[at]map[int64]counted{},
		status: Status{Shards: map[int]int64{}, Peers: map[string]Seen{}},
	}
}

// Run proves until ctx ends.
func (p *Prover) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { p.runReads(ctx) })
	for gentle.Wait(ctx, p.cfg.Every/2+rand.N(p.cfg.Every)) {
		for _, peer := range p.cfg.Peers {
			if _, ok := peer.Follows(); !ok {
				p.lose(peer)
				continue
			}
			if err := p.round(ctx, peer); err != nil && ctx.Err() == nil {
				p.cfg.Log.Debug("proof", "peer", peer.Peer(), "err", err)
			}
		}
	}
	all.Wait()
	return nil
}

// lose notes that a peer is not followed: it goes its own way.
func (p *Prover) lose(peer Peer) {
	maps.DeleteFunc(p.same, func(a at, _ time.Time) bool { return a.peer == peer.Peer() })
	p.mu.Lock()
	defer p.mu.Unlock()
	if seen, ok := p.status.Peers[peer.Peer()]; ok {
		seen.Same = time.Time{}
		p.status.Peers[peer.Peer()] = seen
	}
}

// sameAt is since when all shards of a peer have been seen to be the same; zero = one never was.
func (p *Prover) sameAt(peer Peer) (oldest time.Time) {
	for i, sh := range peer.Shards() {
		if t := p.same[at{peer.Peer(), sh.ID()}]; i == 0 || t.Before(oldest) {
			oldest = t
		}
	}
	return oldest
}

// round looks at all shards of a peer.
func (p *Prover) round(ctx context.Context, peer Peer) error {
	remote, err := peer.Remote(ctx)
	if err != nil {
		return err
	}
	sum := Seen{At: time.Now(), Shards: map[int]int{}}
	for _, sh := range peer.Shards() {
		v, err := p.look(ctx, peer, sh, remote)
		if err != nil {
			return fmt.Errorf("shard %d: %w", sh.ID(), err)
		}
		sum.Equal, sum.Moving, sum.Differ = sum.Equal+v.Equal, sum.Moving+v.Moving, sum.Differ+len(v.Different)
		sum.Shards[sh.ID()] = len(v.Different)
		if v.Open {
			sum.Open++
		}
	}
	sum.Same = p.sameAt(peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	sum.Proven = p.status.Peers[peer.Peer()].Proven
	if sum.Open+sum.Differ == 0 {
		sum.Proven = sum.At
	}
	p.status.Peers[peer.Peer()] = sum
	return nil
}

// look compares one shard, and repairs what differs.
func (p *Prover) look(ctx context.Context, peer Peer, sh *shard.Shard, remote exchange.Remote) (v Verdict, err error) {
	here := at{peer.Peer(), sh.ID()}
	var is Pair
	is.Compared = peer.Compared(sh.ID()) // before the peer is asked: what it says later is not compared with yet
	if is.Peer, err = remote.Snapshot(ctx, sh.ID()); err != nil {
		return v, err
	}
	if is.Own, err = p.cfg.Self.Source().Snapshot(ctx, sh.ID()); err != nil {
		return v, err
	}
	if p.ahead[here]++; !is.Own.Ahead {
		p.ahead[here] = 0
	} else if p.ahead[here] == Patience {
		exceed(sh)
	}
	if is.Own.Whole && is.Peer.Whole && maps.Equal(digests(is.Own), digests(is.Peer)) {
		p.same[here] = time.Now()
	}
	was, ok := p.was[here]
	p.was[here] = is
	if !ok {
		return Verdict{Open: true}, nil
	}
	if v = Judge(sh.Layout(), was, is); v.Open {
		return v, nil
	}
	hours := append(p.count(here, v.Different), v.Lacking...)
	if len(hours) == 0 {
		return v, nil
	}
	return v, p.repair(ctx, here, exchange.Want{Shard: sh, Hours: hours}, remote)
}

// exceed tells the peers to compare with a shard: entries that its points belong to have not come.
func exceed(sh *shard.Shard) {
	tx := sh.Begin()
	defer tx.End()
	tx.Peers().Exceed()
}

// count counts the differences that are new, and gives the hours that are to be repaired.
func (p *Prover) count(here at, found []Difference) (hours []int64) {
	before := p.seen[here]
	p.seen[here] = map[int64]counted{}
	for _, d := range found {
		s := counted{d, 0}
		if old, known := before[d.Hour]; known && old.Difference == d {
			s.rounds = (old.rounds + 1) % again
		} else {
			p.note(here.shard, "hour %s: %d points here, %d on %s", hourText(d.Hour), d.Own.Points, d.Peer.Points,
				here.peer)
		}
		p.seen[here][d.Hour] = s
		if s.rounds == 0 {
			hours = append(hours, d.Hour)
		}
	}
	return hours
}

// note counts a difference and says what it is.
func (p *Prover) note(shard int, format string, args ...any) {
	text := fmt.Sprintf("shard %d, "+format, append([]any{shard}, args...)...)
	p.mu.Lock()
	p.status.Divergence++
	p.status.Shards[shard]++
	p.status.Last, p.status.LastAt = text, time.Now()
	p.mu.Unlock()
	p.cfg.Log.Error("replicas differ though nothing is under way", "what", text)
}

// repair fetches what this side lacks of some hours. What the other side lacks it fetches itself.
func (p *Prover) repair(ctx context.Context, here at, w exchange.Want, remote exchange.Remote) error {
	x := exchange.New(w, remote)
	done, err := false, error(nil)
	for !done && err == nil {
		done, err = x.Step(ctx)
	}
	if err != nil {
		x.Abandon()
	}
	p.mu.Lock()
	p.status.Repaired += int64(x.Repair.Points)
	p.mu.Unlock()
	p.cfg.Log.Warn("replicas differed, and were compared", "peer", here.peer, "shard", here.shard,
		"hours", x.Repair.Hours, "latest", hourText(w.Hours[0]), "series", x.Repair.Series,
		"points_brought", x.Repair.Points, "of", x.Named, "err", err)
	return err
}

func hourText(hour int64) string {
	return time.UnixMilli(hour * store.HourMillis).UTC().Format("2006-01-02T15")
}

// Status is safe to call while Run runs.
func (p *Prover) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Shards, s.Peers = maps.Clone(p.status.Shards), maps.Clone(p.status.Peers)
	return s
}
