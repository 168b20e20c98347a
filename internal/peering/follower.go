package peering

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// Follower follows the log of a peer over one connection. It has one owner.
type Follower struct {
	peer        string
	incarnation replog.Incarnation
	origins     originNumbers
	told        originNumbers // of the answers
	lanes       []*followed
	puts        []store.Put

	// Previews asks for what is being written before its turn, while there is much before it.
	Previews bool
}

// followed is one shard of the peer.
type followed struct {
	sh     *shard.Shard
	asked  map[replog.Origin]replog.Seq // what the peer was told
	turn   uint64                       // of the own state then
	reset  bool                         // the peer is to be told everything
	state  status
	holes  int    // answers in a row that could not be used
	excess uint64 // of the peer
	united uint64 // the excess that was exchanged

	dict replog.Dict
	in   replog.Reader
}

// mostHoles is after how many answers with a hole an exchange is the way out.
const mostHoles = 3

// NewFollower begins to follow a peer, in one life of it, for the shards that both hold.
func NewFollower(peer string, inc replog.Incarnation, shards []*shard.Shard) *Follower {
	f := &Follower{peer: peer, incarnation: inc}
	for _, sh := range shards {
		f.lanes = append(f.lanes, &followed{sh: sh, reset: true, asked: map[replog.Origin]replog.Seq{}})
	}
	return f
}

// Request appends what is asked next: at most so many bytes of records, about. follows are the nodes that have a
// working link of their own.
func (f *Follower) Request(dst []byte, follows []string, most int) []byte {
	wants := uint64(most)
	if f.Previews {
		wants |= askPreviews
	}
	dst = binary.AppendUvarint(append(dst, Version), wants)
	if len(f.lanes) > 0 { // what this node wrote itself it has, as a rule
		follows = append(slices.Clone(follows), f.lanes[0].sh.Origin().Node)
	}
	dst = binary.AppendUvarint(dst, uint64(len(follows)))
	for _, node := range follows {
		dst = appendText(dst, node)
	}
	var asks []ask
	for _, l := range f.lanes {
		if a, ok := l.ask(); ok {
			asks = append(asks, a)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(asks)))
	for _, a := range asks {
		dst = f.origins.appendAsk(dst, a)
	}
	return dst
}

// ask says what is known that the peer was not told yet.
func (l *followed) ask() (a ask, ok bool) {
	if l.sh.Loading() {
		return ask{}, false
	}
	tx := l.sh.Begin()
	v, turn := tx.Peers().Asked(), tx.Peers().Turn()
	tx.End()
	a = ask{shard: l.sh.ID(), reset: l.reset || turn != l.turn}
	if a.reset {
		clear(l.asked)
		l.reset, l.turn = false, turn
	}
	for _, r := range v {
		if l.asked[r.Origin] != r.Seq {
			l.asked[r.Origin] = r.Seq
			a.vector = append(a.vector, r)
		}
	}
	return a, a.reset || len(a.vector) > 0
}

// Answered is what came of an answer.
type Answered struct {
	Wall    time.Time // of the peer, when it answered
	Drained bool      // it had no more
	Edicts  uint64    // the hash of the peer's
	Marks   []watermark.Mark
	Entries int
	Useful  int // entries that were new
	Points  int
	Shown   int // of the entries, the ones that came before their turn
}

// Apply takes over an answer. After an error the Follower is of no use any more: what was not taken will be asked for
// again.
func (f *Follower) Apply(b []byte) (a Answered, err error) {
	in := &input{b: b}
	if v := in.byte(); v != Version {
		return a, fmt.Errorf("answer of version %d: %w", v, ErrCorrupt)
	}
	a.Wall = time.UnixMilli(int64(in.uvarint(mostSeq)))
	a.Drained, a.Edicts = in.byte() == 1, in.uint64()
	for range in.count() {
		id, b := int(in.uvarint(mostShards)), in.byte()
		l := f.lane(id)
		if l == nil || b&^(withExcess|withPreviews) >= byte(statuses) {
			return a, fmt.Errorf("answer for shard %d, status %d: %w", id, b, ErrCorrupt)
		}
		l.state = status(b &^ (withExcess | withPreviews))
		if b&withExcess != 0 {
			l.excess = in.uint64()
		}
		shown := 0
		if b&withPreviews != 0 {
			shown = in.count()
		}
		hole := false
		for i := range in.count() {
			rec := in.text(len(in.b))
			if in.bad {
				break
			}
			verdict, err := f.take(l, rec, i < shown, &a)
			if err != nil {
				return a, fmt.Errorf("shard %d: %w", id, err)
			}
			hole = hole || verdict == replica.Hole && i >= shown
		}
		l.note(hole)
	}
	a.Marks = f.readMarks(in)
	if err := in.end(); err != nil {
		return a, fmt.Errorf("answer: %w", err)
	}
	return a, nil
}

// Wants says which exchanges are needed: where the peer's log does not reach back, where points were lost here, and
// where the peer has points that no log tells of.
func (f *Follower) Wants() (wants []exchange.Want) {
	for _, l := range f.lanes {
		if l.sh.Loading() || l.state == statusLoading {
			continue
		}
		tx := l.sh.Begin()
		adopt := l.state == statusGap || l.holes >= mostHoles || tx.Peers().Suspected()
		busy := tx.Peers().Exchanging()
		tx.End()
		if !busy && (adopt || l.excess != l.united) {
			wants = append(wants, exchange.Want{Shard: l.sh, Adopt: adopt, Token: l.excess})
		}
	}
	return wants
}

// Done notes that an exchange that was wanted is done.
func (f *Follower) Done(w exchange.Want) {
	l := f.lane(w.Shard.ID())
	l.united, l.holes, l.reset = w.Token, 0, true
	if w.Adopt {
		l.state = statusOK
	}
}

// Compared gives the excess of a shard of the peer that an exchange brought, 0 = none.
func (f *Follower) Compared(shard int) uint64 { return f.lane(shard).united }

func (f *Follower) lane(id int) *followed {
	for _, l := range f.lanes {
		if l.sh.ID() == id {
			return l
		}
	}
	return nil
}

// note makes the peer be told everything when it sent what can not be used.
func (l *followed) note(hole bool) {
	if !hole {
		l.holes = 0
		return
	}
	l.holes++
	l.reset = true
}

// take applies one entry, or shows it before its turn. It is read in any case: it may spell names.
func (f *Follower) take(l *followed, rec []byte, show bool, a *Answered) (v replica.Verdict, err error) {
	if err := l.in.Reset(rec); err != nil {
		return 0, err
	}
	h := l.in.Head
	if !h.Foreign {
		h.Origin = replog.Origin{Node: f.peer, Shard: l.sh.ID(), Incarnation: f.incarnation}
	}
	if h.Shard != l.sh.ID() || h.Seq == 0 || h.Points > replog.MostPoints {
		return 0, ErrCorrupt
	}
	f.puts = f.puts[:0]
	for layout := l.sh.Layout(); l.in.Next(&l.dict); {
		f.puts = append(f.puts, store.Put{
			Series: l.in.Series, Member: l.in.Member, TS: l.in.TS, Frac: l.in.Frac, ValueAt: l.in.ValueAt,
			Period: layout.PeriodOf(l.in.TS),
		})
	}
	if err := errors.Join(l.in.Err(), unknown(l.in.Unknown)); err != nil {
		return 0, err
	}
	tx := l.sh.Begin()
	if show {
		v, err = tx.Preview(h, f.puts)
	} else {
		v, err = tx.Take(h, f.puts)
	}
	tx.End()
	if a.Entries++; show {
		a.Shown++
	}
	if err == nil && v == replica.Next {
		a.Useful++
		a.Points += h.Points
	}
	return v, err
}

func unknown(points int) error {
	if points > 0 {
		return fmt.Errorf("%d points: %w", points, replog.ErrUnknownSeries)
	}
	return nil
}
