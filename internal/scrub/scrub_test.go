package scrub

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/manifest"
)

// TestScrubber: what the checkpoint covers must be as it was written; what lies behind is not looked at.
func TestScrubber(t *testing.T) {
	const name = "periods/2026-11-22/3-00000001-0123456789abcdef.chunks"
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	whole := frame.AppendHeader(nil, frame.KindOf("chunks"), 0x0123456789abcdef)
	for range 100 {
		whole = frame.Append(whole, 0x0123456789abcdef, []byte(strings.Repeat("points ", 20)))
	}
	write := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := manifest.Manifest{Segment: 1, Files: map[string]int64{name: int64(len(whole))}}
	write(filepath.Join(dir, manifest.Name), m.Append(nil))
	f := func(what string, data []byte, damaged string) {
		t.Helper()
		write(path, data)
		var doubted []string
		s := New(Config{
			FS: fsx.OS{}, Path: dir, Every: time.Hour, Log: slog.New(slog.DiscardHandler),
			Doubt: func(name string) { doubted = append(doubted, name) },
		})
		for range 2 { // what stays is counted once
			s.RunOnce(t.Context())
		}
		st := s.Status()
		if st.Rounds != 2 || (damaged != "") != (st.Damaged == 1) || len(doubted) != int(st.Damaged) ||
			!strings.Contains(st.Last, damaged) {
			t.Errorf("%s: %+v, doubted %v, want %q", what, st, doubted, damaged)
		}
		for _, got := range doubted {
			if got != name {
				t.Errorf("%s: %s is doubted", what, got)
			}
		}
	}
	flip := func(at int) []byte {
		data := append([]byte{}, whole...)
		data[at] ^= 4
		return data
	}
	f("whole", whole, "")
	f("more behind it", append(append([]byte{}, whole...), "half a rec"...), "")
	f("a bit", flip(len(whole)/2), "damaged at")
	f("a bit of the last record", flip(len(whole)-3), "damaged at")
	f("the header", flip(5), "header")
	f("cut off", whole[:frame.HeaderBytes], "cut off at")
}
