package shard

import (
	"errors"

	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// shipper is a store that gives, and takes, whole chunks.
type shipper interface {
	grid.Source
	// Ship gives sh the chunks of a series that may end in its span.
	Ship(p series.Period, id uint32, sh *chunkrec.Shipper, dst [][]byte) [][]byte
	// Take unites the points of a record whose digests by hour are known, and says how many were new. The error is that
	// of a limit on memory: some may be stored, and it must be repeated.
	Take(in *chunkrec.Reader, hours []grid.HourDigest) (added int, err error)
}

// Seed is the key of the digests of a series.
func (s *Shard) Seed(name []byte) uint64 { return s.cfg.Grid.Seed(name) }

// HourChunks gives records of the chunks that end in an hour, of some series, about so many bytes at most, and the
// place to go on from, 0 at the end. The period of q is found here. The records' digests only count.
func (s *Shard) HourChunks(q grid.Query, most int) (recs [][]byte, next uint32) {
	t := s.Begin()
	defer t.End()
	q.Period = s.PeriodOf(q.Hour)
	st, sh := t.Store.(shipper), chunkrec.Shipper{Span: q.Span()}
	next = s.cfg.Grid.Walk(st, q, func(id uint32, _ []byte) bool {
		done := len(recs)
		recs = st.Ship(q.Period, id, &sh, recs)
		for _, rec := range recs[done:] {
			most -= len(rec)
		}
		return most > 0
	})
	return recs, next
}

// TakeChunks unites whole chunks that an exchange with a peer has brought, with the digests by hour that were computed
// of them. Their points are logged without a number. It takes none (taken is false) of a key that must be looked at
// point by point: what of it was dropped or forgotten must not come back, and what is damaged is not written to.
func (t Tx) TakeChunks(in *chunkrec.Reader, hours []grid.HourDigest) (added int, taken bool, err error) {
	s := t.s
	dead := len(s.Edicts().Of(in.Key.Period, in.Key.Series)) > 0 && replica.Mutant != "tombs-unchecked-in-chunks"
	switch {
	case s.full():
		return 0, false, ErrUnwritten
	case in.Key.Period < s.Floor() || dead || s.hurt.of(in.Key) != nil:
		return 0, false, nil
	}
	s.cfg.Recorder.BeginEntry()
	added, err = t.Store.(shipper).Take(in, hours)
	s.counters.pulled.Add(in.Digest.Points)
	s.repaired(added)
	if errors.Is(err, store.ErrDamaged) { // the exchange goes on without it
		s.hurt.note(in.Key)
		err = nil
	}
	return added, err == nil, err
}

// repaired counts and logs points that an exchange has brought, of which the recorder was told.
func (s *Shard) repaired(added int) {
	s.counters.merged.Add(int64(added))
	s.counters.repaired.Add(int64(added))
	if added == 0 {
		return
	}
	s.peers.state.Repaired()
	if s.cfg.Log != nil {
		s.logged = s.cfg.Log.Append(s.cfg.Recorder.Record(replog.Head{Shard: s.ID()}))
	}
}
