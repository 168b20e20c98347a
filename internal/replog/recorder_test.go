package replog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

// member is a point with its series.
type member struct {
	name string
	pt   series.Point
}

func (m member) String() string { return m.name + " " + string(series.AppendMember(nil, m.pt)) }

var drawValue = rapid.OneOf(
	rapid.SampledFrom([]string{
		"0", "-0", "0.5", "0.50", "-1", "00", "01", "1.", ".5", "-", "", "1e5", "-0.000", "999999999999999999",
		"9999999999999999999", "0.000000000000001", "0.0000000000000001", "123.000000000000000", "ok", "1.2.3", "-.1", "--1",
		"44.833999999999996", strings.Repeat("7", 128), strings.Repeat("x", 31), strings.Repeat("x", 32),
		strings.Repeat("x", 33), "+1", "1-1",
	}),
	rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,6})?`),
	rapid.StringMatching(`[!-~]{1,128}`),
)

var drawMember = rapid.Custom(func(t *rapid.T) member {
	m := member{name: fmt.Sprintf("h%d:m", rapid.IntRange(0, 40).Draw(t, "series"))}
	m.pt.TS = rapid.OneOf(rapid.Int64Range(1795305600000, 1795305600100),
		rapid.SampledFrom([]int64{0, 1, 1000, 253402300799999, 1795305600000})).Draw(t, "ts")
	least := series.FracFor(m.pt.TS)
	m.pt.Frac = rapid.Uint8Range(least, 3).Draw(t, "frac")
	for len(m.pt.Value) == 0 {
		m.pt.Value = []byte(drawValue.Draw(t, "value"))
	}
	return m
})

// shard is a writer that keeps what a Recorder knows of series.
type shard struct {
	r     *Recorder
	known map[string]*Named
	seq   Seq
}

func newShard() *shard { return &shard{r: NewRecorder(), known: map[string]*Named{}} }

func (s *shard) batch(members []member) (recs [][]byte) {
	s.r.Begin()
	for _, m := range members {
		n := s.known[m.name]
		if n == nil {
			n = &Named{}
			s.known[m.name] = n
		}
		s.r.Point(n, []byte(m.name), &m.pt)
	}
	for s.r.Len() > 0 {
		s.seq++
		recs = append(recs, bytes.Clone(s.r.Record(Head{Shard: 7, Seq: s.seq})))
	}
	return recs
}

// read gives the members of a record, those of unknown series under the name "?".
func read(t fataler, rec []byte, d *Dict) (out []string) {
	r, err := Read(rec)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for r.Next(d) {
		name := "?"
		if r.Series != nil {
			name = string(r.Series)
		}
		pt := series.Point{TS: r.TS, Frac: r.Frac, Value: r.Member[r.ValueAt:]}
		if text := series.AppendMember(nil, pt); !bytes.Equal(text, r.Member) {
			t.Fatalf("member %s of point %s", r.Member, text)
		}
		out = append(out, member{name, pt}.String())
	}
	if r.Err() != nil || len(out) != r.Points || r.Shard != 7 {
		t.Fatalf("%v after %d of %d points of shard %d", r.Err(), len(out), r.Points, r.Shard)
	}
	return out
}

type fataler interface{ Fatalf(string, ...any) }

func texts(members []member) (out []string) {
	for _, m := range members {
		out = append(out, m.String())
	}
	return out
}

// TestRecorder_law: what was recorded is read, byte for byte, over new epochs, forgotten series and all batches.
func TestRecorder_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShard()
		var d Dict
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			members := rapid.SliceOfN(drawMember, 1, 60).Draw(t, "batch")
			switch rapid.IntRange(0, 4).Draw(t, "before") {
			case 0:
				s.r.NewEpoch()
			case 1:
				delete(s.known, members[0].name) // its period was dropped
			}
			var got []string
			for _, rec := range s.batch(members) {
				got = append(got, read(t, rec, &d)...)
			}
			if want := texts(members); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("read\n%s\nwant\n%s", got, want)
			}
		}
	})
}

// TestRecorder_Record_damagedPage: whichever page is lost, and with it all records that touch it, the series of all
// others are known.
func TestRecorder_Record_damagedPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShard()
		var recs [][]byte
		var starts []int
		size := 0
		for range rapid.IntRange(20, 200).Draw(t, "batches") {
			n := rapid.SampledFrom([]int{1, 5, 20, 20, 200}).Draw(t, "points")
			var members []member
			from := rapid.IntRange(0, 300).Draw(t, "from")
			row := rapid.SampledFrom([]int{1, 1, 3}).Draw(t, "in a row")
			for i := range n * row {
				j := from + i/row
				name := fmt.Sprintf("host%d.example:metric.%d", j/20, j%20)
				p := series.Point{TS: 1795305600000 + int64(i%row), Frac: 3, Value: []byte("12.5")}
				members = append(members, member{name, p})
			}
			for _, rec := range s.batch(members) {
				recs, starts = append(recs, rec), append(starts, size)
				size += len(rec)
			}
		}
		page := rapid.IntRange(0, size/BlockBytes).Draw(t, "page") * BlockBytes
		var d Dict
		for i, rec := range recs {
			if starts[i] < page+BlockBytes && starts[i]+len(rec) > page {
				continue
			}
			for _, m := range read(t, rec, &d) {
				if strings.HasPrefix(m, "?") {
					t.Fatalf("page at %d lost: a point in the record at %d is of nobody", page, starts[i])
				}
			}
		}
	})
}

func TestRecorder_Record_spellsTwice(t *testing.T) {
	s := newShard()
	m := []member{{"web1:cpu", series.Point{TS: 1795305600000, Value: []byte("1")}}}
	spelled, bytesBetween := 0, 0
	for range 3000 {
		for _, rec := range s.batch(m) {
			if bytes.Contains(rec, []byte("web1:cpu")) {
				spelled++
				bytesBetween += len(rec)
			} else if bytesBetween < BlockBytes {
				t.Fatalf("not spelled any more after %d bytes", bytesBetween)
			}
		}
	}
	if bytesBetween > 3*BlockBytes {
		t.Errorf("spelled %d times, in %d bytes", spelled, bytesBetween)
	}
	s.r.NewEpoch()
	if rec := s.batch(m)[0]; !bytes.Contains(rec, []byte("web1:cpu")) {
		t.Error("not spelled after a new epoch")
	}
}

// TestRecorder_Record_row: of points in a row of one series a record spells the name once.
func TestRecorder_Record_row(t *testing.T) {
	s := newShard()
	var members []member
	for i := range int64(1000) {
		name := []string{"web1:cpu", "web1:load"}[i/500]
		members = append(members, member{name, series.Point{TS: 1795305600000 + i*10_000, Value: []byte("1")}})
	}
	recs := s.batch(members)
	if len(recs) != 1 || bytes.Count(recs[0], []byte("web1:")) != 2 {
		t.Fatalf("%d records, the names are spelled %d times", len(recs), bytes.Count(recs[0], []byte("web1:")))
	}
	if got, want := read(t, recs[0], &Dict{}), texts(members); !slices.Equal(got, want) {
		t.Errorf("read %d, want %d", len(got), len(want))
	}
}

func TestRecorder_Record_splits(t *testing.T) {
	s := newShard()
	var members []member
	for i := range 60_000 {
		members = append(members, member{fmt.Sprintf("host%d:m", i), series.Point{TS: 1000, Value: []byte("text")}})
	}
	recs := s.batch(members)
	var d Dict
	var got []string
	for _, rec := range recs {
		if len(rec) > splitBytes+2000 {
			t.Errorf("a record of %d bytes", len(rec))
		}
		got = append(got, read(t, rec, &d)...)
	}
	if len(recs) < 60_000/MostPoints || strings.Join(got, "") != strings.Join(texts(members), "") {
		t.Errorf("%d records, %d of %d points", len(recs), len(got), len(members))
	}
}

func TestRecorder_Record_origin(t *testing.T) {
	s := newShard()
	s.r.Begin()
	s.r.Point(&Named{}, []byte("a:b"), &series.Point{TS: 1000, Value: []byte("1")})
	want := Origin{Node: "n2", Shard: 7, Incarnation: 99}
	r, err := Read(s.r.Record(Head{Shard: 7, Seq: 12, Origin: want, Foreign: true}))
	if err != nil || !r.Foreign || r.Origin != want || r.Seq != 12 || r.Points != 1 {
		t.Errorf("%v %+v", err, r)
	}
}

// TestRecorder_BeginEntry: an entry of another origin stays one record, with its numbers, whatever its length; names
// that were spelled long ago are known.
func TestRecorder_BeginEntry(t *testing.T) {
	s := newShard()
	var members []member
	for i := range 20_000 {
		members = append(members, member{fmt.Sprintf("host%d:m", i), series.Point{TS: 1000, Value: []byte("text")}})
	}
	names := s.r.Names()
	s.batch(members)
	for _, n := range []int{0, 1, len(members)} {
		want := Head{
			Shard: 7, Seq: 12, Count: 5, Foreign: true, Origin: Origin{Node: "n2", Shard: 7, Incarnation: 99},
		}
		s.r.BeginEntry()
		for _, m := range members[:n] {
			s.r.Point(s.known[m.name], []byte(m.name), &m.pt)
		}
		rec := bytes.Clone(s.r.Record(want))
		r, err := Read(rec)
		if err != nil || s.r.Len() != 0 || r.Points != n || r.Origin != want.Origin || r.First() != 8 || r.Seq != 12 {
			t.Fatalf("%d points: %v, %+v, %d left", n, err, r.Head, s.r.Len())
		}
		names.View(func(d *Dict) {
			if got := read(t, rec, d); strings.Join(got, "") != strings.Join(texts(members[:n]), "") {
				t.Errorf("%d points: read %d others", n, len(got))
			}
		})
	}
}

// TestDict_learn_otherName: a number that is spelled in two ways is what was spelled last, from there on.
func TestDict_learn_otherName(t *testing.T) {
	var d Dict
	f := func(epoch, number uint64, name string) {
		t.Helper()
		if name != "" && string(d.learn(epoch, number, []byte(name))) != name {
			t.Errorf("%d is not %s", number, name)
		}
		if got := string(d.name(epoch, number)); got != name {
			t.Errorf("%d is %q, want %q", number, got, name)
		}
	}
	f(1, 0, "a:b")
	f(1, 0, "c:d")
	f(1, 1<<47, "far:away")
	f(1, 1<<47, "far:off")
	f(1, 1, "")
	f(2, 0, "")
	f(2, 1<<47, "")
	f(1, 0, "")
	if len(d.at) > 1 {
		t.Errorf("a table of %d", len(d.at))
	}
}

func TestNamed_size(t *testing.T) {
	if n := unsafe.Sizeof(Named{}); n != 8 {
		t.Errorf("%d bytes", n)
	}
}
