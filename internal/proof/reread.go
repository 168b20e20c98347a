package proof

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/gentle"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	mendTries = 5 // with each peer, until nothing of the series is on its way
	mendPause = 200 * time.Millisecond
)

// runReads reads all points in memory, again and again, and looks more often after what a write found damaged.
func (p *Prover) runReads(ctx context.Context) {
	hurt := map[int][]series.Key{} // by shard: what could not be mended
	last := time.Now()
	for gentle.Wait(ctx, min(p.cfg.Every, p.cfg.Reread)) {
		all := time.Since(last) >= p.cfg.Reread
		for _, sh := range p.cfg.Self.Shards {
			p.meet(sh, sh.Hurt(), hurt)
			p.mendAll(ctx, sh, hurt)
			if all {
				p.read(ctx, sh, hurt)
			}
		}
		if all {
			last = time.Now()
			p.mu.Lock()
			p.status.Reads++
			p.mu.Unlock()
		}
	}
}

// meet notes keys that are damaged.
func (p *Prover) meet(sh *shard.Shard, damaged []series.Key, hurt map[int][]series.Key) {
	for _, k := range damaged {
		if !p.known(hurt[sh.ID()], k) {
			p.damage(sh, k)
			hurt[sh.ID()] = append(hurt[sh.ID()], k)
		}
	}
}

// read reads a shard once.
func (p *Prover) read(ctx context.Context, sh *shard.Shard, hurt map[int][]series.Key) {
	periods, err := sh.Reader().Periods(ctx)
	if err != nil || sh.Loading() {
		return
	}
	for _, period := range slices.Backward(periods) {
		for from, more := uint32(0), true; more; {
			began := time.Now()
			damaged, next := sh.Verify(period, from)
			p.meet(sh, damaged, hurt)
			if len(damaged) > 0 {
				p.mendAll(ctx, sh, hurt)
			}
			from, more = next, next != 0
			if !gentle.Rest(ctx, began) {
				return
			}
		}
	}
}

func (p *Prover) known(keys []series.Key, k series.Key) bool {
	return slices.ContainsFunc(keys, func(o series.Key) bool {
		return o.Period == k.Period && string(o.Series) == string(k.Series)
	})
}

// damage counts a key whose memory is damaged.
func (p *Prover) damage(sh *shard.Shard, k series.Key) {
	p.note(sh.ID(), "%s: its memory is damaged", p.cfg.Layout.AppendKey(nil, k))
	p.mu.Lock()
	p.status.Damaged++
	p.mu.Unlock()
}

// countHurt tells how much is damaged.
func (p *Prover) countHurt(hurt map[int][]series.Key) {
	n := 0
	for _, keys := range hurt {
		n += len(keys)
	}
	p.mu.Lock()
	p.status.Hurt = n
	p.mu.Unlock()
}

// mendAll mends what is damaged of a shard; what can not be mended now stays in hurt.
func (p *Prover) mendAll(ctx context.Context, sh *shard.Shard, hurt map[int][]series.Key) {
	p.countHurt(hurt)
	defer p.countHurt(hurt)
	var failed error // the last
	defer func() {
		if n := len(hurt[sh.ID()]); n > 0 && ctx.Err() == nil {
			p.cfg.Log.Warn("damage in memory that no peer could mend yet", "shard", sh.ID(), "series", n, "err", failed)
		}
	}()
	hurt[sh.ID()] = slices.DeleteFunc(hurt[sh.ID()], func(k series.Key) bool {
		if k.Period < sh.Floor() {
			return true
		}
		for _, peer := range p.cfg.Peers {
			if _, ok := peer.Follows(); !ok || !slices.Contains(peer.Shards(), sh) {
				continue
			}
			err := p.mend(ctx, sh, k, peer)
			if failed = cmp.Or(err, failed); err == nil {
				p.cfg.Log.Warn("damage in memory is mended", "peer", peer.Peer(), "shard", sh.ID(),
					"key", string(p.cfg.Layout.AppendKey(nil, k)))
				p.mu.Lock()
				p.status.Mended++
				p.mu.Unlock()
				if p.cfg.Mended != nil {
					p.cfg.Mended(sh.ID(), k.Period)
				}
				return true
			}
		}
		return false
	})
}

// mend replaces the points of a damaged key by those of a peer, if they are the ones that it had.
func (p *Prover) mend(ctx context.Context, sh *shard.Shard, k series.Key, peer Peer) error {
	remote, err := peer.Remote(ctx)
	if err != nil {
		return err
	}
	for range mendTries {
		points, err := fetch(ctx, sh, k, remote)
		if err != nil {
			return err
		}
		if sh.Replace(k, points) {
			return nil
		}
		if !gentle.Wait(ctx, mendPause) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("the points of %s are not those that were here", peer.Peer())
}

// fetch gives all points that a peer has of a key, in order.
func fetch(ctx context.Context, sh *shard.Shard, k series.Key, remote exchange.Remote) ([]series.Point, error) {
	var points []series.Point
	first, last := sh.Layout().Span(k.Period)
	hours, err := remote.Hours(ctx, sh.ID())
	if err != nil {
		return nil, err
	}
	for _, h := range slices.Backward(hours) {
		if ts := h.Hour * store.HourMillis; ts < first || ts > last {
			continue
		}
		recs, err := remote.Points(ctx, exchange.HourQuery{Shard: sh.ID(), Hour: h.Hour, Series: [][]byte{k.Series}})
		if err != nil {
			return nil, err
		}
		for _, rec := range recs {
			if points, err = appendPoints(points, rec); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(points, series.Compare)
	return slices.CompactFunc(points, func(a, b series.Point) bool { return series.Compare(a, b) == 0 }), nil
}

// appendPoints appends the points of a record, which spells its names.
func appendPoints(dst []series.Point, rec []byte) ([]series.Point, error) {
	in, err := replog.Read(rec)
	if err != nil {
		return nil, err
	}
	var d replog.Dict
	for in.Next(&d) {
		dst = append(dst, series.Point{TS: in.TS, Frac: in.Frac, Value: slices.Clone(in.Member[in.ValueAt:])})
	}
	return dst, in.Err()
}
