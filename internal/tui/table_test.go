package tui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	err := Table(&b, []string{"host", "value"}, [][]string{{"web1", "1.5"}, {"\x1b[31mred", "-10"}, {"äö", ""}})
	if err != nil {
		t.Fatal(err)
	}
	want := "host           value\nweb1             1.5\n\"\\x1b[31mred\"    -10\näö\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Fatal(d)
	}
}

func TestCSV_formulasAreText(t *testing.T) {
	var b strings.Builder
	err := CSV(&b, []string{"v"}, [][]string{{"=1+1"}, {"-1.5"}, {"-cmd"}, {"@x"}, {"+1"}, {`a,"b`}, {"a\nb"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "v\n'=1+1\n-1.5\n'-cmd\n'@x\n'+1\n\"a,\"\"b\"\n\"\"\"a\\nb\"\"\"\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Fatal(d)
	}
}
