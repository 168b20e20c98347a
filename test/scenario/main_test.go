package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the dunlin under test: DUNLIN_BIN, else built once.
var binary string

func TestMain(m *testing.M) { os.Exit(runMain(m)) }

func runMain(m *testing.M) int {
	if binary = os.Getenv("DUNLIN_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "dunlin-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "dunlin")
	build := exec.Command("go", "build", "-o", binary, "github.com/dunlin-db/dunlin/cmd/dunlin")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build dunlin: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// missing skips loudly, or fails where the machine is supposed to have everything.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...)
}
