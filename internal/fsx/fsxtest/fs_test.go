package fsxtest

import (
	"errors"
	"math/rand/v2"
	"testing"
)

var errFault = errors.New("fault")

func put(t *testing.T, f *FS, path, text string, sync bool) {
	t.Helper()
	w, err := f.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := errors.Join(w.Sync(), f.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
	}
}

func text(f *FS, path string) string {
	b, err := f.ReadFile(path)
	if err != nil {
		return "missing"
	}
	return string(b)
}

func TestFS_Crash(t *testing.T) {
	f := New()
	put(t, f, "/kept", "kept", true)
	put(t, f, "/gone", "gone", true)
	put(t, f, "/lost", "lost", false)
	if err := errors.Join(f.Rename("/kept", "/renamed"), f.Remove("/gone")); err != nil {
		t.Fatal(err)
	}
	none := f.Crash(Crash{})
	for path, want := range map[string]string{
		"/kept": "kept", "/renamed": "missing", "/lost": "missing", "/gone": "gone",
	} {
		if got := text(none, path); got != want {
			t.Errorf("nothing spared: %s is %q, want %q", path, got, want)
		}
	}
	all := f.Crash(Crash{All: true})
	for path, want := range map[string]string{
		"/kept": "missing", "/renamed": "kept", "/lost": "lost", "/gone": "missing",
	} {
		if got := text(all, path); got != want {
			t.Errorf("all spared: %s is %q, want %q", path, got, want)
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(64) {
		seen[text(f.Crash(Crash{Some: rand.New(rand.NewPCG(seed, 0))}), "/lost")] = true
	}
	for _, want := range []string{"missing", "lost", "\x00\x00\x00\x00", "lo"} {
		if !seen[want] {
			t.Errorf("some spared: never %q among %v", want, seen)
		}
	}
}

func TestFS_failedSync(t *testing.T) {
	f := New()
	put(t, f, "/a", "old", true)
	f.Fail(func(op Op, _ string) error {
		if op == Sync {
			return errFault
		}
		return nil
	})
	w, err := f.Create("/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); !errors.Is(err, errFault) {
		t.Errorf("sync: %v", err)
	}
	f.Fail(nil)
	if err := w.Sync(); err != nil { // kernels say so, and it is not true
		t.Error(err)
	}
	if got := text(f.Crash(Crash{}), "/a"); got != "old" {
		t.Errorf("after a sync that failed and one that did not: %q", got)
	}
	if got := text(f, "/a"); got != "new" {
		t.Errorf("reads give %q", got)
	}
}
