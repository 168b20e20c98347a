package peering

import (
	"encoding/binary"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// markEvery is how often an origin's mark is told over a connection, at most, ms.
const markEvery = 500

// appendMarks tells how far the origins of the shards that the peer follows have come: the own ones, and those of
// others as they were heard of.
func (s *Session) appendMarks(dst []byte) []byte {
	var marks []watermark.Mark
	if s.feed.Marks != nil {
		for _, m := range append(s.own(), s.feed.Marks.Newest()...) {
			if s.lanes[m.Origin.Shard] != nil && m.Origin.Node != s.other.Node && m.Wall >= s.marked[m.Origin]+markEvery {
				marks = append(marks, m)
			}
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(marks)))
	for _, m := range marks {
		s.marked[m.Origin] = m.Wall
		dst = s.marks.append(binary.AppendUvarint(dst, uint64(m.Origin.Shard)), m.Origin)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(m.Seq)), uint64(m.Wall))
	}
	return dst
}

// own gives the marks of the node itself. The clock is read first: whatever was numbered before is counted.
func (s *Session) own() (marks []watermark.Mark) {
	wall := s.feed.Clock().UnixMilli()
	for _, l := range s.lanes {
		o := l.sh.Origin()
		if l.sh.Loading() || wall < s.marked[o]+markEvery {
			continue
		}
		tx := l.sh.Begin()
		marks = append(marks, watermark.Mark{Origin: o, Seq: tx.Peers().Seq(o), Wall: wall})
		tx.End()
	}
	return marks
}

// readMarks reads what appendMarks wrote.
func (f *Follower) readMarks(in *input) (marks []watermark.Mark) {
	for range in.count() {
		shard := int(in.uvarint(mostShards))
		o := f.told.read(in, shard)
		m := watermark.Mark{Origin: o, Seq: replog.Seq(in.uvarint(mostSeq)), Wall: int64(in.uvarint(mostSeq))}
		if in.bad {
			return nil
		}
		marks = append(marks, m)
	}
	return marks
}

// cover says to the board what is here.
func (f *Follower) cover(b *watermark.Board) {
	for _, l := range f.lanes {
		if l.sh.Loading() {
			continue
		}
		tx := l.sh.Begin()
		v := tx.Peers().Published()
		tx.End()
		b.Cover(l.sh.ID(), v)
	}
}
