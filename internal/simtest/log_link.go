package simtest

import (
	"context"
	"errors"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/proof"
)

var errCut = errors.New("cut")

// logLink is how a node follows another.
type logLink struct {
	way
	session  *peering.Session // of the other end; nil = not connected
	follower *peering.Follower
	narrow   bool     // answers are small, and much is written between them
	late     [][]byte // answers that are under way
	exchange *exchange.Exchange
	want     exchange.Want      // it was begun for
	pairs    map[int]proof.Pair // by shard: as both ends were when they were compared last
	ahead    map[int]int        // by shard: for how many comparisons the own end was ahead of its vector
}

// disconnect ends a connection, with all that was under way on it.
func (f *LogFlock) disconnect(l *logLink) {
	if l.exchange != nil {
		l.exchange.Abandon()
		f.Count.Abandoned++
	}
	l.session, l.follower, l.exchange, l.late = nil, nil, nil, nil
}

// step does one thing on a link: ask, take an answer, or a piece of an exchange.
func (f *LogFlock) step(l *logLink) {
	switch {
	case l.from.down:
	case !f.reachable(l.way):
		if f.rng.IntN(3) == 0 {
			f.disconnect(l) // it is noticed
		}
	case l.session == nil:
		l.session, l.pairs = l.to.feed.NewSession(), map[int]proof.Pair{}
		l.ahead = map[int]int{}
		f.learn(l) // before any point
		l.follower = peering.NewFollower(l.to.name, l.to.inc, l.from.feed.Shards)
		l.follower.Previews, l.narrow = f.rng.IntN(4) > 0, f.rng.IntN(4) == 0
	case f.rng.IntN(8) == 0:
		f.prove(l)
	case l.wantsExchange() && f.rng.IntN(2) == 0:
		f.exchange(l)
	case len(l.late) > 0:
		f.take(l)
	default:
		f.ask(l)
	}
}

func (l *logLink) wantsExchange() bool { return l.exchange != nil || len(l.follower.Wants()) > 0 }

// ask sends a request and, mostly, takes the answer at once.
func (f *LogFlock) ask(l *logLink) {
	var follows []string
	for _, o := range l.from.links {
		if o != l && o.session != nil && f.reachable(o.way) {
			follows = append(follows, o.to.name)
		}
	}
	most := 100 << f.rng.IntN(10)
	if f.slow[l.way] || l.narrow {
		most = 100
	}
	if l.narrow {
		flaky{f, l}.busy()
	}
	req := l.follower.Request(nil, follows, most)
	if !f.calm && f.rng.IntN(40) == 0 {
		f.disconnect(l) // the request is lost
		return
	}
	ans, err := l.session.Pull(context.Background(), req, nil, false)
	must(err)
	f.Count.Answers++
	f.Count.AnswerMost = max(f.Count.AnswerMost, int64(len(ans)-most))
	l.late = append(l.late, ans)
	if f.calm || f.rng.IntN(3) > 0 {
		f.take(l)
	}
}

// take applies the answer that is under way, sometimes twice; sometimes it is lost.
func (f *LogFlock) take(l *logLink) {
	ans := l.late[0]
	l.late = l.late[1:]
	times := 1
	if !f.calm {
		switch f.rng.IntN(40) {
		case 0:
			f.disconnect(l)
			return
		case 1:
			times = 2
		}
	}
	if f.calm || f.rng.IntN(2) == 0 {
		f.learn(l)
	}
	for i := range times {
		a, err := l.follower.Apply(ans)
		must(err)
		if i == 0 {
			f.Count.Sent += a.Entries
			f.Count.Shown += a.Shown
		}
		f.Count.Useful += a.Useful
	}
}

// exchange does a piece of an exchange.
func (f *LogFlock) exchange(l *logLink) {
	if l.exchange == nil {
		l.want = l.follower.Wants()[0]
		l.exchange = exchange.New(l.want, flaky{f, l})
		f.Count.Exchanges++
	}
	done, err := l.exchange.Step(context.Background())
	switch {
	case done:
		f.Count.Chunks += l.exchange.Chunks
		l.follower.Done(l.want)
		l.exchange = nil
	case err != nil:
		l.exchange.Abandon()
		l.exchange = nil
		f.Count.Abandoned++
	}
}

// flaky is the far end of an exchange, to which anything may happen between two questions.
type flaky struct {
	f *LogFlock
	l *logLink
}

func (r flaky) fail() error {
	if !r.f.reachable(r.l.way) || !r.f.calm && r.f.rng.IntN(50) == 0 {
		return errCut
	}
	return nil
}

// busy lets somebody write to the far end.
func (r flaky) busy() {
	if !r.f.calm && r.f.rng.IntN(4) == 0 {
		r.f.write(r.l.to)
	}
}

func (r flaky) Standing(ctx context.Context, shard int) (exchange.Standing, error) {
	if err := r.fail(); err != nil {
		return exchange.Standing{}, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Standing(ctx, shard)
}

func (r flaky) Snapshot(ctx context.Context, shard int) (exchange.Snapshot, error) {
	if err := r.fail(); err != nil {
		return exchange.Snapshot{}, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Snapshot(ctx, shard)
}

func (r flaky) Hours(ctx context.Context, shard int) ([]grid.HourDigest, error) {
	if err := r.fail(); err != nil {
		return nil, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Hours(ctx, shard)
}

func (r flaky) Buckets(ctx context.Context, q exchange.HourQuery) (sums grid.Sums, err error) {
	if err := r.fail(); err != nil {
		return sums, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Buckets(ctx, q)
}

func (r flaky) Series(ctx context.Context, q exchange.HourQuery) ([]grid.SeriesDigest, uint32, error) {
	if err := r.fail(); err != nil {
		return nil, 0, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Series(ctx, q)
}

func (r flaky) Chunks(ctx context.Context, q exchange.HourQuery) ([][]byte, uint32, error) {
	if r.l.to.inc%3 == 0 {
		return nil, 0, exchange.ErrNoChunks // a third of them know nothing of that
	}
	if err := r.fail(); err != nil {
		return nil, 0, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Chunks(ctx, q)
}

func (r flaky) Points(ctx context.Context, q exchange.HourQuery) ([][]byte, error) {
	if err := r.fail(); err != nil {
		return nil, err
	}
	defer r.busy()
	return r.l.to.feed.Source().Points(ctx, q)
}
