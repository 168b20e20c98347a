package chunk

import "math"

const (
	coarseEvery = 64 // points
	coarseMarks = 2  // the first
	fineEvery   = 8
	markCount   = 5
)

// Marks are places in the stream of an open chunk where an insertion can start to read: the newest few are close
// together, since most that is late is only a little late, and a few stand for all the rest. A mark need not say what
// the points before it were: what comes after it are differences, so the newest point says it. Any may be left out, and
// the zero value has none. Marks belong to one open chunk: they are dropped when it is sealed or written anew.
type Marks struct {
	bits  [markCount]uint16 // of the stream before the place, rising in either kind; 0 = no mark
	count [markCount]uint8  // points before it
}

// Note sets the marks that are due at the end of a chunk to which a point was appended.
func (m *Marks) Note(s *State) {
	if s.count%fineEvery > 0 {
		return
	}
	if i := int(s.count)/coarseEvery - 1; s.count%coarseEvery == 0 && i < coarseMarks {
		m.set(i, s)
	}
	copy(m.bits[coarseMarks:], m.bits[coarseMarks+1:])
	copy(m.count[coarseMarks:], m.count[coarseMarks+1:])
	m.set(markCount-1, s)
}

// set makes a mark of where s stands, if it can be one: a regular point must have come before.
func (m *Marks) set(i int, s *State) {
	m.bits[i] = 0
	if s.bits <= math.MaxUint16 && s.count <= math.MaxUint8 && s.count > s.odd {
		m.bits[i], m.count[i] = uint16(s.bits), uint8(s.count)
	}
}

// before gives the state of the chunk at the last mark that has only points before ts in front of it, or else at the
// start. b gets the stream from byte from on.
func (m *Marks) before(b *block, s *State, buf []byte, ts int64) (here State, from uint32) {
	b.size(int(s.count))
	end := *s
	for i := markCount - 1; i >= 0; i-- {
		here = State{params: s.params, bits: uint32(m.bits[i]), count: uint16(m.count[i])}
		if here.bits == 0 || here.bits >= end.bits {
			continue
		}
		from = here.bits >> 6 << 3
		b.copyOpen(s, buf, from)
		seen := here // from zeros: short of the truth by what is the same for all points, or grows by the same for each
		seen.walk(b, int(here.count), int(end.count), math.MaxInt64)
		points := int64(end.count - here.count)
		here.odd = end.odd - seen.odd
		here.step = end.step - seen.step
		here.last = end.last - seen.last - points*here.step
		here.slope = end.slope - seen.slope
		here.mant = end.mant - seen.mant - (points-int64(seen.odd))*here.slope
		if here.last < ts {
			return here, from
		}
		end = here
	}
	b.copyOpen(s, buf, 0)
	return Start(s.params), 0
}

// shift moves the marks after a place into which a point was put: what went on at old goes on at now.
func (m *Marks) shift(place uint32, old, now *State) {
	for i := range m.bits {
		at := State{bits: uint32(m.bits[i]), count: uint16(m.count[i])}
		switch {
		case at.bits <= place:
		case at.bits < old.bits:
			m.set(i, now)
		default:
			at.bits += now.bits - old.bits
			at.count++
			m.set(i, &at)
		}
	}
}

// follow notes that a point was put in before s, which made the chunk so long: what comes next mostly belongs right
// behind it, as it does where a backlog goes in before newer points. So the last of the fine marks before the place
// moves there, and leaves one behind where it stood for long enough.
func (m *Marks) follow(s *State, count uint16) {
	if i := int(count)/coarseEvery - 1; count%coarseEvery == 0 && i < coarseMarks {
		m.set(i, s)
	}
	at := coarseMarks
	for i := at; i < markCount && uint32(m.bits[i]) < s.bits; i++ {
		at = i
	}
	if at > coarseMarks && int(m.count[at])-int(m.count[at-1]) >= fineEvery {
		copy(m.bits[coarseMarks:at], m.bits[coarseMarks+1:])
		copy(m.count[coarseMarks:at], m.count[coarseMarks+1:])
	}
	m.set(at, s)
}
