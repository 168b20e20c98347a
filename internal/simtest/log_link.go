package simtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/shard"
)

var errCut = errors.New("cut")

// reachable says whether the far end answers.
func (l *logLink) reachable() bool { return !l.cut && !l.to.down && !l.from.down }

// disconnect ends a connection, with all that was under way on it.
func (f *LogFlock) disconnect(l *logLink) {
	if l.exchange != nil {
		l.exchange.Abandon()
		f.Count.Abandoned++
	}
	l.session, l.follower, l.exchange, l.late, l.pair = nil, nil, nil, nil, nil
}

// step does one thing on a link: ask, take an answer, or a piece of an exchange.
func (f *LogFlock) step(l *logLink) {
	switch {
	case l.from.down:
	case !l.reachable():
		if f.rng.IntN(3) == 0 {
			f.disconnect(l) // it is noticed
		}
	case l.session == nil:
		l.session = l.to.feed.NewSession()
		f.learn(l) // before any point
		l.follower = peering.NewFollower(l.to.name, l.to.inc, []*shard.Shard{l.from.sh})
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
		if o != l && o.session != nil && o.reachable() {
			follows = append(follows, o.to.name)
		}
	}
	req := l.follower.Request(nil, follows, 100<<f.rng.IntN(10))
	if !f.calm && f.rng.IntN(40) == 0 {
		f.disconnect(l) // the request is lost
		return
	}
	ans, err := l.session.Pull(context.Background(), req, nil, false)
	must(err)
	f.Count.Answers++
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
		}
		f.Count.Useful += a.Useful
	}
}

// exchange does a piece of an exchange.
func (f *LogFlock) exchange(l *logLink) {
	if l.exchange == nil {
		l.want = l.follower.Wants()[0]
		l.exchange = peering.NewExchange(l.want, flaky{f, l})
		f.Count.Exchanges++
	}
	done, err := l.exchange.Step(context.Background())
	switch {
	case done:
		l.follower.Done(l.want)
		l.exchange = nil
	case err != nil:
		l.exchange.Abandon()
		l.exchange = nil
		f.Count.Abandoned++
	}
}

// prove compares both ends as package proof does. Whatever has happened, no hour may count as different
// that is not, but for what was forgotten.
func (f *LogFlock) prove(l *logLink) {
	is := proof.Pair{Compared: l.follower.Compared(1)}
	var err error
	is.Peer, err = l.to.feed.Snapshot(context.Background(), 1)
	must(err)
	for _, back := range l.to.links {
		if back.to == l.from && back.follower != nil {
			is.Peer.Compared = back.follower.Compared(1)
		}
	}
	flaky{f, l}.busy()
	is.Own, err = l.from.feed.Snapshot(context.Background(), 1)
	must(err)
	was := l.pair
	if l.pair = &is; was == nil {
		return
	}
	v := proof.Judge(*was, is)
	f.Count.Proofs++
	f.Count.Equal += v.Equal
	switch {
	case len(v.Different) == 0:
	case f.ever != nil && !f.differ(l.from, l.to):
		f.repair(l, v.Different)
	case f.wrong == nil:
		f.wrong = fmt.Errorf("%s and %s are said to differ: %+v", l.from.name, l.to.name, v.Different)
	}
}

// repair fetches what differs, as a Prover does.
func (f *LogFlock) repair(l *logLink, found []proof.Difference) {
	f.Count.Repairs++
	w := peering.Want{Shard: l.from.sh}
	for _, d := range found {
		w.Hours = append(w.Hours, d.Hour)
	}
	x := peering.NewExchange(w, l.to.feed)
	done, err := false, error(nil)
	for !done && err == nil {
		done, err = x.Step(context.Background())
	}
	if err != nil {
		x.Abandon()
	}
}

// flaky is the far end of an exchange, to which anything may happen between two questions.
type flaky struct {
	f *LogFlock
	l *logLink
}

func (r flaky) fail() error {
	if !r.l.reachable() || !r.f.calm && r.f.rng.IntN(50) == 0 {
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

func (r flaky) Standing(ctx context.Context, shard int) (peering.Standing, error) {
	if err := r.fail(); err != nil {
		return peering.Standing{}, err
	}
	defer r.busy()
	return r.l.to.feed.Standing(ctx, shard)
}

func (r flaky) Snapshot(ctx context.Context, shard int) (peering.Snapshot, error) {
	if err := r.fail(); err != nil {
		return peering.Snapshot{}, err
	}
	defer r.busy()
	return r.l.to.feed.Snapshot(ctx, shard)
}

func (r flaky) Hours(ctx context.Context, shard int) ([]grid.HourDigest, error) {
	if err := r.fail(); err != nil {
		return nil, err
	}
	defer r.busy()
	return r.l.to.feed.Hours(ctx, shard)
}

func (r flaky) Buckets(ctx context.Context, q peering.HourQuery) (sums grid.Sums, err error) {
	if err := r.fail(); err != nil {
		return sums, err
	}
	defer r.busy()
	return r.l.to.feed.Buckets(ctx, q)
}

func (r flaky) Series(ctx context.Context, q peering.HourQuery) ([]grid.SeriesDigest, uint32, error) {
	if err := r.fail(); err != nil {
		return nil, 0, err
	}
	defer r.busy()
	return r.l.to.feed.Series(ctx, q)
}

func (r flaky) Points(ctx context.Context, q peering.HourQuery) ([][]byte, error) {
	if err := r.fail(); err != nil {
		return nil, err
	}
	defer r.busy()
	return r.l.to.feed.Points(ctx, q)
}
