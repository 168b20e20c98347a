package chunk

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the test vectors of docs/format/chunk.md anew")

const vectorsDoc = "../../docs/format/chunk.md"

// vectors are the runs of points that the format's document lists, as ts/fraction digits/value.
var vectors = [][]Point{
	{{TS: 1795348800000, Value: []byte("0.50")}},
	{
		{TS: 1795348800000, Value: []byte("100")},
		{TS: 1795348810000, Value: []byte("100")},
		{TS: 1795348820000, Value: []byte("100")},
		{TS: 1795348830000, Value: []byte("100")},
	},
	{
		{TS: 1795348800000, Value: []byte("0.5")},
		{TS: 1795348810000, Value: []byte("0.25")},
		{TS: 1795348821000, Value: []byte("-1")},
	},
	{
		{TS: 1795348800500, Frac: 1, Value: []byte("4096")},
		{TS: 1795348801500, Frac: 1, Value: []byte("8192")},
		{TS: 1795348802500, Frac: 1, Value: []byte("12288")},
	},
	{
		{TS: 1795348800000, Value: []byte("1")},
		{TS: 1795348800000, Value: []byte("nan")},
		{TS: 1795348801250, Frac: 2, Value: []byte("1")},
		{TS: 1795348810000, Value: []byte("1")},
	},
	walkOf(24, []int64{0, 1, -1, 1, 0, -1, -1, 1}, func(v int64) string { return fmt.Sprintf("%d", 50+v) }),
	walkOf(16, []int64{0, 0, 0, 0, 0, 0, 0, 7}, func(v int64) string { return fmt.Sprintf("%d", v) }),
	walkOf(16, []int64{1000, 1003, 998, 1001, 5000, 1002, 997}, func(v int64) string { return fmt.Sprintf("%d", v) }),
	walkOf(6, []int64{10, 30, 60, 100}, func(v int64) string { return fmt.Sprintf("%d", v) }),
	walkOf(5, []int64{0}, func(int64) string { return "3.1415926535897931" }),
	walkOf(5, []int64{1}, func(v int64) string { return strconv.FormatFloat(math.Sqrt(float64(v)), 'f', -1, 64) }),
	walkOf(5, []int64{40761}, func(v int64) string {
		return strconv.FormatFloat(float64(v%40761+40761)*0.001*1.1, 'f', -1, 64)
	}),
	walkOf(6, []int64{1, 0}, func(v int64) string { return []string{"ok", "warn"}[v%2] }),
}

// walkOf gives n points whose values are sums of the steps, over and over.
func walkOf(n int, steps []int64, text func(sum int64) string) []Point {
	var points []Point
	sum := int64(0)
	for i := range n {
		sum += steps[i%len(steps)]
		points = append(points, Point{TS: 1795348800000 + 10_000*int64(i), Value: []byte(text(sum))})
	}
	return points
}

func vectorLine(points []Point, encoded []byte) string {
	var b strings.Builder
	b.WriteString(hex.EncodeToString(encoded))
	for _, p := range points {
		fmt.Fprintf(&b, " %d/%d/%s", p.TS, p.Frac, p.Value)
	}
	return b.String()
}

// sealedLines and openLines are what the document is to list.
func sealedLines(t *testing.T) string {
	var b strings.Builder
	for _, points := range vectors {
		encoded := encode(points)
		same(t, decode(t, encoded), points)
		b.WriteString(vectorLine(points, encoded) + "\n")
	}
	return b.String()
}

func openLines(t *testing.T) string {
	var b strings.Builder
	for _, points := range vectors {
		s, buf := open(t, Suit(points[0]), points)
		same(t, decodeOpen(t, &s, buf), points)
		whole := s.bits >> 6 << 3
		stream := binary.BigEndian.AppendUint64(slices.Clone(buf[:whole]), s.acc)
		b.WriteString(vectorLine(points, stream[:s.Size()]) + "\n")
	}
	return b.String()
}

// TestVectors holds the document and the code together: what it lists is what is written and what Reader reads.
func TestVectors(t *testing.T) {
	doc, err := os.ReadFile(vectorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []struct{ name, want string }{{"vectors", sealedLines(t)}, {"open", openLines(t)}} {
		begin, end := "```"+block.name+"\n", "```\n"
		head, rest, ok := strings.Cut(string(doc), begin)
		list, tail, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no block %s", vectorsDoc, block.name)
		}
		if *update {
			doc = []byte(head + begin + block.want + end + tail)
		} else if list != block.want {
			t.Errorf("the document says\n%s\nthe code\n%s", list, block.want)
		}
	}
	if *update {
		if err := os.WriteFile(vectorsDoc, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
