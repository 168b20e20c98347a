package simtest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// Check heals everything, lets the flock come to rest, and gives what is wrong then, nil if nothing is: a point that
// is owed and missing, one that nobody wrote, one below a floor, or a flock that does not fall silent.
func (f *Flock) Check() error {
	f.heal()
	f.advance(2 * time.Minute)
	for _, n := range f.nodes {
		if n.redis {
			f.sweep(n)
		}
	}
	f.advance(8 * time.Minute)
	for _, n := range f.nodes {
		if err := f.checkNode(n); err != nil {
			return err
		}
	}
	sent, unites := f.sent, f.unites()
	f.advance(time.Minute)
	if f.sent != sent || f.unites() != unites {
		return fmt.Errorf("not silent: %d points sent and %d unions after everything was equal", f.sent-sent,
			f.unites()-unites)
	}
	return nil
}

func (f *Flock) heal() {
	f.lossy, f.calm = 0, true
	for _, n := range f.nodes {
		n.st.loseNext = false
		for _, l := range n.links {
			l.down = false
		}
	}
}

func (f *Flock) unites() int {
	sum := 0
	for _, n := range f.nodes {
		sum += n.st.unites
	}
	return sum
}

func (f *Flock) checkNode(n *node) error {
	held := map[string]bool{}
	n.points(held)
	for point := range f.owed {
		key, _, _ := strings.Cut(point, " ")
		if storetest.Key(key).Period >= n.sh.Floor() && !held[point] {
			return fmt.Errorf("%s lacks %s", n.name, point)
		}
	}
	periods, err := n.st.Periods(context.Background())
	if err != nil {
		return err
	}
	for _, p := range periods {
		if p < n.sh.Floor() {
			return fmt.Errorf("%s holds %s, which it dropped", n.name, series.Day.PeriodString(p))
		}
		err := n.st.Digests(context.Background(), p, func(k series.Key, d store.Digest) error {
			key := string(series.Day.AppendKey(nil, k))
			for _, pt := range n.st.all(k) {
				if point := key + " " + string(series.AppendMember(nil, pt)); !f.written[point] {
					return fmt.Errorf("%s holds %s, which nobody wrote", n.name, point)
				}
			}
			return f.checkDigest(k, d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkDigest asks all nodes that keep the key's period for the same digest.
func (f *Flock) checkDigest(k series.Key, want store.Digest) error {
	for _, o := range f.nodes {
		if k.Period < o.sh.Floor() {
			continue
		}
		if got := storetest.DigestOf("sim", k, o.st.all(k)); got != want {
			return fmt.Errorf("%s differs on %s: %+v and %+v", k.Series, o.name, got, want)
		}
	}
	return nil
}

// wire reads a peer over a link that fails as the seed says, and lets other things happen before an answer.
type wire struct{ l *link }

func (w wire) fail() error {
	f := w.l.f
	if w.l.down || f.rng.Float64() < f.lossy {
		return store.ErrUnavailable
	}
	if !f.calm && f.rng.IntN(25) == 0 {
		f.write(w.l.to, f.redisWriter(w.l.to))
	}
	return nil
}

// points counts what goes over the link; the answer may be lost after it was given.
func (w wire) points(out [][]series.Point, err error) ([][]series.Point, error) {
	for _, pts := range out {
		w.l.f.sent += len(pts)
	}
	if err == nil {
		err = w.fail()
	}
	return out, err
}

func (w wire) Epoch(ctx context.Context) (string, error) {
	if err := w.fail(); err != nil {
		return "", err
	}
	return w.l.to.st.current(), nil
}

func (w wire) Heads(ctx context.Context) (journal, late int64, err error) {
	if err := w.fail(); err != nil {
		return 0, 0, err
	}
	return w.l.to.st.Heads(ctx)
}

func (w wire) Changes(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	if err := w.fail(); err != nil {
		return nil, err
	}
	return w.l.to.st.Changes(ctx, from, limit)
}

func (w wire) LateChanges(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	if err := w.fail(); err != nil {
		return nil, err
	}
	return w.l.to.st.LateChanges(ctx, from, limit)
}

// Poll implements store.Poller: what happens between its parts happens to a node over Redis too. Nodes in memory tell
// the states of their keys.
func (w wire) Poll(ctx context.Context, journalFrom, lateFrom int64, limit int) (
	epoch string, list, late []store.Change, err error,
) {
	if epoch, err = w.Epoch(ctx); err == nil {
		list, err = w.Changes(ctx, journalFrom, limit)
	}
	if err == nil {
		late, err = w.LateChanges(ctx, lateFrom, limit)
	}
	if err != nil || w.l.to.redis {
		return epoch, list, late, err
	}
	keys := make([]series.Key, len(list))
	for i := range list {
		keys[i] = storetest.Key(list[i].Key)
	}
	states, err := w.l.to.st.States(ctx, keys)
	for i := range states {
		if states[i].Newest.Value != nil {
			list[i].State = &states[i]
		}
	}
	return epoch, list, late, err
}

func (w wire) Ranges(ctx context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	if err := w.fail(); err != nil {
		return nil, err
	}
	return w.points(w.l.to.st.Ranges(ctx, queries))
}

func (w wire) Tails(ctx context.Context, queries []store.TailQuery) ([]int, [][]series.Point, error) {
	if err := w.fail(); err != nil {
		return nil, nil, err
	}
	counts, out, err := w.l.to.st.Tails(ctx, queries)
	out, err = w.points(out, err)
	return counts, out, err
}

func (w wire) Counts(ctx context.Context, keys []series.Key) ([]int, error) {
	return nil, store.ErrUnavailable
}

// HourSums lets a late point land in the hour right after it was summed, now and then.
func (w wire) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	if err := w.fail(); err != nil {
		return nil, err
	}
	out, err := w.l.to.st.HourSums(ctx, hour, keys)
	if f := w.l.f; !f.calm && f.rng.IntN(25) == 0 {
		ts := time.Unix(hour*3600+f.rng.Int64N(3600), 0).UTC()
		if ts.Before(f.now) {
			f.put(w.l.to, false, ts)
		}
	}
	return out, err
}

func (w wire) Digests(context.Context, series.Period, func(series.Key, store.Digest) error) error {
	return store.ErrUnavailable
}

func (w wire) Periods(context.Context) ([]series.Period, error) { return nil, store.ErrUnavailable }
