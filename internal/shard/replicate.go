package shard

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// applier is a store that can tell its recorder of all points of an entry.
type applier interface {
	// Apply is Put for points of a peer: no limit on series keeps them out. The recorder is also told of those that are
	// known, and of those that are passed on without being stored. The error is that of a limit on memory: some may be
	// stored, and it must be repeated.
	Apply(puts, passed []store.Put) error
}

// replicas is what a shard with a log of its own keeps for and of its peers; under the shard's lock.
type replicas struct {
	state *replica.State
	tail  *replica.Tail
}

// Take applies an entry of a peer's log and logs it in turn, if it is the next of its origin; the verdict says what it
// was. Points below the floor are not stored, only passed on: another node may keep them longer. An error means that it
// was not taken, and may be later.
func (t Tx) Take(h replog.Head, puts []store.Put) (replica.Verdict, error) {
	s := t.s
	v := s.peers.state.Judge(h.Origin, h.First(), h.Seq)
	if v != replica.Next {
		return v, nil
	}
	live, passed, last := s.sift(puts)
	if err := t.apply(live, passed); err != nil {
		return v, err
	}
	h.Shard, h.Foreign = s.ID(), true
	s.peers.state.Took(h.Origin, h.Seq, last)
	if anyAdded(live) || replica.Mutant != "only-grown-logged" {
		s.log(s.cfg.Recorder.Record(h), h.Origin, h.Seq)
	}
	if s.peers.state.CaughtUp() { // what the log has without a number counts no more
		s.logState(t)
	}
	return v, nil
}

// Preview applies an entry of a peer's log whose turn has not come: its points can be read, and count for nothing. They
// are logged without a number; the entry comes again, and is taken then. One whose turn it is is taken.
func (t Tx) Preview(h replog.Head, puts []store.Put) (replica.Verdict, error) {
	s := t.s
	v := s.peers.state.Judge(h.Origin, h.First(), h.Seq)
	switch {
	case v == replica.Known:
		return v, nil
	case v == replica.Next:
		return t.Take(h, puts)
	}
	live, _, last := s.sift(puts)
	s.peers.state.Shown(replog.Reach{Origin: h.Origin, Seq: h.Seq, Last: last}) // an error may leave some of it too
	if err := t.apply(live, nil); err != nil {
		return v, err
	}
	if anyAdded(live) && s.cfg.Log != nil {
		s.logged = s.cfg.Log.Append(s.cfg.Recorder.Record(replog.Head{Shard: s.ID()}))
	}
	return v, nil
}

// sift divides the points of a peer's entry into those that are to be stored and those below the floor, which another
// node may keep longer; last is the latest period of all of them.
func (s *Shard) sift(puts []store.Put) (live, passed []store.Put, last series.Period) {
	live = puts[:0]
	for _, p := range puts {
		last = max(last, p.Period)
		switch {
		case s.dead(p.Period, p.Series, p.TS) && replica.Mutant != "tombs-unchecked":
			s.counters.belowFloor.Add(1)
		case p.Period < s.Floor() && replica.Mutant != "floor-unchecked":
			s.counters.belowFloor.Add(1)
			if replica.Mutant != "floor-not-passed" {
				passed = append(passed, p)
			}
		case replica.Mutant == "clock-refuses" && p.TS > s.cfg.Clock().Add(MaxAhead).UnixMilli():
		default:
			live = append(live, p)
		}
	}
	return live, passed, last
}

func anyAdded(puts []store.Put) bool {
	return slices.ContainsFunc(puts, func(p store.Put) bool { return p.Added })
}

// apply stores points of a peer's entry.
func (t Tx) apply(live, passed []store.Put) error {
	s := t.s
	switch {
	case s.full():
		return ErrUnwritten
	case !s.hurt.room(len(live)):
		return store.ErrDamaged
	}
	s.cfg.Recorder.BeginEntry()
	if err := t.Store.(applier).Apply(live, passed); err != nil {
		return err
	}
	added, bad := 0, 0
	for i := range live {
		if live[i].Added {
			added++
		}
		if live[i].Err != nil {
			bad++
		}
	}
	if bad > 0 {
		s.noteHurt(live, true)
	}
	s.counters.pulled.Add(int64(len(live)))
	s.counters.merged.Add(int64(added))
	s.counters.refused.Add(int64(bad))
	return nil
}

// log hands a record to the log and to the tail for the peers.
func (s *Shard) log(rec []byte, o replog.Origin, seq replog.Seq) {
	if s.cfg.Log != nil {
		s.logged = s.cfg.Log.Append(rec)
	}
	if s.peers.tail == nil {
		return
	}
	s.peers.tail.Append(replica.Entry{Record: rec, Origin: o, Seq: seq, Names: s.cfg.Recorder.Names()}, s.cfg.Mono(),
		s.peers.state.Trimmed)
	if s.cfg.Bell != nil {
		s.cfg.Bell.Ring()
	}
}

// Repair unites points that an exchange with a peer has brought, key by key: those of a key go in together, so that
// each chunk they fall into is written once. They are logged without a number. Of the points of a key that follow each
// other as many are told as Added as were new, whichever those were.
func (t Tx) Repair(puts []store.Put) (added int, err error) {
	s := t.s
	if s.full() {
		return 0, ErrUnwritten
	}
	live := puts[:0]
	for _, p := range puts {
		if p.Period >= s.Floor() && (!s.dead(p.Period, p.Series, p.TS) || replica.Mutant == "tombs-unchecked") {
			live = append(live, p)
		} else {
			s.counters.belowFloor.Add(1)
		}
	}
	s.cfg.Recorder.BeginEntry()
	err = t.uniteRuns(live)
	for i := range live {
		if live[i].Added {
			added++
		}
	}
	s.counters.pulled.Add(int64(len(live)))
	s.repaired(added)
	return added, err
}

// repairs is the peer that points of an exchange are said to come from: no limit on series keeps them out.
const repairs = "exchange"

// uniteRuns unites points; those of one key that follow each other go in together.
func (t Tx) uniteRuns(puts []store.Put) error {
	s := t.s
	for n := 0; len(puts) > 0; puts = puts[n:] {
		k, err := series.ParseSeries(puts[0].Series)
		if n = 1; err != nil {
			puts[0].Err, puts[0].BadKey = err, true
			continue
		}
		k.Period = puts[0].Period
		g := [1]store.Group{{Key: k, Points: []series.Point{puts[0].Point()}}}
		for n < len(puts) && puts[n].Period == k.Period && bytes.Equal(puts[n].Series, puts[0].Series) {
			g[0].Points = append(g[0].Points, puts[n].Point())
			n++
		}
		err = t.Store.Unite(context.Background(), g[:], store.Origin{Peer: repairs}) // in memory: nothing is waited for
		for i := range g[0].Added {
			puts[i].Added = true
		}
		switch {
		case errors.Is(err, store.ErrDamaged): // the exchange goes on without it
			s.hurt.note(k)
		case err != nil:
			return err
		}
	}
	return nil
}

// Replicates says that the shard speaks the log protocol.
func (s *Shard) Replicates() bool { return s.peers.tail != nil }

// Peers gives what the shard knows of the origins; only within the Tx.
func (t Tx) Peers() *replica.State { return t.s.peers.state }

// Tail gives the log for the peers; only within the Tx.
func (t Tx) Tail() *replica.Tail { return t.s.peers.tail }

// Serve is Cursor.Serve under the shard's lock, now.
func (s *Shard) Serve(c *replica.Cursor, a replica.Asker) replica.Served {
	a.Now = s.cfg.Mono()
	t := s.Begin()
	defer t.End()
	return c.Serve(s.peers.tail, s.peers.state, a)
}

// EndExchange ends an exchange as the call says, and logs what is known now.
func (s *Shard) EndExchange(end func(*replica.State)) {
	t := s.Begin()
	defer t.End()
	end(s.peers.state)
	s.logState(t)
}

// logState logs what is known now.
func (s *Shard) logState(t Tx) {
	if s.cfg.Log != nil {
		s.logged = s.cfg.Log.Append(replog.State{
			Node: s.cfg.Origin.Node, Incarnation: s.cfg.Origin.Incarnation, Layout: s.cfg.Layout, Floor: s.Floor(),
			Shards: []replog.ShardState{t.State()},
		}.Append(nil))
	}
}

// Replayed notes a record of points that was read from the own log after a start, origin and all.
func (t Tx) Replayed(h replog.Head, last series.Period) {
	if h.Seq == 0 {
		t.s.peers.state.Repaired()
	} else {
		t.s.peers.state.Replayed(h.Origin, h.First(), h.Seq, last)
	}
}

// Restore takes over what a state record of the own log says, and whether that is more than was known.
func (t Tx) Restore(st replog.ShardState) (more bool) { return t.s.peers.state.Restore(st) }

// Suspect says that points were lost of what the own log claims.
func (s *Shard) Suspect() {
	t := s.Begin()
	defer t.End()
	s.peers.state.Suspect()
}

// PeerBytes is the memory that is held for peers, bytes.
func (s *Shard) PeerBytes() int64 {
	if !s.Replicates() {
		return 0
	}
	t := s.Begin()
	defer t.End()
	return s.peers.tail.Size() + s.cfg.Recorder.Names().Size() + s.cfg.Grid.Size()
}

// FillGrid does a piece of what is to be done before Hours can tell, and says whether there is more.
func (s *Shard) FillGrid() (more bool) {
	t := s.Begin()
	defer t.End()
	return s.cfg.Grid.Fill(t.Store.(grid.Source), fillAtOnce)
}

// fillAtOnce is how many series FillGrid reads under one lock.
const fillAtOnce = 64

// Hours is Grid.Hours.
func (t Tx) Hours() (hours []grid.HourDigest, ok bool) { return t.s.cfg.Grid.Hours() }

// Hours is Tx.Hours in a Tx of its own.
func (s *Shard) Hours() (hours []grid.HourDigest, ok bool) {
	t := s.Begin()
	defer t.End()
	return t.Hours()
}

// Hour gives the digests of the parts of an hour. What is to be done before it can tell is done: points may have been
// taken out since an exchange began.
func (s *Shard) Hour(hour int64) (sums grid.Sums) {
	for ok := false; !ok; {
		t := s.Begin()
		if sums, ok = s.cfg.Grid.Hour(s.PeriodOf(hour), hour); !ok && replica.Mutant != "unfilled-told" {
			s.cfg.Grid.Fill(t.Store.(grid.Source), fillAtOnce)
		}
		t.End()
		ok = ok || replica.Mutant == "unfilled-told"
	}
	return sums
}

// PeriodOf gives the period that holds an hour.
func (s *Shard) PeriodOf(hour int64) series.Period {
	return s.cfg.Layout.PeriodOf(hour * store.HourMillis)
}

// HourSeries is Grid.Series; the period of q is found here.
func (s *Shard) HourSeries(q grid.Query) (list []grid.SeriesDigest, next uint32) {
	t := s.Begin()
	defer t.End()
	q.Period = s.PeriodOf(q.Hour)
	return s.cfg.Grid.Series(t.Store.(grid.Source), q)
}

// HourOf gives the digest of each of some series in an hour.
func (s *Shard) HourOf(hour int64, names []grid.SeriesDigest, dst []store.Digest) []store.Digest {
	t := s.Begin()
	defer t.End()
	for _, n := range names {
		q := grid.Query{Period: s.PeriodOf(hour), Hour: hour}
		dst = append(dst, s.cfg.Grid.One(t.Store.(grid.Source), q, n.Series))
	}
	return dst
}
