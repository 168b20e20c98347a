package stream

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Texts hands out memory for values that are the caller's afterwards: few large buffers, not one per value.
type Texts struct{ buf []byte }

// take gives the value of the reader's current point; expect is how many more are about to come.
func (t *Texts) take(rd *chunk.Reader, expect int) []byte {
	if cap(t.buf)-len(t.buf) < chunk.MaxValue {
		t.buf = make([]byte, 0, chunk.MaxValue+min(max(expect, 1)*8, 64<<10))
	}
	at := len(t.buf)
	t.buf = rd.AppendValue(t.buf)
	return t.buf[at:len(t.buf):len(t.buf)]
}

// Point gives the reader's current point; expect is how many more are about to come.
func (t *Texts) Point(rd *chunk.Reader, expect int) series.Point {
	return series.Point{TS: rd.TS, Frac: rd.Frac, Value: t.take(rd, expect)}
}
