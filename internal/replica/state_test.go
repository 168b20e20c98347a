package replica

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

var (
	self  = replog.Origin{Node: "a", Shard: 1, Incarnation: 1}
	other = replog.Origin{Node: "b", Shard: 1, Incarnation: 2}
	third = replog.Origin{Node: "c", Shard: 1, Incarnation: 3}
)

func upTo(o replog.Origin, seq replog.Seq) replog.Reach { return replog.Reach{Origin: o, Seq: seq} }

func TestState_Judge(t *testing.T) {
	s := New(self)
	s.Own(5)
	s.Took(other, 4, 5)
	f := func(o replog.Origin, first, seq replog.Seq, want Verdict) {
		t.Helper()
		if got := s.Judge(o, first, seq); got != want {
			t.Errorf("%s %d-%d: %d, want %d", o.Node, first, seq, got, want)
		}
	}
	f(other, 4, 4, Known)
	f(other, 5, 5, Next)
	f(other, 3, 7, Next) // some of it is known
	f(other, 6, 6, Hole)
	f(third, 1, 1, Next)
	f(third, 2, 2, Hole)
	f(self, 2, 2, Known) // nobody tells this shard its own entries
	earlier := replog.Origin{Node: "a", Shard: 1, Incarnation: 9}
	f(earlier, 1, 1, Next) // but those of an earlier life
}

func TestState_exchange(t *testing.T) {
	s := New(self)
	s.Took(other, 2, 5)
	turn := s.Turn()
	s.Begin([]replog.Reach{upTo(other, 10), upTo(third, 1), upTo(self, 99)}, 0)
	if s.Whole() || !s.Exchanging() || s.Turn() == turn {
		t.Error("an exchange that goes ahead of the vector is not told")
	}
	if s.Seq(other) != 2 || len(s.Published()) != 1 {
		t.Errorf("published %v: an exchange is not done before it is", s.Published())
	}
	if s.Judge(other, 3, 3) != Known || s.Judge(other, 11, 11) != Next || s.Judge(other, 12, 12) != Hole {
		t.Error("entries during the exchange follow on the vector that it brings")
	}
	s.Took(other, 11, 5)
	if s.Seq(other) != 2 {
		t.Error("an entry during the exchange is published")
	}
	gone := *s
	s.Finish(Brought{})
	if s.Seq(other) != 11 || s.Seq(third) != 1 || s.Seq(self) != 0 || !s.Whole() || s.Excess() != 0 {
		t.Errorf("after it: %v, excess %d", s.Published(), s.Excess())
	}
	if s.Covers(map[replog.Origin]replog.Seq{other: 9, third: 1}) {
		t.Error("what the exchange brought can not be served as entries")
	}
	if !s.Covers(map[replog.Origin]replog.Seq{other: 10, third: 1}) {
		t.Error("what came behind it can")
	}
	gone.Abandon()
	if gone.Excess() == 0 {
		t.Error("what came during an exchange that was abandoned is known to nobody, and nobody is told")
	}
}

func TestState_abandon(t *testing.T) {
	s := New(self)
	s.Took(other, 2, 5)
	s.Begin([]replog.Reach{upTo(other, 10)}, 0)
	s.Took(other, 11, 5)
	s.Repaired()
	s.Abandon()
	if s.Seq(other) != 2 || s.Judge(other, 3, 3) != Next || s.Judge(other, 12, 12) != Hole {
		t.Errorf("an abandoned exchange counts: %v", s.Published())
	}
	if !s.Covers(map[replog.Origin]replog.Seq{other: 2}) {
		t.Error("who knows as much as this shard is told of a gap")
	}
	if s.Covers(map[replog.Origin]replog.Seq{other: 1}) {
		t.Error("the tail begins behind what an abandoned exchange promised")
	}
}

func TestState_suspect(t *testing.T) {
	s := New(self)
	s.Took(other, 7, 5)
	s.Suspect()
	if s.Whole() || len(s.Published()) > 0 || s.Excess() == 0 || len(s.Stored().Vector) > 0 {
		t.Error("a shard that lost points gives its vector away")
	}
	s.Begin(nil, 0)
	s.Finish(Brought{Excess: true})
	if !s.Whole() || s.Seq(other) != 7 {
		t.Error("an exchange does not lift the suspicion")
	}
}

// TestState_refilled: points are back only after an exchange with a peer that has all that the vector claims.
func TestState_refilled(t *testing.T) {
	f := func(want series.Period, thin series.Period, peer ...replog.Reach) {
		t.Helper()
		s := New(self)
		s.Own(5)
		s.Took(other, 7, 6)
		s.Took(third, 2, 5)
		s.Suspect()
		s.Begin(peer, thin)
		s.Finish(Brought{})
		if got := s.Stored().Thin; got != want || s.Suspected() {
			t.Errorf("after %v: thin before %d, want %d", peer, got, want)
		}
	}
	f(0, 0, upTo(other, 7), upTo(third, 3))
	f(7, 0, upTo(other, 6), upTo(third, 3))
	f(7, 0, upTo(other, 7))
	f(7, 0)
	f(7, 4, upTo(other, 7), upTo(third, 3))
}

func TestState_Forget(t *testing.T) {
	s := New(self)
	s.Own(5)
	s.Took(other, 7, 5)
	s.Took(third, 3, 8)
	s.Trimmed(other, 7)
	s.Forget(6)
	if s.Seq(other) != 0 || s.Seq(third) != 3 || s.Seq(self) != 1 {
		t.Errorf("%v", s.Published())
	}
	if !s.Covers(map[replog.Origin]replog.Seq{third: 3}) {
		t.Error("an origin of which nothing lives is a gap")
	}
}

// TestState_restart: what a state record and the log behind it say is what was known, but for what lies behind a hole.
func TestState_restart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(self)
		type entry struct {
			o          replog.Origin
			first, seq replog.Seq
		}
		var log []entry
		cut := rapid.IntRange(0, 20).Draw(t, "cut")
		var stored replog.ShardState
		for i := range 30 {
			if i == cut {
				stored = s.Stored()
				log = nil
			}
			e := entry{o: rapid.SampledFrom([]replog.Origin{self, other, third}).Draw(t, "origin")}
			e.first = s.Seq(e.o) + 1
			if e.o == self {
				e.seq = s.Own(1)
			} else {
				e.seq = e.first + replog.Seq(rapid.IntRange(0, 3).Draw(t, "more"))
				s.Took(e.o, e.seq, 1)
			}
			log = append(log, e)
		}
		lost := rapid.IntRange(-1, len(log)-1).Draw(t, "lost")
		again := New(replog.Origin{Node: "a", Shard: 1, Incarnation: 77})
		again.Restore(stored)
		want := map[replog.Origin]replog.Seq{}
		for _, r := range stored.Vector {
			want[r.Origin] = r.Seq
		}
		for i, e := range log {
			if i == lost {
				continue
			}
			again.Replayed(e.o, e.first, e.seq, 1)
			if want[e.o]+1 == e.first {
				want[e.o] = e.seq
			}
		}
		again.Restored()
		behind := false
		for _, o := range []replog.Origin{self, other, third} {
			if again.Seq(o) != want[o] {
				t.Fatalf("%s: %d, want %d", o.Node, again.Seq(o), want[o])
			}
			behind = behind || want[o] < s.Seq(o)
		}
		if lost < 0 && behind {
			t.Fatal("something is lost of a log that is whole")
		}
		for _, e := range log {
			if e.first > want[e.o]+1 && again.Excess() == 0 {
				t.Fatal("points behind a hole are told to nobody")
			}
		}
		if want[other] > 0 && again.Covers(map[replog.Origin]replog.Seq{self: 99, third: 99}) {
			t.Fatal("a tail that is empty after a start covers what came before")
		}
	})
}

func TestBell(t *testing.T) {
	var b Bell
	b.Ring() // nobody waits
	rung, done := b.Wait()
	select {
	case <-rung:
		t.Fatal("it rang before")
	default:
	}
	b.Ring()
	<-rung
	done()
	again, done := b.Wait()
	defer done()
	if again == rung {
		t.Error("it rings only once")
	}
}
