package flockbench

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeBinary is the dunlin whose nodes run: DUNLIN_BIN, else built.
func nodeBinary(t *testing.T) string {
	t.Helper()
	if b := os.Getenv("DUNLIN_BIN"); b != "" {
		return b
	}
	path := filepath.Join(t.TempDir(), "dunlin")
	out, err := exec.Command("go", "build", "-o", path, "github.com/dunlin-db/dunlin/cmd/dunlin").CombinedOutput()
	if err != nil {
		t.Fatalf("build dunlin: %v\n%s", err, out)
	}
	return path
}

// TestRun measures everything in small, with real nodes: every row has a figure that can be.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: it starts fourteen nodes")
	}
	if _, _, err := process(os.Getpid()); err != nil {
		t.Skipf("NOT TESTED: %v", err)
	}
	rows, err := Run(t.Context(), Config{
		Binary: nodeBinary(t), Duration: cadence, Points: 40_000, Absence: 2 * time.Second,
		Only:     []string{"cost", "three", "back", "idle", "join"},
		Progress: func(text string) { t.Log(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Print(&b, rows); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &b)
	for _, want := range []string{
		"sender", "receiver", "bytes on the wire", "lag at 10000", "lag at 100000", "useful one, 3",
		"holds for peers", "is back after 2s, 20000 points behind", "under 10000 points/s: what is written then",
		"and all 20000 points", "link without points", "with 40000 points", "all is there", "the longest lag",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no row says %q", want)
		}
	}
	for _, r := range rows {
		if r.Value == "" || strings.ContainsAny(r.Value, "NI") && !strings.Contains(r.Value, "MiB") {
			t.Errorf("%s: %q is no figure", r.What, r.Value) // NaN, Inf
		}
	}
}

func TestRun_part(t *testing.T) {
	rows, err := Run(t.Context(), Config{Only: []string{"idle", "everything"}})
	if !errors.Is(err, ErrPart) || rows != nil || !strings.Contains(err.Error(), strings.Join(Parts(), ", ")) {
		t.Errorf("a part that is not known: %v, %v", rows, err)
	}
}

// TestRun_noBinary: what can not be started is said, and nothing stays behind.
func TestRun_noBinary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Run(t.Context(), Config{
		Binary: "/does/not/exist", Only: []string{"five"}, Duration: time.Second, Progress: func(string) {},
	})
	if err == nil || !strings.Contains(err.Error(), "start n1") {
		t.Errorf("without a binary: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("%q stays behind", left)
	}
}

func TestPrint(t *testing.T) {
	var b bytes.Buffer
	if err := Print(&b, []Row{{"µ", "1.00", ""}, {"longer", "2", "3 kB/s"}}); err != nil {
		t.Fatal(err)
	}
	want := "|        | measured | at most |\n| ------ | -------: | ------: |\n| µ      |     1.00 |         |\n" +
		"| longer |        2 |  3 kB/s |\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", &b, want)
	}
}

func TestPart(t *testing.T) {
	list := []time.Duration{5, 1, 3, 2, 4}
	f := func(p float64, want time.Duration) {
		t.Helper()
		if got := part(list, p); got != want {
			t.Errorf("part %v: %v, want %v", p, got, want)
		}
	}
	f(0, 1)
	f(0.5, 3)
	f(0.99, 5)
	f(1, 5)
	if part(nil, 0.5) != 0 {
		t.Error("of none there is no part")
	}
}
