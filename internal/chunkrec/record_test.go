package chunkrec

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

var update = flag.Bool("update", false, "write the test vectors of docs/format/period.md anew")

const vectorsDoc = "../../docs/format/period.md"

var points = []chunk.Point{
	{TS: 1795348800000, Value: []byte("0.5")},
	{TS: 1795348810000, Value: []byte("0.25")},
	{TS: 1795348821000, Value: []byte("-1")},
	{TS: 1795348830500, Frac: 1, Value: []byte("warn")},
	{TS: 1795348840000, Value: []byte("2")},
}

func head(kind replog.Kind, points []chunk.Point) Head {
	k := series.Key{Period: series.Day.PeriodOf(points[0].TS), Series: []byte("web1:cpu")}
	h := Head{Kind: kind, Shard: 3, Key: k}
	for _, p := range points {
		h.Digest.AddPoint(store.SeriesSeed(store.DigestSeed("c"), k.Series), series.Point(p))
	}
	return h
}

func openRecord(points []chunk.Point) []byte {
	var e chunk.Encoder
	buf := make([]byte, chunk.MaxSize(points))
	s, ok := e.Open(buf, points)
	if !ok {
		panic("no room")
	}
	return s.AppendState(head(replog.Open, points).Append(nil), buf)
}

func fullRecord(runs ...[]chunk.Point) []byte {
	var e chunk.Encoder
	var all []chunk.Point
	for _, run := range runs {
		all = append(all, run...)
	}
	rec := head(replog.Full, all).Append(nil)
	for _, run := range runs {
		rec = AppendFull(rec, e.Encode(nil, run))
	}
	return rec
}

func read(t *testing.T, rec []byte) (out []string) {
	t.Helper()
	var r Reader
	if err := r.Reset(rec, series.Day); err != nil {
		t.Fatal(err)
	}
	if r.Shard != 3 || string(r.Key.Series) != "web1:cpu" || string(r.Key.Host()) != "web1" {
		t.Errorf("%+v", r.Head)
	}
	var d store.Digest
	for _, c := range r.Chunks {
		r.Points(c, func(pt series.Point) {
			out = append(out, string(series.AppendMember(nil, pt)))
			d.AddPoint(store.SeriesSeed(store.DigestSeed("c"), r.Key.Series), pt)
		})
	}
	if d != r.Digest {
		t.Errorf("digest %v, want %v", r.Digest, d)
	}
	return out
}

// TestVectors holds the document and the code together.
func TestVectors(t *testing.T) {
	var b strings.Builder
	for _, rec := range [][]byte{openRecord(points), fullRecord(points), fullRecord(points[:2], points[2:])} {
		fmt.Fprintf(&b, "%s %s\n", hex.EncodeToString(rec), strings.Join(read(t, rec), ", "))
	}
	doc, err := os.ReadFile(vectorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "```vectors\n", "```\n"
	before, rest, ok := strings.Cut(string(doc), begin)
	list, tail, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no vectors", vectorsDoc)
	case *update:
		if err := os.WriteFile(vectorsDoc, []byte(before+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case list != b.String():
		t.Errorf("the document says\n%s\nthe code\n%s", list, b.String())
	}
}

func TestReader_Reset_refuses(t *testing.T) {
	f := func(what string, rec []byte) {
		t.Helper()
		var r Reader
		if err := r.Reset(rec, series.Day); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tomorrow := []chunk.Point{points[0], {TS: points[0].TS + 86_400_000, Value: []byte("1")}}
	f("a chunk over two periods", fullRecord(tomorrow))
	f("an open chunk over two periods", openRecord(tomorrow))
	f("chunks in the wrong order", fullRecord(points[3:], points[:3]))
	f("nothing", nil)
	f("another kind", append([]byte{9}, openRecord(points)[1:]...))
	f("no chunks", head(replog.Full, points).Append(nil))
	f("one chunk too many", append(fullRecord(points[:2]), fullRecord(points)[44:]...))
	for _, rec := range [][]byte{openRecord(points), fullRecord(points[:2], points[2:])} {
		for i := range rec {
			f(fmt.Sprintf("the first %d bytes of %d", i, len(rec)), rec[:i])
		}
		f("a byte more", append(rec, 0))
	}
}

// FuzzReader: no bytes make the reader panic or loop, and what it accepts has points in order.
func FuzzReader(f *testing.F) {
	f.Add(openRecord(points))
	f.Add(fullRecord(points))
	f.Add(fullRecord(points[:2], points[2:]))
	var r Reader
	f.Fuzz(func(t *testing.T, rec []byte) {
		if r.Reset(rec, series.Day) != nil {
			return
		}
		n, from := 0, int64(0)
		for _, c := range r.Chunks {
			first, last := int64(-1), int64(0)
			r.Points(c, func(pt series.Point) {
				if first < 0 {
					first = pt.TS
				}
				last = pt.TS
				if pt.TS < from || len(pt.Value) == 0 || len(pt.Value) > chunk.MaxValue || pt.Frac > 3 {
					t.Fatalf("%d/%d/%q behind %d", pt.TS, pt.Frac, pt.Value, from)
				}
				from = pt.TS
				n++
			})
			if first != c.First || last != c.Last {
				t.Fatalf("%d to %d, the chunk says %d to %d", first, last, c.First, c.Last)
			}
		}
		if n != int(r.Digest.Points) || r.Key.Period != series.Day.PeriodOf(from) {
			t.Fatalf("%d points of %d", n, r.Digest.Points)
		}
	})
}
