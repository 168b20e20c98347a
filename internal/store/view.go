package store

import (
	"crypto/sha1"

	"github.com/dunlin-db/dunlin/internal/series"
)

// Row is a point whose value stands in the text of its Block.
type Row struct {
	TS   int64 // ms
	at   uint32
	len  uint8
	Frac uint8 // fraction digits of the timestamp's text
}

// Block is some points of one key. Whoever gives it says how long it is good.
type Block struct {
	Rows []Row
	Text []byte
}

// Value is the text of a row's value.
func (b *Block) Value(r Row) []byte { return b.Text[r.at : r.at+uint32(r.len) : r.at+uint32(r.len)] }

// Point is a row as a point; its value is the block's.
func (b *Block) Point(r Row) series.Point {
	return series.Point{TS: r.TS, Frac: r.Frac, Value: b.Value(r)}
}

// Reset empties the block and keeps its memory.
func (b *Block) Reset() { b.Rows, b.Text = b.Rows[:0], b.Text[:0] }

// Add enters the point whose value was appended to Text last, from offset at on.
func (b *Block) Add(tsMillis int64, frac uint8, at int) {
	b.Rows = append(b.Rows, Row{tsMillis, uint32(at), uint8(len(b.Text) - at), frac})
}

// View is one key of a Local to read from, in the order of a sorted set. It and its blocks are valid until the store is
// asked or told anything else.
type View interface {
	// Len is the number of points, > 0. O(1).
	Len() int
	// Before counts the points with a timestamp below tsMillis.
	Before(tsMillis int64) int
	// Seek chooses the points of ranks lo ≤ rank < hi, highest first if desc, for Next.
	Seek(lo, hi int, desc bool)
	// Next gives the next of the chosen points, as many as are cheap to give, in the order that Seek was asked for;
	// no rows at the end. The block is good until the next call.
	Next() Block
	// Detach gives what Next has not given yet as it is now, to be read without the store. It is nil when that takes
	// more than most bytes.
	Detach(most int) Stream
}

// HourSum is what HourSums gives of a key.
func HourSum(v View, hour int64) (sum Sum) {
	var text []byte
	v.Seek(v.Before(hour*HourMillis), v.Before((hour+1)*HourMillis), false)
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		for _, r := range b.Rows {
			text = append(series.AppendMember(text, b.Point(r)), '\n')
		}
	}
	if len(text) > 0 {
		sum = sha1.Sum(text)
	}
	return sum
}

// Stream is points that were detached from their store. It has one owner.
type Stream interface {
	Next() Block // as that of View
	Size() int   // bytes of memory
	Close()      // gives the memory back
}

// Feeder is what a store in memory offers beyond Reader to whoever keeps the newest value of everything.
type Feeder interface {
	Reader
	// Fresh goes on in the journal where f stands, at most limit entries, none with a score above until.
	Fresh(f *Fresh, limit int, until int64)
	// SeriesNames appends to names, for each of f.Keys that i gives, host:metric, and to ends where it ends. The name
	// is empty when the series is gone since.
	SeriesNames(f *Fresh, which []int, names []byte, ends []int) ([]byte, []int)
	// KeysMade counts the keys that were ever made. A key that was dropped counts again when it is made again.
	KeysMade() uint64
}

// SeriesID names a series within one store as long as it lives there: generation counts the series that had this id.
type SeriesID struct{ ID, Generation uint32 }

// FreshKey is a key that changed and its newest points.
type FreshKey struct {
	Series SeriesID
	Period series.Period
	Score  int64 // µs, in the journal
	// From and To are the rows of the newest timestamp in Fresh.Block: mostly one, none only where Fresh is Bare.
	From, To int
}

// Fresh is a place in a journal and the keys that were read last, with the newest points of each. The zero Fresh stands
// before everything.
type Fresh struct {
	From int64 // µs, the score to go on with
	Bare bool  // only the keys are wanted, not their newest points
	Keys []FreshKey
	Block
}
