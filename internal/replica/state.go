package replica

import (
	"cmp"
	"slices"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Verdict is what an entry of a peer is.
type Verdict uint8

// The verdicts.
const (
	Next  Verdict = iota // it is to be applied and logged
	Known                // it was applied before
	Hole                 // entries before it are not here
)

// State is what a shard knows of all origins. It is not safe for concurrent use.
type State struct {
	self     replog.Origin
	origins  map[replog.Origin]*reach
	exchange bool // there is a pending vector
	jumping  bool // it is ahead of the vector
	suspect  bool // points that the vector claims may be lost
	refills  bool // the peer of the running exchange has all that the vector claims
	turn     uint64
	// excess is another number whenever points came that the vector of nobody may cover, and that no log tells of: all
	// who follow this shard must compare then. 0 = there are none.
	excess uint64
	times  uint64 // that excess was renewed
	loose  bool   // points came that may become excess: the exchange that brought them has not ended
	thin   series.Period
	ahead  []replog.Reach // points up to there may be in the store that the vector does not cover yet
	shown  bool           // some of them came as previews
}

// reach is one origin.
type reach struct {
	seq     replog.Seq    // all entries up to it are in the store, but for those of a running exchange
	start   replog.Seq    // the Tail has every entry behind it, up to seq
	jumped  replog.Seq    // entries up to it came by no log: an exchange brought their points
	pending replog.Seq    // seq once the running exchange is done
	jumps   bool          // the running exchange brings what lies between seq and entries that are taken meanwhile
	last    series.Period // of its points, none is later
}

// New makes the state of a shard that holds nothing.
func New(self replog.Origin) *State {
	return &State{self: self, origins: map[replog.Origin]*reach{self: {}}}
}

func (s *State) origin(o replog.Origin) *reach {
	r := s.origins[o]
	if r == nil {
		r = &reach{}
		s.origins[o] = r
	}
	return r
}

// Own numbers an entry of this shard's own; last is the latest period of its points.
func (s *State) Own(last series.Period) replog.Seq {
	r := s.origin(s.self)
	r.seq++
	r.pending = max(r.pending, r.seq)
	r.last = max(r.last, last)
	return r.seq
}

// Judge says what an entry with the numbers first to seq is here (R3).
func (s *State) Judge(o replog.Origin, first, seq replog.Seq) Verdict {
	if mutant == "own-past-ignored" && o.Node == s.self.Node {
		return Known
	}
	r, have := s.origins[o], replog.Seq(0)
	if r != nil {
		have = s.base(r)
	}
	switch {
	case seq <= have || o == s.self:
		return Known
	case first > have+1 && mutant != "holes-taken":
		return Hole
	}
	return Next
}

// base is up to where entries of an origin count as known.
func (s *State) base(r *reach) replog.Seq {
	if s.exchange {
		return r.pending
	}
	return r.seq
}

// Took notes that an entry that was Next is applied and logged.
func (s *State) Took(o replog.Origin, seq replog.Seq, last series.Period) {
	r := s.origin(o)
	r.last = max(r.last, last)
	r.pending = max(r.pending, seq)
	s.loose = s.loose || r.jumps
	if !r.jumps || mutant == "pending-published" {
		r.seq = max(r.seq, seq)
	}
}

// Trimmed notes that the Tail is about to lose the entries of an origin up to seq (R4).
func (s *State) Trimmed(o replog.Origin, seq replog.Seq) {
	if r := s.origins[o]; r != nil && mutant != "start-not-raised-by-trim" {
		r.start = max(r.start, seq)
	}
}

// Covers says whether whoever knows so much can be told the rest from the Tail; false: GAP (R4). A start that lies
// ahead of what is known, which an exchange that came to nothing leaves behind, is no gap for who knows as much.
func (s *State) Covers(asker map[replog.Origin]replog.Seq) bool {
	return s.covers(asker, func(_ replog.Origin, r *reach) replog.Seq { return r.start })
}

// covers is Covers for those starts that are asked for.
func (s *State) covers(asker map[replog.Origin]replog.Seq, start func(replog.Origin, *reach) replog.Seq) bool {
	slack := replog.Seq(0)
	if mutant == "gap-off-by-one" {
		slack = 1
	}
	for o, r := range s.origins {
		if asker[o]+slack < min(start(o, r), r.seq) && mutant != "gap-not-told" {
			return false
		}
	}
	return true
}

// Published gives the vector, as others may adopt it: without what a running exchange has brought. That of a suspect
// is empty.
func (s *State) Published() []replog.Reach {
	if s.suspect && mutant != "suspect-adopted" {
		return nil
	}
	return s.vector(func(r *reach) replog.Seq { return r.seq })
}

// Asked gives the vector that entries are asked for from: with what the running exchange will have brought.
func (s *State) Asked() []replog.Reach { return s.vector(s.base) }

func (s *State) vector(seq func(*reach) replog.Seq) []replog.Reach {
	v := make([]replog.Reach, 0, len(s.origins))
	for o, r := range s.origins {
		if n := seq(r); n > 0 {
			v = append(v, replog.Reach{Origin: o, Seq: n, Last: r.last})
		}
	}
	slices.SortFunc(v, func(a, b replog.Reach) int {
		return cmp.Or(cmp.Compare(a.Origin.Node, b.Origin.Node),
			cmp.Compare(a.Origin.Incarnation, b.Origin.Incarnation))
	})
	return v
}

// Seq gives how far an origin is known, as others may be told.
func (s *State) Seq(o replog.Origin) replog.Seq {
	if r := s.origins[o]; r != nil {
		return r.seq
	}
	return 0
}

// Begin begins an exchange, the only one of the shard, with a peer that publishes v (R5): entries behind v count as the
// next from here on. Without a v that can be adopted it only unites points. thin is the period before which the peer
// may lack points that v claims, 0 = it does not.
func (s *State) Begin(v []replog.Reach, thin series.Period) {
	s.exchange = true
	s.turn++
	s.refills = thin == 0 && s.claimsOf(v)
	for _, r := range s.origins {
		r.pending = r.seq
	}
	for _, p := range v {
		if p.Origin == s.self {
			continue // nobody knows more of it than this shard
		}
		r := s.origin(p.Origin)
		r.pending, r.last = max(r.pending, p.Seq), max(r.last, p.Last)
		if p.Seq > r.seq {
			r.jumps, s.jumping = true, true
			s.thins(thin)
			if mutant != "start-not-raised" {
				r.start = max(r.start, p.Seq) // no log has anything of what lies between
				r.jumped = max(r.jumped, p.Seq)
			}
		}
	}
	if mutant == "vector-before-data" {
		for _, r := range s.origins {
			r.seq = r.pending
		}
	}
}

// Brought is what a finished exchange may have brought beside what the vector covers that it began with.
type Brought struct {
	Excess bool           // points that the peer's vector may not cover either
	Thin   series.Period  // as in Begin, at the end
	Vector []replog.Reach // of the peer, at the end: entries that will follow
}

// claimsOf says that v covers all that the vector claims of others, and of this shard's own past.
func (s *State) claimsOf(v []replog.Reach) bool {
	missing := len(s.origins) - 1 // the own entries of this incarnation are here
	for _, p := range v {
		if r := s.origins[p.Origin]; r != nil && p.Origin != s.self && p.Seq >= r.seq {
			missing--
		}
	}
	return missing == 0
}

// Finish ends an exchange: all that was to come is in the store now.
func (s *State) Finish(b Brought) {
	if s.jumping {
		s.thins(b.Thin)
	}
	if s.suspect && !s.refills && mutant != "refilled-by-anyone" {
		for _, r := range s.origins {
			s.thins(r.last + 1)
		}
	}
	loose := s.loose
	if loose && b.Excess {
		s.Exceed()
	}
	s.suspect = false
	if s.end(func(r *reach) { r.seq = max(r.seq, r.pending) }); loose {
		s.ahead = append(s.ahead, b.Vector...)
	}
}

// Ahead says that the store may have points that the vector does not cover yet, as their entries are still to come.
func (s *State) Ahead() bool {
	s.ahead = slices.DeleteFunc(s.ahead, func(r replog.Reach) bool {
		return r.Origin == s.self || s.Seq(r.Origin) >= r.Seq || mutant == "ahead-unsaid"
	})
	return len(s.ahead) > 0
}

// Shown notes that the points of an entry were stored before its turn.
func (s *State) Shown(r replog.Reach) {
	if mutant == "preview-unsaid" {
		return
	}
	s.shown = true
	for i := range s.ahead {
		if a := &s.ahead[i]; a.Origin == r.Origin {
			a.Seq, a.Last = max(a.Seq, r.Seq), max(a.Last, r.Last)
			return
		}
	}
	s.ahead = append(s.ahead, r)
}

// CaughtUp says, once, that the entries have come of all that was Shown.
func (s *State) CaughtUp() bool {
	if !s.shown || s.Ahead() {
		return false
	}
	s.shown = false
	return true
}

// Abandon ends an exchange that came to nothing. What is known is what was before it; the points it brought stay.
func (s *State) Abandon() {
	if s.loose {
		s.Exceed()
	}
	s.end(func(*reach) {})
}

func (s *State) end(fn func(*reach)) {
	for _, r := range s.origins {
		fn(r)
		r.pending, r.jumps = 0, false
	}
	s.exchange, s.jumping, s.loose = false, false, false
	s.turn++
}

// Repaired notes that an exchange has brought points, or that such points were read from the own log after a start.
func (s *State) Repaired() { s.loose = true }

// Exceed says that the store has points now that no log tells of.
func (s *State) Exceed() {
	s.loose, s.ahead = false, nil
	if mutant != "excess-unsaid" {
		s.times++
		s.excess = uint64(s.self.Incarnation) + s.times
	}
}

// Excess is another number after each Exceed, 0 before the first.
func (s *State) Excess() uint64 { return s.excess }

// Stored is what a state record says of the shard.
func (s *State) Stored() replog.ShardState {
	st := replog.ShardState{Shard: s.self.Shard, Seq: s.Seq(s.self), Vector: s.Published(), Excess: s.excess, Thin: s.thin}
	if s.loose || s.Ahead() {
		st.Excess = uint64(s.self.Incarnation) + s.times + 1 // as Exceed would make it
	}
	return st
}

// thins notes that points before a period may be lacking which the vector claims: it was adopted from a peer that has
// dropped them, or never had them either.
func (s *State) thins(before series.Period) {
	if mutant != "thin-unsaid" {
		s.thin = max(s.thin, before)
	}
}

// Thin gives the period before which points may be lacking.
func (s *State) Thin() series.Period { return s.thin }

// Exchanging says that an exchange is under way.
func (s *State) Exchanging() bool { return s.exchange }

// Suspect says that points were lost which the vector claims, until an exchange has brought them back (R5a). One with a
// peer that does not know all of them ends it too, as nobody may; then the shard is thin.
func (s *State) Suspect() {
	s.suspect = true
	s.Exceed()
}

// Suspected says that Suspect was said, and nothing has been brought back yet.
func (s *State) Suspected() bool { return s.suspect }

// Whole says that the vector may be adopted by others (R5a).
func (s *State) Whole() bool {
	return (!s.jumping || mutant == "running-adopted") && (!s.suspect || mutant == "suspect-adopted")
}

// Turn is another number after every Begin, Finish and Abandon: what a peer was told before may be too much.
func (s *State) Turn() uint64 { return s.turn }

// Restore takes over what a state record says, and whether that is more than was known.
func (s *State) Restore(st replog.ShardState) (more bool) {
	if st.Excess != 0 {
		s.excess = st.Excess
	}
	s.loose, s.thin = false, max(s.thin, st.Thin)
	for _, p := range st.Vector {
		r := s.origin(p.Origin)
		more = more || p.Seq > r.seq
		r.seq, r.last = max(r.seq, p.Seq), max(r.last, p.Last)
	}
	return more
}

// Replayed notes an entry that was read from the own log after a start. What is behind a hole is in the store and
// counts for nothing: it will be asked for again, and nobody may be able to give it.
func (s *State) Replayed(o replog.Origin, first, seq replog.Seq, last series.Period) {
	r := s.origin(o)
	r.last = max(r.last, last)
	if (first <= r.seq+1 || mutant == "replay-over-holes") && seq > r.seq {
		r.seq = seq
	} else if seq > r.seq {
		s.Exceed()
	}
}

// Restored ends a start: the Tail is empty, so what is known can not be served to others (R4).
func (s *State) Restored() {
	if s.loose {
		s.Exceed()
	}
	for o, r := range s.origins {
		if o != s.self && mutant != "start-forgotten" {
			r.start = r.seq
		}
	}
}

// Forget forgets the origins of which nothing lives (R8).
func (s *State) Forget(floor series.Period) {
	for o, r := range s.origins {
		if o != s.self && r.last < floor && !s.exchange {
			delete(s.origins, o)
		}
	}
	s.ahead = slices.DeleteFunc(s.ahead, func(r replog.Reach) bool { return r.Last < floor })
}
