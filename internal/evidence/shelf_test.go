package evidence

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/fsx"
)

// TestShelf: what is kept is the newest, wherever it lies, and other files are left alone.
func TestShelf(t *testing.T) {
	root := t.TempDir()
	s := New(fsx.OS{}, root, "log", "periods")
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	put := func(name string, minutes int) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		at := noon.Add(time.Duration(minutes) * time.Minute)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	check := func(names, removed string) {
		t.Helper()
		s.Look()
		f := s.Fields()
		if d := cmp.Diff([]string{names, removed}, []string{f[1][1], f[2][1]}); d != "" {
			t.Errorf("want -, got +\n%s", d)
		}
	}
	check("", "0")
	put("other.bad", 0) // not below
	put("log/1.log", 0)
	put("periods/a/1.chunks", 1)
	for name, minutes := range map[string]int{"log/2.log": 3, "periods/a/2.chunks": 1, "periods/b/3.chunks": 2} {
		put(name, minutes)
		if err := s.Keep(name); err != nil {
			t.Fatal(err)
		}
	}
	check("periods/a/2.chunks.bad,periods/b/3.chunks.bad,log/2.log.bad", "0")
	put("periods/b/4.open", -5) // that of an old file: it is kept all the same
	put("periods/b/5.open", -4)
	for _, name := range []string{"periods/b/4.open", "periods/b/5.open"} {
		if err := s.Keep(name); err != nil {
			t.Fatal(err)
		}
	}
	check("periods/b/5.open.bad,periods/a/2.chunks.bad,periods/b/3.chunks.bad,log/2.log.bad", "1")
	if err := os.RemoveAll(filepath.Join(root, "periods", "b")); err != nil {
		t.Fatal(err)
	}
	check("periods/a/2.chunks.bad,log/2.log.bad", "1")
	if err := s.Keep("log/9.log"); !os.IsNotExist(err) {
		t.Errorf("one that is not there: %v", err)
	}
	for _, name := range []string{"other.bad", "log/1.log", "periods/a/1.chunks"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}
