package peering

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// What a Caller gives when the other node answers with an error.
var (
	// ErrNoLog: it does not speak the log protocol at all.
	ErrNoLog = errors.New("the other node does not speak the log protocol")
	// ErrRefused: it speaks it, and not with this node.
	ErrRefused = errors.New("the other node refuses")
)

// State says what a Link is doing.
type State string

// The states.
const (
	Connecting  State = "connecting"  // nothing is known of the peer yet
	Following   State = "following"   // its log, batch by batch
	Exchanging  State = "exchanging"  // the log does not reach back far enough; what is new comes all the while
	Journal     State = "journal"     // the peer speaks no log: its journals are followed
	Overdue     State = "overdue"     // the answer should have come by now: packets may be lost on the way
	Unreachable State = "unreachable" // it does not answer
	Refused     State = "refused"     // it is not who it should be
)

// How long a Link waits.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 5 * time.Second
	exchangeWait = 500 * time.Millisecond // before an exchange that was not possible is tried again
	journalCheck = 30 * time.Second       // how often a peer that speaks no log is asked whether it does now
)

// The sizes of answers: on a slow link they are small, so that each arrives in time.
const (
	firstAnswer = 16 << 10
	leastAnswer = 512
	slow        = 3 * time.Second // an answer that takes longer makes the next ones smaller
	quick       = time.Second     // one that does not lets them grow
)

// LinkConfig is what a Link is made of.
type LinkConfig struct {
	Peer    string // as the topology calls it
	Self    Hello
	Shards  []*shard.Shard // that both nodes hold
	Pull    Caller         // one connection for the log
	Compare Caller         // and one for exchanges
	Follows func() []string
	Edicts  Edicts           // may be nil
	Marks   *watermark.Board // may be nil
	// Previews: what a peer writes is asked for before its turn while much is to come before it.
	Previews bool
	// Journal follows the peer's journals until ctx ends. It is called while the peer speaks no log.
	Journal func(ctx context.Context) error
	Log     *slog.Logger
}

// Link follows one peer.
type Link struct {
	cfg  LinkConfig
	kick chan struct{} // holds one: the peer has been heard of

	learned   uint64    // Run's: the edicts of the peer that were learned last
	learnedAt time.Time // zero = none in this life of the peer

	mu     sync.Mutex // protects what follows
	status Status
	lags   map[int]time.Time // by shard: all that the peer had then is here; zero = not yet
	asked  time.Time         // when the pull that is under way was sent
	waited time.Duration     // for its answer, which is being applied; 0 = it has not come
	behind bool              // the last answer was not all there was
	life   Hello             // of the peer, while it is followed
	most   int               // bytes of records in an answer
	trip   time.Duration     // there and back, as the hello took
	united map[int]uint64    // by shard: the excess of the peer that was exchanged
}

// Status is what a Link tells of itself.
type Status struct {
	Peer     string
	State    State
	Err      string    // of the last failure, "" once it works again
	Complete time.Time // the peer's clock, up to which all of it is here; zero = not yet
	Points   int64     // that were in new entries of the peer's log
	Entries  int64     // that it sent
	Useful   int64     // of these, the ones that were new
	Shown    int64     // and those that came before their turn
	Repaired int64     // points that exchanges brought
	Compares int64     // exchanges that were done
	Yields   int64     // pauses of exchanges, for the log
	Lag      map[int]time.Duration
}

// NewLink makes a Link. It starts nothing.
func NewLink(cfg LinkConfig) *Link {
	return &Link{
		cfg: cfg, kick: make(chan struct{}, 1), status: Status{Peer: cfg.Peer, State: Connecting},
		lags: map[int]time.Time{}, most: firstAnswer,
	}
}

// Run follows the peer until ctx ends. It returns nil then.
func (l *Link) Run(ctx context.Context) error {
	for backoff := firstBackoff; ctx.Err() == nil; {
		other, err := l.hello(ctx)
		switch {
		case errors.Is(err, ErrNoLog):
			l.set(Journal, nil)
			if err := l.runJournal(ctx); err != nil {
				return err
			}
			continue
		case err == nil:
			began := time.Now()
			err = l.runFollow(ctx, other)
			if time.Since(began) > mostBackoff {
				backoff = firstBackoff
			}
		}
		if ctx.Err() != nil {
			break
		}
		l.set(failed(err), err)
		if heard := l.wait(ctx, backoff/2+rand.N(backoff)); heard {
			backoff = firstBackoff
		} else {
			backoff = min(2*backoff, mostBackoff)
		}
	}
	return nil
}

func failed(err error) State {
	for _, why := range []error{ErrCluster, ErrVersion, ErrSelf, errOther, ErrRefused} {
		if errors.Is(err, why) {
			return Refused
		}
	}
	return Unreachable
}

var errOther = errors.New("another node answers at its address")

// hello introduces both sides.
func (l *Link) hello(ctx context.Context) (other Hello, err error) {
	var b []byte
	var began time.Time
	for range 2 { // the first may have to dial: the second says how long a round trip takes
		began = time.Now()
		if b, err = l.cfg.Pull.Call(ctx, "DN.PEER", []byte(l.cfg.Self.String())); err != nil {
			return other, err
		}
	}
	l.mu.Lock()
	l.trip = time.Since(began)
	l.mu.Unlock()
	if other, err = ParseHello(string(b)); err != nil {
		return other, err
	}
	if err = l.cfg.Self.Check(other); err == nil && other.Node != l.cfg.Peer {
		err = fmt.Errorf("%w: %s", errOther, other.Node)
	}
	return other, err
}

// runJournal follows the journals of a peer that speaks no log, until it does.
func (l *Link) runJournal(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- l.cfg.Journal(ctx) }()
	t := time.NewTicker(journalCheck)
	defer t.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-t.C:
			if _, err := l.hello(ctx); err == nil {
				stop()
				return <-ended
			}
		}
	}
}

// runFollow pulls until something fails. Exchanges run beside it, of all shards that need one at once, so that the
// latest hour of each is there first.
func (l *Link) runFollow(ctx context.Context, other Hello) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := NewFollower(l.cfg.Peer, other.Incarnation, l.cfg.Shards)
	f.Previews = l.cfg.Previews
	l.begin(other)
	defer l.end()
	ended := make(chan []exchanged, 1)
	running := false
	defer func() {
		stop()
		if running {
			l.exchanged(<-ended)
		}
	}()
	if err := l.learn(ctx, 0); err != nil { // before any point
		return err
	}
	var tryAt time.Time
	for {
		if err := l.pull(ctx, f); err != nil {
			return err
		}
		if running {
			select {
			case done := <-ended:
				running = false
				l.exchanged(done)
				for _, x := range done {
					if x.err == nil {
						f.Done(x.want)
					} else {
						tryAt = time.Now().Add(exchangeWait/2 + rand.N(exchangeWait))
					}
				}
			default:
			}
		}
		wants := f.Wants()
		if len(wants) > 0 && !running && !time.Now().Before(tryAt) {
			running = true
			go func() { ended <- l.runExchanges(ctx, wants) }()
		}
		l.settle(f, running)
	}
}

// pull asks once, and applies what is answered.
func (l *Link) pull(ctx context.Context, f *Follower) error {
	l.mu.Lock()
	most := l.most
	l.asked, l.waited = time.Now(), 0
	sent := l.asked
	l.mu.Unlock()
	b, err := l.cfg.Pull.Call(ctx, "DN.PULL", f.Request(nil, l.cfg.Follows(), most))
	took := time.Since(sent)
	if err != nil {
		if took > slow {
			l.resize(most / 4)
		}
		return err
	}
	switch {
	case took > slow:
		l.resize(most / 4)
	case took < quick && len(b) > most/2:
		l.resize(most * 2)
	}
	l.mu.Lock()
	l.waited = took
	l.mu.Unlock()
	a, err := f.Apply(b)
	if err == nil {
		err = l.learn(ctx, a.Edicts)
	}
	if err == nil && l.cfg.Marks != nil {
		l.cfg.Marks.Hear(a.Marks)
		f.cover(l.cfg.Marks)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind = err == nil && !a.Drained
	s := &l.status
	s.Entries, s.Useful, s.Points = s.Entries+int64(a.Entries), s.Useful+int64(a.Useful), s.Points+int64(a.Points)
	s.Shown += int64(a.Shown)
	if err == nil && a.Drained {
		complete := true
		made := sent.Add(max(took-l.trip, 0)) // the answer was made then, or later
		for _, lane := range f.lanes {
			if lane.state == statusOK && lane.holes == 0 {
				l.lags[lane.sh.ID()] = made
			} else {
				complete = false
			}
		}
		if complete {
			s.Complete = a.Wall
		}
	}
	return err
}

// learnAgain is when edicts that were not all taken over are looked at again.
const learnAgain = time.Minute

// learn takes over the peer's edicts when their hash says that there is something new.
func (l *Link) learn(ctx context.Context, hash uint64) error {
	e := l.cfg.Edicts
	known := func() bool { return hash == e.Hash() || hash == l.learned && time.Since(l.learnedAt) < learnAgain }
	if e == nil || !l.learnedAt.IsZero() && known() {
		return nil
	}
	b, err := l.cfg.Pull.Call(ctx, "DN.GRID", appendQuery([]byte{Version, askEdicts}, exchange.HourQuery{}))
	if err != nil {
		return err
	}
	l.learned, l.learnedAt = hash, time.Now()
	if err := e.Learn(ctx, l.cfg.Peer, b); err != nil {
		l.cfg.Log.Error("what a peer says is to be dropped or forgotten is not taken over", "peer", l.cfg.Peer, "err", err)
	}
	return nil
}

func (l *Link) resize(most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(min(most, mostAnswer), leastAnswer)
}

// settle says what the Link is doing.
func (l *Link) settle(f *Follower, running bool) {
	if running {
		l.set(Exchanging, nil)
		return
	}
	for _, lane := range f.lanes {
		if lane.state != statusOK {
			return // it stays what it was: connecting, or an exchange that waits
		}
	}
	l.set(Following, nil)
}

func (l *Link) set(s State, err error) {
	l.mu.Lock()
	was := l.status.State
	l.status.State, l.status.Err = s, ""
	if err != nil {
		l.status.Err = err.Error()
	}
	l.mu.Unlock()
	if s != was {
		l.cfg.Log.Info("peer", "peer", l.cfg.Peer, "state", s, "err", err)
	}
}

func (l *Link) begin(other Hello) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life, l.united, l.learnedAt = other, map[int]uint64{}, time.Time{}
}

func (l *Link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life, l.asked, l.waited = Hello{}, time.Time{}, 0
}

// Follows says whether the peer's log is being followed, and in which life of it.
func (l *Link) Follows() (other Hello, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.life, l.life.Node != ""
}

// Compared gives the excess of a shard of the peer that was compared with, 0 = none.
func (l *Link) Compared(shard int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.united[shard]
}

// Peer is who is followed, and Shards what of it.
func (l *Link) Peer() string { return l.cfg.Peer }

// Shards gives the shards that both nodes hold.
func (l *Link) Shards() []*shard.Shard { return l.cfg.Shards }

// String is what INFO replication says of the peer.
func (s Status) String() string {
	worst := time.Duration(0)
	for _, lag := range s.Lag {
		worst = max(worst, lag)
	}
	complete := "never"
	if !s.Complete.IsZero() {
		complete = s.Complete.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return fmt.Sprintf("state=%s,complete_until=%s,lag_ms=%d,entries=%d,useful=%d,points=%d,shown=%d,"+
		"repaired=%d,exchanges=%d,yields=%d", s.State, complete, worst.Milliseconds(), s.Entries, s.Useful, s.Points,
		s.Shown, s.Repaired, s.Compares, s.Yields)
}

// Status is safe to call while Run runs.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Lag = make(map[int]time.Duration, len(l.lags))
	now := time.Now()
	waiting := time.Duration(0) // a pull that waits says that there is nothing
	switch {
	case l.waited > 0:
		waiting = min(l.waited, longPoll)
	case !l.asked.IsZero():
		waiting = min(now.Sub(l.asked), longPoll)
		if now.Sub(l.asked) > longPoll+slow && (s.State == Following || s.State == Exchanging) {
			s.State = Overdue
		}
	}
	for id, at := range l.lags {
		s.Lag[id] = max(now.Sub(at)-waiting, 0)
	}
	return s
}

// Kick says that the peer has been heard of: it is worth trying now.
func (l *Link) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// wait lets time pass, less if there is a Kick.
func (l *Link) wait(ctx context.Context, d time.Duration) (heard bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-l.kick:
		return true
	case <-t.C:
	}
	return false
}
