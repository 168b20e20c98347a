package replog

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
)

var update = flag.Bool("update", false, "write the test vectors of docs/format/log.md anew")

const vectorsDoc = "../../docs/format/log.md"

// vectorMembers are batches of one shard, in this order.
var vectorMembers = [][]member{
	{
		{"web1:cpu.user", series.Point{TS: 1795348800000, Value: []byte("12.5")}},
		{"web1:cpu.system", series.Point{TS: 1795348800000, Value: []byte("0.50")}},
		{"web1:state", series.Point{TS: 1795348800000, Value: []byte("ok")}},
	},
	{
		{"web1:cpu.user", series.Point{TS: 1795348810000, Value: []byte("-3")}},
		{"web1:state", series.Point{TS: 1795348810250, Frac: 3, Value: []byte("1e-05")}},
	},
}

func vectors() (out [][][]byte) {
	s := newShard()
	for _, m := range vectorMembers {
		out = append(out, s.batch(m))
	}
	s.r.block += 2 // more was written in between
	for range 2 {
		out = append(out, s.batch(vectorMembers[0]))
	}
	return out
}

func stateVector() State {
	return State{
		Node: "n1", Incarnation: 0x0123456789abcdef, Layout: series.Day, Floor: 20779,
		Shards: []ShardState{
			{Shard: 1, Seq: 17},
			{Shard: 3, Seq: 300, Vector: []Reach{
				{Origin: Origin{Node: "n1", Shard: 3, Incarnation: 0x0123456789abcdef}, Seq: 300, Last: 20779},
				{Origin: Origin{Node: "n2", Shard: 3, Incarnation: 2}, Seq: 5, Last: 20778},
			}},
		},
	}
}

// TestVectors holds the document and the code together.
func TestVectors(t *testing.T) {
	var b strings.Builder
	var d Dict
	for _, recs := range vectors() {
		for _, rec := range recs {
			fmt.Fprintf(&b, "%s %s\n", hex.EncodeToString(rec), strings.Join(read(t, rec, &d), ", "))
		}
	}
	s := stateVector()
	rec := s.Append(nil)
	if got, err := ReadState(rec); err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
		t.Errorf("%v %v", got, err)
	}
	s.Shards[1].Thin = 20778
	if got, err := ReadState(s.Append(nil)); err != nil || len(got.Edicts) > 0 || got.Shards[1].Thin != 20778 {
		t.Errorf("%v %v", got, err)
	}
	s.Edicts = []byte{1, 2, 3}
	rec = s.Append(nil)
	if got, err := ReadState(append(rec, "what comes later"...)); err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
		t.Errorf("%v %v", got, err)
	}
	fmt.Fprintf(&b, "%s %s %s floor %s", hex.EncodeToString(rec), s.Node, s.Incarnation, s.Layout.PeriodString(s.Floor))
	for _, sh := range s.Shards {
		fmt.Fprintf(&b, ", shard %d seq %d", sh.Shard, sh.Seq)
		for _, r := range sh.Vector {
			fmt.Fprintf(&b, " %s-%s %d", r.Origin.Node, r.Origin.Incarnation, r.Seq)
		}
	}
	fmt.Fprintf(&b, " edicts %x, thin before %s\n", s.Edicts, s.Layout.PeriodString(s.Shards[1].Thin))

	doc, err := os.ReadFile(vectorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "```vectors\n", "```\n"
	head, rest, ok := strings.Cut(string(doc), begin)
	list, tail, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no vectors", vectorsDoc)
	case *update:
		if err := os.WriteFile(vectorsDoc, []byte(head+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case list != b.String():
		t.Errorf("the document says\n%s\nthe code\n%s", list, b.String())
	}
}
