package frame

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"
)

const (
	testKind = Kind("test")
	testSalt = 0x1122334455667788
)

// sample is a file of records of many sizes, some of which hold bytes that look like frames, and where they end.
func sample(records int) (data []byte, recs [][]byte, ends []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	data = AppendHeader(nil, testKind, testSalt)
	for i := range records {
		rec := fmt.Appendf(nil, "%d:", i)
		for n := rng.IntN(120); n > 0; n-- {
			rec = append(rec, byte(rng.Uint32()))
		}
		if i%7 == 3 { // a frame of another file, and a mark that promises much
			rec = append(Append(rec, testSalt+1, []byte("not ours")), mark0, mark1, 0xff, 0xff, 0x7f)
		}
		data = Append(data, testSalt, rec)
		recs, ends = append(recs, rec), append(ends, len(data))
	}
	return data, recs, ends
}

var sampleData, sampleRecs, sampleEnds = sample(40)

// scanAll gives which records data has. One that nobody wrote ends the test.
func scanAll(t *testing.T, data []byte) (map[int]bool, Report) {
	t.Helper()
	got := map[int]bool{}
	rep, err := Scan(bytes.NewReader(data), testKind, testSalt, func(_ int64, rec []byte) error {
		colon := bytes.IndexByte(rec, ':')
		i := 0
		for _, c := range rec[:max(colon, 0)] {
			i = i*10 + int(c-'0')
		}
		if colon < 0 || i < 0 || i >= len(sampleRecs) || !bytes.Equal(sampleRecs[i], rec) {
			t.Fatalf("a record that nobody wrote: %q", rec)
		}
		got[i] = true
		return nil
	})
	if err != nil && !errors.Is(err, ErrKind) && !errors.Is(err, ErrVersion) {
		t.Fatal(err)
	}
	return got, rep
}

// span is a stretch that was damaged.
type span struct{ from, to int }

// lost checks that only records are missing that touch damage.
func lost(t *testing.T, what string, got map[int]bool, spans ...span) {
	t.Helper()
	start := HeaderBytes
	for i, end := range sampleEnds {
		touched := false
		for _, s := range spans {
			touched = touched || start < s.to && end > s.from
		}
		if !touched && !got[i] {
			t.Fatalf("%s: record %d at %d to %d is lost", what, i, start, end)
		}
		start = end
	}
}

func TestScan_whole(t *testing.T) {
	got, rep := scanAll(t, sampleData)
	if len(got) != len(sampleRecs) || rep.Records != len(sampleRecs) || rep.Bytes != int64(len(sampleData)) ||
		len(rep.Damaged) > 0 || rep.Torn || rep.HeaderBad {
		t.Errorf("%d records, %+v", len(got), rep)
	}
	n := 0
	count := func(int64, []byte) error { n++; return nil }
	if _, err := Scan(iotest.OneByteReader(bytes.NewReader(sampleData)), testKind, 0, count); n != len(sampleRecs) ||
		err != nil {
		t.Errorf("byte by byte: %d records, %v", n, err)
	}
	stop := errors.New("stop")
	halt := func(int64, []byte) error { return stop }
	if _, err := Scan(bytes.NewReader(sampleData), testKind, 0, halt); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
	if _, err := Scan(iotest.ErrReader(stop), testKind, 0, count); !errors.Is(err, stop) {
		t.Errorf("failed with %v", err)
	}
	if _, err := Scan(bytes.NewReader(sampleData), "log ", 0, count); !errors.Is(err, ErrKind) {
		t.Errorf("another kind: %v", err)
	}
	if rep, err := Scan(bytes.NewReader(nil), testKind, 0, count); err != nil || rep.Records > 0 {
		t.Errorf("empty: %+v, %v", rep, err)
	}
}

// TestScan_damage does everything to a file that a disk may do: no panic, no record that nobody wrote, and only
// records that were hit are lost.
func TestScan_damage(t *testing.T) {
	cases := 0
	for n := range sampleData { // cut at every byte
		got, rep := scanAll(t, sampleData[:n])
		lost(t, fmt.Sprintf("cut at %d", n), got, span{n, len(sampleData)})
		whole := n == HeaderBytes
		for _, end := range sampleEnds {
			whole = whole || n == end
		}
		if n > 0 && rep.Torn == whole {
			t.Fatalf("cut at %d: torn is %t", n, rep.Torn)
		}
		cases++
	}
	for at := range sampleData { // flip every bit
		for bit := range 8 {
			data := bytes.Clone(sampleData)
			data[at] ^= 1 << bit
			got, rep := scanAll(t, data)
			if at >= HeaderBytes {
				lost(t, fmt.Sprintf("bit %d of byte %d", bit, at), got, span{at, at + 1})
			}
			if len(rep.Damaged) != 1 {
				t.Fatalf("bit %d of byte %d: %+v", bit, at, rep)
			}
			cases++
		}
	}
	cases += damageSectors(t)
	t.Logf("%d cases over %d bytes", cases, len(sampleData))
	if cases < 20_000 {
		t.Errorf("only %d cases", cases)
	}
}

// damageSectors fills, doubles and swaps each sector.
func damageSectors(t *testing.T) (cases int) {
	const sector = 512
	var all []span
	for from := 0; from < len(sampleData); from += sector {
		all = append(all, span{from, min(from+sector, len(sampleData))})
	}
	for a, s := range all {
		for _, fill := range []byte{0, 0xff, mark0} {
			data := bytes.Clone(sampleData)
			for i := s.from; i < s.to; i++ {
				data[i] = fill
			}
			got, _ := scanAll(t, data)
			lost(t, fmt.Sprintf("sector %d of %x", a, fill), got, s)
		}
		twice := append(bytes.Clone(sampleData[:s.to]), sampleData[s.from:]...)
		got, _ := scanAll(t, twice)
		lost(t, fmt.Sprintf("sector %d twice", a), got, span{s.to - 1, s.to + 1}) // a record across the seam
		cases += 4
		for b, o := range all[:a] {
			data := bytes.Clone(sampleData)
			n := min(s.to-s.from, o.to-o.from)
			copy(data[o.from:o.from+n], sampleData[s.from:])
			copy(data[s.from:s.from+n], sampleData[o.from:])
			got, _ := scanAll(t, data)
			lost(t, fmt.Sprintf("sectors %d and %d swapped", a, b), got, s, o)
			cases++
		}
	}
	return cases
}

func TestScan_header(t *testing.T) {
	data := bytes.Clone(sampleData)
	data[17] ^= 1 // the salt: that of the name is used
	n := 0
	count := func(int64, []byte) error { n++; return nil }
	rep, err := Scan(bytes.NewReader(data), testKind, testSalt, count)
	if err != nil || n != len(sampleRecs) || !rep.HeaderBad || rep.Salt != testSalt {
		t.Errorf("%d records, %+v, %v", n, rep, err)
	}
	rep, err = Scan(bytes.NewReader(data), testKind, testSalt+2, count)
	if err != nil || rep.Records > 0 {
		t.Errorf("frames of another salt are taken: %+v, %v", rep, err)
	}
}

// TestScan_marks: a file of marks that promise much takes no more than the file is worth.
func TestScan_marks(t *testing.T) {
	data := AppendHeader(nil, testKind, testSalt)
	for len(data) < 4<<20 {
		data = append(data, mark0, mark1, 0xff, 0xff, 0x7f) // 2 MiB less one
	}
	for range 100 {
		data = Append(data, testSalt, []byte("behind them"))
	}
	n := 0
	rep, err := Scan(bytes.NewReader(data), testKind, testSalt, func(int64, []byte) error { n++; return nil })
	if err != nil || n != 100 || len(rep.Damaged) != 1 {
		t.Errorf("%d records, %+v, %v", n, rep, err)
	}
}

func TestParseName(t *testing.T) {
	for _, prefix := range []string{"", "3-"} {
		name := prefix + Name(17, 0xab, "log")
		p, number, salt, ext, ok := ParseName(name)
		if p != prefix || number != 17 || salt != 0xab || ext != "log" || !ok {
			t.Errorf("%s: %q %d %x %s %t", name, p, number, salt, ext, ok)
		}
	}
	for _, name := range []string{
		"", "x", "17-ab.log", "0000017-00000000000000ab.log", "00000017-00000000000000AB.log", "-00000000000000ab.log",
		"00000017-00000000000000ab",
	} {
		if _, _, _, _, ok := ParseName(name); ok {
			t.Errorf("%q passes", name)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(sampleData[:700])
	f.Add(AppendHeader(nil, testKind, testSalt))
	f.Add([]byte{mark0, mark1, 0xff, 0xff, 0xff, 0x07})
	f.Fuzz(func(t *testing.T, data []byte) {
		salt := uint64(testSalt)
		if h, ok := parseHeader(data); ok {
			salt = h.salt
		}
		end := int64(0)
		rep, err := Scan(bytes.NewReader(data), testKind, testSalt, func(off int64, rec []byte) error {
			frame := Append(nil, salt, rec)
			if off < end || !bytes.HasPrefix(data[off:], frame[:2]) {
				t.Fatalf("a record of %d bytes at %d behind %d", len(rec), off, end)
			}
			if !bytes.Contains(data[off:], rec) {
				t.Fatalf("the record at %d is not there", off)
			}
			end = off + int64(len(rec))
			return nil
		})
		if err != nil {
			return
		}
		for _, d := range rep.Damaged {
			if d.Length <= 0 || d.Offset < 0 || d.Offset+d.Length > int64(len(data)) {
				t.Fatalf("%+v of %d bytes", d, len(data))
			}
		}
	})
}

// TestVectors: docs/format/frame.md shows this file.
func TestVectors(t *testing.T) {
	doc, err := os.ReadFile("../../docs/format/frame.md")
	if err != nil {
		t.Fatal(err)
	}
	file := Append(AppendHeader(nil, "log ", 0x0102030405060708), 0x0102030405060708, []byte("hello"))
	text := bytes.Join(bytes.Fields(doc), []byte(" "))
	if want := fmt.Sprintf("% x", file); !bytes.Contains(text, []byte(want)) {
		t.Errorf("docs/format/frame.md lacks %s", want)
	}
}
