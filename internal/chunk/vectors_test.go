package chunk

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
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
}

func vectorLine(points []Point, encoded []byte) string {
	var b strings.Builder
	b.WriteString(hex.EncodeToString(encoded))
	for _, p := range points {
		fmt.Fprintf(&b, " %d/%d/%s", p.TS, p.Frac, p.Value)
	}
	return b.String()
}

// TestVectors holds the document and the code together: what it lists is what Encode writes and what Reader reads.
func TestVectors(t *testing.T) {
	doc, err := os.ReadFile(vectorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "```vectors\n", "```\n"
	head, rest, ok := bytes.Cut(doc, []byte(begin))
	list, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatalf("%s has no block of vectors", vectorsDoc)
	}
	var want strings.Builder
	for _, points := range vectors {
		encoded := encode(points)
		same(t, decode(t, encoded), points)
		want.WriteString(vectorLine(points, encoded) + "\n")
	}
	if *update {
		out := string(head) + begin + want.String() + end + string(tail)
		if err := os.WriteFile(vectorsDoc, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(list) != want.String() {
		t.Errorf("the document says\n%s\nthe code\n%s", list, want.String())
	}
}
