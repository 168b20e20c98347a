package manifest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParse(f *testing.F) {
	files := map[string]int64{"periods/2026-11-22/1-00000001-0123456789abcdef.open": 512}
	f.Add(Manifest{Segment: 17000, Files: files}.Append(nil))
	f.Add([]byte("dunlin-checkpoint 1\nsegment 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Parse(m.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.Files, again.Files); diff != "" || m.Segment != again.Segment {
			t.Errorf("%d and %d, %s", m.Segment, again.Segment, diff)
		}
		for name := range m.Files {
			if filepath.IsAbs(name) || strings.HasPrefix(filepath.Clean(name), "..") {
				t.Errorf("%q is outside of the directory", name)
			}
		}
	})
}
