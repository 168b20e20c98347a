package peering

import (
	"context"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
)

// exchanged is an exchange that has ended.
type exchanged struct {
	want   exchange.Want
	repair exchange.Repair
	err    error
}

// runExchanges does the exchanges that are wanted.
func (l *Link) runExchanges(ctx context.Context, wants []exchange.Want) []exchanged {
	done := make([]exchanged, len(wants))
	remote, err := l.Remote(ctx)
	var all sync.WaitGroup
	for i, w := range wants {
		if done[i] = (exchanged{want: w, err: err}); err == nil {
			all.Go(func() { done[i] = l.exchange(ctx, w, remote) })
		}
	}
	all.Wait()
	return done
}

// exchange does an exchange from beginning to end.
func (l *Link) exchange(ctx context.Context, w exchange.Want, remote exchange.Remote) (done exchanged) {
	done.want = w
	x := exchange.New(w, remote)
	l.cfg.Log.Info("exchange begins", "peer", l.cfg.Peer, "shard", w.Shard.ID(), "adopt", w.Adopt)
	for ok := false; !ok && done.err == nil; {
		began := time.Now()
		ok, done.err = x.Step(ctx)
		l.yield(ctx, time.Since(began))
	}
	if done.err != nil {
		x.Abandon()
	}
	done.repair = x.Repair
	l.cfg.Log.Info("exchange ends", "peer", l.cfg.Peer, "shard", w.Shard.ID(), "err", done.err, "hours", x.Repair.Hours,
		"series", x.Repair.Series, "points", x.Repair.Points, "chunks", x.Repair.Chunks, "refused", x.Repair.Refused)
	return done
}

// How long an exchange pauses after a piece of it, while the peer's log has more than was taken: so much longer than
// the piece took, and that long at most.
const (
	yieldTimes = 4
	mostYield  = 200 * time.Millisecond
)

// yield lets what is new go first: a piece of an exchange has taken some time.
func (l *Link) yield(ctx context.Context, took time.Duration) {
	l.mu.Lock()
	behind := l.behind
	if behind {
		l.status.Yields++
	}
	l.mu.Unlock()
	if !behind {
		return
	}
	t := time.NewTimer(min(yieldTimes*took, mostYield))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (l *Link) exchanged(done []exchanged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range done {
		l.status.Repaired += int64(x.repair.Points)
		if x.err == nil {
			l.status.Compares++
			l.united[x.want.Shard.ID()] = x.want.Token
		}
	}
}

// Remote gives the peer to be compared with.
func (l *Link) Remote(ctx context.Context) (exchange.Remote, error) {
	b, err := l.cfg.Compare.Call(ctx, "DN.PEER", []byte(l.cfg.Self.String()))
	if err != nil {
		return nil, err
	}
	other, err := ParseHello(string(b))
	return far{l.cfg.Compare, other.Chunks}, err
}
