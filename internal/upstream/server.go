package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/address"
)

// Why a batch has no replies. Every error of Exchange wraps one of the first two; ErrUnsure is added when commands may
// have been executed although no reply came.
var (
	ErrDown    = errors.New("down")
	ErrGivenUp = errors.New("given up by the caller")
	ErrUnsure  = errors.New("it may have happened all the same")

	errClosed  = errors.New("client closed")
	errSilence = errors.New("no answer in time")
	errBusy    = errors.New("too much is on its way to it")
)

// windowSize is how much weight is on its way to a server at a time: what a slow one still answers within the shortest
// usual timeout, and a fast one does not notice.
const windowSize = 4096

// Config says where a server is and how long it may take.
type Config struct {
	Target   address.Target
	User     string
	Password string
	TLS      *tls.Config   // with Target.TLS; nil = the system's roots
	Timeout  time.Duration // for a batch, dialing included
	MaxPause time.Duration // between two probes
	Changed  func()        // called when the server went down or came up; may be nil
}

// Batch is what goes to a server in one piece, on one connection, in order.
type Batch struct {
	DB         int
	Commands   [][]string
	Weight     int           // of the window; 0 counts as the number of commands
	Repeatable bool          // executing it twice does no harm
	Timeout    time.Duration // Config.Timeout if 0
	Force      bool          // try even though the server is down
}

// Stats counts what happened to a server.
type Stats struct {
	Dials, Probes, Failures int64
}

// Server is one server. It is safe for concurrent use.
type Server struct {
	cfg    Config
	window *window
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	wg     sync.WaitGroup // dials, exchanges and probes

	counts  counts
	settled atomic.Bool // answered since it last failed

	mu      sync.Mutex // protects what follows
	links   map[int]*link
	took    time.Duration // of the last connection
	epoch   int           // grows when the server comes up
	down    bool
	why     error
	backoff backoff
}

type counts struct{ dials, probes, failures atomic.Int64 }

// New makes a Server. It connects to nothing before the first batch.
func New(cfg Config) *Server {
	ctx, stop := context.WithCancel(context.Background())
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	s := &Server{
		cfg: cfg, window: newWindow(windowSize, ctx.Done()), ctx: ctx, stop: stop, links: map[int]*link{},
		backoff: backoff{most: cfg.MaxPause},
	}
	s.settled.Store(true)
	return s
}

// Close ends everything that is under way and returns when it has ended.
func (s *Server) Close() {
	s.stop()
	s.mu.Lock()
	s.retire()
	s.mu.Unlock()
	s.wg.Wait()
}

// Retire closes the server when what is on its way has been answered or its time is up.
func (s *Server) Retire() {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	_ = s.window.take(ctx, s.window.size) // without an answer it is closed all the same
	s.Close()
}

// Up says whether the server answers as far as is known.
func (s *Server) Up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.down
}

// Why is the reason why the server is down, nil when it is up.
func (s *Server) Why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		return nil
	}
	return s.why
}

// Distance is how long the last connection took to be made, 0 when there was none.
func (s *Server) Distance() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

// Stats gives the counts so far.
func (s *Server) Stats() Stats {
	return Stats{Dials: s.counts.dials.Load(), Probes: s.counts.probes.Load(), Failures: s.counts.failures.Load()}
}

// exchange is a batch under way.
type exchange struct {
	Batch
	epoch   int
	done    chan struct{}
	results []rueidis.RedisResult
	err     error
}

// Exchange sends a batch and gives one result a command, in order; a result may be an error reply. It ends with ctx,
// but the server is watched until the batch is answered or its time is up.
func (s *Server) Exchange(ctx context.Context, b Batch) ([]rueidis.RedisResult, error) {
	if b.Weight == 0 {
		b.Weight = len(b.Commands)
	}
	if err := s.admit(ctx, b); err != nil {
		return nil, err
	}
	x, err := s.begin(b)
	if err != nil {
		s.window.give(b.Weight)
		return nil, err
	}
	s.runExchange(x)
	select {
	case <-x.done:
		return x.results, x.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w: %w", ErrGivenUp, ctx.Err(), ErrUnsure)
	}
}

// admit waits for room in the window, for as long as the batch itself may take: a server that is busy for longer is no
// use to it, and others may be.
func (s *Server) admit(ctx context.Context, b Batch) error {
	if s.window.try(b.Weight) {
		return nil
	}
	brief, cancel := context.WithTimeout(ctx, cmp.Or(b.Timeout, s.cfg.Timeout))
	defer cancel()
	err := s.window.take(brief, b.Weight)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errClosed):
		return fmt.Errorf("%w: %w", ErrDown, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrGivenUp, ctx.Err())
	}
	return fmt.Errorf("%w: %w", ErrDown, errBusy)
}

func (s *Server) begin(b Batch) (*exchange, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", ErrDown, errClosed)
	case s.down && !b.Force:
		return nil, fmt.Errorf("%w: %w", ErrDown, s.why)
	}
	s.wg.Add(1)
	return &exchange{Batch: b, epoch: s.epoch, done: make(chan struct{})}, nil
}

func (s *Server) runExchange(x *exchange) {
	go func() {
		defer s.wg.Done()
		defer s.window.give(x.Weight)
		defer close(x.done)
		ctx, cancel := context.WithTimeoutCause(s.ctx, cmp.Or(x.Timeout, s.cfg.Timeout), errSilence)
		defer cancel()
		x.results, x.err = s.attempt(ctx, x)
		if x.err != nil && ctx.Err() == nil && s.mayRepeat(x) {
			// The connection may have died while it was idle, say because the server restarted: once more, on a new one.
			x.results, x.err = s.attempt(ctx, x)
		}
		if x.err != nil {
			if ctx.Err() != nil {
				x.err = fmt.Errorf("%w: %w", context.Cause(ctx), x.err)
			}
			x.err = s.failed(x.epoch, x.err)
			return
		}
		s.answered(x.epoch)
	}()
}

// mayRepeat says whether a batch may go out again: it does no harm, and nobody found out meanwhile that the server is
// down.
func (s *Server) mayRepeat(x *exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (x.Repeatable || !errors.Is(x.err, ErrUnsure)) && !s.down && s.epoch == x.epoch
}

// attempt sends the batch on a connection. Whatever is no reply closes that connection.
func (s *Server) attempt(ctx context.Context, x *exchange) ([]rueidis.RedisResult, error) {
	l, err := s.link(ctx, x.DB)
	if l != nil {
		defer s.leave(l)
	}
	if err != nil {
		return nil, err
	}
	commands := make(rueidis.Commands, len(x.Commands))
	for i, args := range x.Commands {
		commands[i] = l.client.B().Arbitrary(args[0]).Args(args[1:]...).Build()
	}
	results := l.client.DoMulti(ctx, commands...)
	for _, r := range results {
		if err := r.NonRedisError(); err != nil {
			if ctx.Err() == nil { // it is broken; otherwise it is slow, and others may still get their replies
				s.drop(x.DB, l)
			}
			return nil, fmt.Errorf("%w: %w", err, ErrUnsure)
		}
	}
	return results, nil
}

// link gives the connection to a database: the present one, or one that is being made. Whoever gets it leaves it.
func (s *Server) link(ctx context.Context, db int) (*link, error) {
	s.mu.Lock()
	l := s.links[db]
	if l == nil {
		if s.ctx.Err() != nil {
			s.mu.Unlock()
			return nil, errClosed
		}
		l = &link{ready: make(chan struct{})}
		s.links[db] = l
		s.runOpen(l, db)
	}
	l.users++
	s.mu.Unlock()
	select {
	case <-l.ready:
		if l.err != nil {
			s.drop(db, l)
		}
		return l, l.err
	case <-ctx.Done():
		return l, ctx.Err()
	}
}

// leave ends the use of a connection.
func (s *Server) leave(l *link) {
	s.mu.Lock()
	l.users--
	last := l.retired && l.users == 0
	s.mu.Unlock()
	if last {
		s.runClose(l)
	}
}

// retire forgets all connections and closes those that nobody uses; mu is held. On the others replies may still come.
func (s *Server) retire() {
	for _, l := range s.links {
		if l.retired = true; l.users == 0 {
			s.runClose(l)
		}
	}
	s.links = map[int]*link{}
}

// runOpen makes a connection, and lets go of it when it is closed.
func (s *Server) runOpen(l *link, db int) {
	s.counts.dials.Add(1)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		l.open(s.ctx, &s.cfg, db)
		if l.err == nil {
			s.mu.Lock()
			s.took = l.took
			s.mu.Unlock()
		}
	}()
}

// drop closes a connection and forgets it.
func (s *Server) drop(db int, l *link) {
	s.mu.Lock()
	if s.links[db] == l {
		delete(s.links, db)
	}
	s.mu.Unlock()
	s.runClose(l)
}

// runClose closes a connection; rueidis' own part of that may take a moment.
func (s *Server) runClose(l *link) {
	l.close()
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		<-l.ready
		if l.client != nil {
			l.client.Close()
		}
	}()
}

// failed marks the server down, unless that happened already or it has come up since, and gives the error.
func (s *Server) failed(epoch int, err error) error {
	wrapped := fmt.Errorf("%w: %w", ErrDown, err)
	s.mu.Lock()
	if s.down || s.epoch != epoch || s.ctx.Err() != nil {
		s.mu.Unlock()
		return wrapped
	}
	s.down, s.why = true, err
	s.settled.Store(false)
	s.counts.failures.Add(1)
	s.retire()
	s.wg.Add(1)
	s.mu.Unlock()
	s.runProbes()
	s.cfg.Changed()
	return wrapped
}

// answered notes that a command was answered, with an error reply or without.
func (s *Server) answered(epoch int) {
	if s.settled.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down && s.epoch == epoch {
		s.settled.Store(true)
		s.backoff.reset()
	}
}

// runProbes looks for the server until it is back. There is one such loop while it is down.
func (s *Server) runProbes() {
	go func() {
		defer s.wg.Done()
		for {
			s.mu.Lock()
			wait := s.backoff.next(rand.Float64())
			s.mu.Unlock()
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(wait):
			}
			if s.probe() {
				s.cfg.Changed()
				return
			}
		}
	}()
}

// probe tries a connection of its own. If the server answers on it, it is up and that connection is kept.
func (s *Server) probe() bool {
	s.counts.probes.Add(1)
	s.counts.dials.Add(1)
	l := &link{ready: make(chan struct{})}
	db := s.cfg.Target.DB
	l.open(s.ctx, &s.cfg, db)
	err := l.err
	if err == nil {
		ctx, cancel := context.WithTimeoutCause(s.ctx, max(s.cfg.Timeout, dialTimeout), errSilence)
		defer cancel()
		err = l.client.Do(ctx, l.client.B().Ping().Build()).NonRedisError()
	}
	if err != nil {
		s.runClose(l)
		s.mu.Lock()
		s.why = err
		s.mu.Unlock()
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		s.runClose(l)
		return true
	}
	s.down, s.took = false, l.took
	s.epoch++
	s.retire() // forced batches may have made some
	s.links[db] = l
	return true
}
