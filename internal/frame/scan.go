package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// Range is a stretch of a file.
type Range struct{ Offset, Length int64 }

// Report says what Scan found.
type Report struct {
	Records   int
	Bytes     int64   // of the frames that were read, and of a good header
	Damaged   []Range // what could not be read, in order
	Torn      bool    // the last of Damaged reaches the end of the file: a write that was not finished, mostly
	HeaderBad bool    // the header is damaged: it counts as Damaged too, and the frames are read all the same
	Salt      uint64
}

// scanner reads a file through a window.
type scanner struct {
	r    io.Reader
	buf  []byte // what was read and is not done with
	at   int    // the place in buf
	off  int64  // of buf in the file
	eof  bool
	seed uint32
	rep  Report

	budget int64 // bytes that may still be checksummed behind doubtful marks: see tries
}

const (
	firstWindow = 4 << 10
	mostWindow  = 256 << 10 // but for longer records
	// Behind damage every mark is tried, and most are none. So many bytes may be checksummed for each byte of the file
	// that is passed; then marks of long frames are passed over untried.
	tries = 64
)

// Scan calls fn for each record of a file that is as it was written, with the offset of its frame. What is damaged is
// passed over. salt is what the name of the file says, used when the header is damaged. rec is good until fn returns.
// The error is that of r or fn, or ErrKind or ErrVersion.
func Scan(r io.Reader, want Kind, salt uint64, fn func(off int64, rec []byte) error) (Report, error) {
	s := &scanner{r: r, budget: MaxRecord}
	if err := s.header(want, salt); err != nil {
		return s.rep, err
	}
	bad := int64(-1) // where damage begins that is not reported yet
	if s.rep.HeaderBad {
		bad = 0
	}
	for {
		rec, size, err := s.frame(bad >= 0)
		if err != nil {
			return s.rep, err
		}
		here := s.off + int64(s.at)
		if rec == nil {
			if size == 0 { // the end
				s.damage(bad, here)
				s.rep.Torn = bad >= 0
				return s.rep, nil
			}
			if bad < 0 {
				bad = here
			}
			s.at += size
			s.budget = min(s.budget+int64(size)*tries, 4*MaxRecord)
			continue
		}
		s.damage(bad, here)
		bad = -1
		s.rep.Records++
		s.rep.Bytes += int64(size)
		if err := fn(here, rec); err != nil {
			return s.rep, err
		}
		s.at += size
	}
}

// damage notes a stretch, if there is one.
func (s *scanner) damage(from, to int64) {
	if from >= 0 && to > from {
		s.rep.Damaged = append(s.rep.Damaged, Range{from, to - from})
	}
}

// header reads the header. A damaged one is not skipped: frames are looked for from the start of the file.
func (s *scanner) header(want Kind, salt uint64) error {
	if err := s.need(HeaderBytes); err != nil {
		return err
	}
	h, ok := parseHeader(s.buf)
	s.rep.HeaderBad = !ok
	s.rep.Salt = salt
	if ok {
		if h.version != Version {
			return ErrVersion
		}
		if h.kind != want {
			return ErrKind
		}
		s.rep.Salt, s.at, s.rep.Bytes = h.salt, HeaderBytes, HeaderBytes
	}
	s.seed = seed(s.rep.Salt)
	return nil
}

// need makes n bytes follow at, or all there are.
func (s *scanner) need(n int) error {
	if len(s.buf)-s.at >= n || s.eof {
		return nil
	}
	if s.at > 0 {
		if s.off > 4*int64(cap(s.buf)) && cap(s.buf) < mostWindow {
			s.buf = append(make([]byte, 0, 2*cap(s.buf)), s.buf...)
		}
		s.off += int64(s.at)
		s.buf = s.buf[:copy(s.buf, s.buf[s.at:])]
		s.at = 0
	}
	for len(s.buf) < n && !s.eof {
		if len(s.buf) == cap(s.buf) { // what is not there takes no memory: the window grows by what was really read
			s.buf = append(make([]byte, 0, max(2*cap(s.buf), firstWindow)), s.buf...)
		}
		got, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+got]
		if errors.Is(err, io.EOF) {
			s.eof = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// frame reads the frame at the place. rec is nil when there is none; size then says how many bytes to pass over, 0 at
// the end of the file. lost says that it is looking for a frame behind damage.
func (s *scanner) frame(lost bool) (rec []byte, size int, err error) {
	if err := s.need(2 + binary.MaxVarintLen32 + 4); err != nil {
		return nil, 0, err
	}
	b := s.buf[s.at:]
	if len(b) == 0 {
		return nil, 0, nil
	}
	skip := 1
	if b[0] != mark0 || len(b) < 2 || b[1] != mark1 {
		if lost { // to the next byte that may begin a frame
			if next := bytes.IndexByte(b[1:], mark0); next >= 0 {
				skip = 1 + next
			} else {
				skip = len(b)
			}
		}
		return nil, skip, nil
	}
	n, w := binary.Uvarint(b[2:min(len(b), 2+binary.MaxVarintLen32)])
	if w <= 0 || n == 0 || n > MaxRecord {
		return nil, skip, nil
	}
	head := 2 + w + 4
	if lost {
		if s.budget < int64(n) && n > 4096 {
			return nil, skip, nil
		}
		s.budget -= int64(n)
	}
	if err := s.need(head + int(n)); err != nil {
		return nil, 0, err
	}
	if b = s.buf[s.at:]; len(b) < head+int(n) {
		return nil, skip, nil
	}
	rec = b[head : head+int(n) : head+int(n)]
	sum := crc32.Update(s.seed, castagnoli, b[2:2+w])
	if crc32.Update(sum, castagnoli, rec) != binary.LittleEndian.Uint32(b[2+w:]) {
		return nil, skip, nil
	}
	return rec, head + int(n), nil
}
