package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// The sizes of what is asked for at a time.
const (
	pointsAtOnce = 100_000 // of the buckets whose series are compared together, about
	seriesLooked = 256     // by one question
	uniteAtOnce  = 2000    // points, while the shard waits for them
)

// ErrNotNow: the other side can not be exchanged with now, or this one is busy with another. It may be tried again.
var ErrNotNow = errors.New("an exchange is not possible now")

// Exchange brings what a peer's shard has, the latest hour first. While it runs, the live log is taken as what follows.
// It has one owner.
type Exchange struct {
	sh     *shard.Shard
	remote Remote
	want   bool // the peer's vector is to be adopted, if it can be
	only   []int64
	excess bool // the peer may have points that its vector does not cover
	turn   uint64

	begun   bool
	hours   []grid.HourDigest // of the peer, still to be compared
	buckets []bucket          // of the first hour, still to be compared
	lacking [][]byte          // series of that hour whose points are still to be fetched
	q       HourQuery         // of the buckets that are being compared
	walking bool              // q has more series
	seen    int64             // the hour that was found to differ last
	taking
	Repair
}

// bucket is one that differs.
type bucket struct {
	at     byte
	points int64 // of the peer
}

// Repair is what an exchange has done so far.
type Repair struct {
	Hours, Series int      // that differed
	Points        int      // that were new
	Chunks        int      // that were taken whole
	Refused       int      // records of chunks whose points were not those of their digest
	Named         []string // the first series that got points
}

// mostNamed is how many series a Repair names.
const mostNamed = 10

// New makes the Exchange that is wanted. It does nothing before the first Step.
func New(w Want, remote Remote) *Exchange {
	return &Exchange{sh: w.Shard, remote: remote, want: w.Adopt, only: w.Hours}
}

// Step does the next piece of it. After an error it must be abandoned.
func (x *Exchange) Step(ctx context.Context) (done bool, err error) {
	switch {
	case !x.begun:
		return false, x.begin(ctx)
	case x.on:
		return false, x.takeChunks(ctx)
	case len(x.lacking) > 0:
		return false, x.fetch(ctx)
	case x.walking:
		return false, x.compareSeries(ctx)
	case len(x.buckets) > 0:
		x.q = HourQuery{Shard: x.sh.ID(), Hour: x.hours[0].Hour}
		for points := int64(0); points < pointsAtOnce && len(x.buckets) > 0; x.buckets = x.buckets[1:] {
			x.q.Want[x.buckets[0].at] = true
			points += x.buckets[0].points
		}
		return false, x.compareSeries(ctx)
	case len(x.hours) > 0:
		return false, x.compareHour(ctx)
	}
	err = x.finish(ctx)
	return err == nil, err
}

// begin takes the peer's vector before anything else (R5).
func (x *Exchange) begin(ctx context.Context) error {
	st, err := x.remote.Standing(ctx, x.sh.ID())
	if err != nil {
		return err
	}
	tx := x.sh.Begin()
	own := tx.Peers()
	x.excess = st.Excess != 0 || !x.want || !st.Whole || st.Busy || st.Ahead
	x.turn = st.Turn
	switch {
	case own.Exchanging():
		err = ErrNotNow
	case !x.want || replica.Mutant == "vector-after":
		own.Begin(nil, 0)
	case st.Whole:
		own.Begin(st.Vector, x.thin(st))
	case st.Suspect && own.Suspected():
		own.Begin(nil, 0) // nobody knows more
	default:
		err = ErrNotNow // it will be whole, by an exchange of its own
	}
	tx.End()
	if err != nil {
		return err
	}
	x.begun = true
	if x.hours, err = x.remote.Hours(ctx, x.sh.ID()); err != nil {
		return err
	}
	if len(x.only) > 0 {
		x.hours = slices.DeleteFunc(x.hours, func(h grid.HourDigest) bool { return !slices.Contains(x.only, h.Hour) })
	}
	if err = x.fill(ctx); err == nil {
		x.findFew()
	}
	return err
}

// fill makes the own store know its digests by hour.
func (x *Exchange) fill(ctx context.Context) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		more = x.sh.FillGrid()
	}
	return nil
}

// compareHour finds the buckets of an hour that differ.
func (x *Exchange) compareHour(ctx context.Context) error {
	h := x.hours[0]
	own := x.sh.Hour(h.Hour)
	var sum store.Digest
	for _, d := range own {
		sum.Add(d)
	}
	if sum == h.Digest || x.sh.PeriodOf(h.Hour) < x.sh.Floor() {
		x.hours = x.hours[1:]
		return nil
	}
	theirs, err := x.remote.Buckets(ctx, HourQuery{Shard: x.sh.ID(), Hour: h.Hour})
	if err != nil {
		return err
	}
	for b := range own {
		if own[b] != theirs[b] && theirs[b].Points > 0 {
			x.buckets = append(x.buckets, bucket{byte(b), theirs[b].Points})
		}
	}
	if x.seen != h.Hour {
		x.seen = h.Hour
		x.Repair.Hours++
	}
	switch {
	case len(x.buckets) == 0:
		x.hours = x.hours[1:]
	case x.few[h.Hour]:
		delete(x.few, h.Hour)
		x.q, x.on = HourQuery{Shard: x.sh.ID(), Hour: h.Hour}, true
		for _, b := range x.buckets {
			x.q.Want[b.at] = true
		}
		x.buckets = nil // those that differ still are found again
	}
	return nil
}

// compareSeries finds the series of some buckets that differ.
func (x *Exchange) compareSeries(ctx context.Context) error {
	list, next, err := x.remote.Series(ctx, x.q)
	if err != nil {
		return err
	}
	own := x.own(list)
	for i, d := range list {
		if own[i] != d.Digest {
			x.lacking = append(x.lacking, d.Series)
		}
	}
	x.Repair.Series += len(x.lacking)
	x.q.From, x.walking = next, next != 0
	if !x.walking && len(x.lacking) == 0 && len(x.buckets) == 0 {
		x.hours = x.hours[1:]
	}
	return nil
}

// own gives the digests of the same series here.
func (x *Exchange) own(list []grid.SeriesDigest) []store.Digest {
	out := make([]store.Digest, 0, len(list))
	for some := range slices.Chunk(list, MostSeries) {
		out = x.sh.HourOf(x.q.Hour, some, out)
	}
	return out
}

// fetch brings the points of some series.
func (x *Exchange) fetch(ctx context.Context) error {
	n := min(MostSeries, len(x.lacking))
	q := HourQuery{Shard: x.sh.ID(), Hour: x.q.Hour, Series: x.lacking[:n]}
	recs, err := x.remote.Points(ctx, q)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if err := x.unite(rec); err != nil {
			return err
		}
	}
	x.lacking = x.lacking[n:]
	if len(x.lacking) == 0 && !x.walking && len(x.buckets) == 0 {
		x.hours = x.hours[1:]
	}
	return nil
}

// unite unites the points of a record, which spells all its names.
func (x *Exchange) unite(rec []byte) error {
	in, err := replog.Read(rec)
	if err != nil {
		return err
	}
	if in.Points > replog.MostPoints || in.Shard != x.sh.ID() {
		return fmt.Errorf("exchange: %w", replog.ErrCorrupt)
	}
	var d replog.Dict
	var puts []store.Put
	for in.Next(&d) {
		puts = append(puts, store.Put{
			Series: in.Series, Member: in.Member, TS: in.TS, Frac: in.Frac, ValueAt: in.ValueAt,
			Period: x.sh.Layout().PeriodOf(in.TS),
		})
	}
	if in.Err() != nil || in.Unknown > 0 {
		return fmt.Errorf("exchange: %d points without a name: %w", in.Unknown, errors.Join(in.Err(), replog.ErrCorrupt))
	}
	for some := range slices.Chunk(puts, uniteAtOnce) {
		if err := x.repair(some); err != nil {
			return err
		}
	}
	return nil
}

// repair unites points under the shard's lock.
func (x *Exchange) repair(puts []store.Put) error {
	tx := x.sh.Begin()
	defer tx.End()
	added, err := tx.Repair(puts)
	x.Repair.Points += added
	for i := range puts {
		if puts[i].Added {
			x.named(puts[i].Series)
		}
	}
	return err
}

// named notes a series that got points.
func (x *Exchange) named(name []byte) {
	if len(x.Named) < mostNamed && !slices.Contains(x.Named, string(name)) {
		x.Named = append(x.Named, string(name))
	}
}

// thin is the period before which the peer does not have all that its vector claims and this side would keep.
func (x *Exchange) thin(st Standing) series.Period {
	if lacks := max(st.Floor, st.Thin); lacks > x.sh.Floor() {
		return lacks
	}
	return 0
}

// finish adopts what was promised at the beginning.
func (x *Exchange) finish(ctx context.Context) error {
	if replica.Mutant == "vector-after" {
		st, err := x.remote.Standing(ctx, x.sh.ID())
		if err != nil {
			return err
		}
		tx := x.sh.Begin()
		tx.Peers().Begin(st.Vector, 0)
		tx.End()
	}
	b := replica.Brought{Excess: x.excess}
	if x.want {
		st, err := x.remote.Standing(ctx, x.sh.ID())
		if err != nil {
			return err
		}
		// Some of the points may have come by an exchange that the peer began meanwhile, others may have been dropped.
		b.Excess = b.Excess || x.Points > 0 && st.Turn != x.turn && replica.Mutant != "busy-peer-trusted"
		// And some may have come to it before their turn: they are excess there by now, if the entries never came.
		early := st.Ahead || st.Excess != 0
		b.Excess = b.Excess || x.Points > 0 && early && replica.Mutant != "previews-trusted"
		b.Thin, b.Vector = x.thin(st), st.Vector
	}
	x.sh.EndExchange(func(own *replica.State) { own.Finish(b) })
	return nil
}

// Abandon ends an exchange that was not done. What it brought is here, and perhaps nowhere else.
func (x *Exchange) Abandon() {
	if x.begun {
		x.sh.EndExchange((*replica.State).Abandon)
	}
}

// String says how far it is, for people.
func (x *Exchange) String() string {
	return fmt.Sprintf("%d hours left, %d points new", len(x.hours), x.Points)
}
