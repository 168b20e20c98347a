package store

import "github.com/dunlin-db/dunlin/internal/series"

// Summer adds points to digests. Points that follow each other mostly have the same time, or one that differs in the
// last four digits, so its text is kept.
type Summer struct {
	member  []byte
	timeLen int // bytes of member up to and with the colon; 0 = nothing is there
	time    int64
	frac    uint8
}

const (
	tail = len("0000:")
	tens = 10_000
)

// Add adds a point of a series, which has this SeriesSeed, to a digest.
func (s *Summer) Add(d *Digest, seed uint64, pt series.Point) {
	switch {
	case s.timeLen > 0 && pt.TS == s.time && pt.Frac == s.frac:
	case s.timeLen > tail && pt.Frac == 0 && s.frac == 0 && pt.TS/(1000*tens) == s.time/(1000*tens):
		s.time = pt.TS
		series.PutDigits(s.member[s.timeLen-tail:], uint32(pt.TS/1000%tens))
	default:
		s.time, s.frac = pt.TS, pt.Frac
		s.member = append(series.AppendTime(s.member[:0], pt.TS, pt.Frac), ':')
		s.timeLen = len(s.member)
	}
	s.member = append(s.member[:s.timeLen], pt.Value...)
	d.AddMember(seed, s.member)
}

// Size is the memory it holds, bytes.
func (s *Summer) Size() int64 { return int64(cap(s.member)) }
