package fsx

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

var errFault = errors.New("fault")

// faulty fails the n-th step of WriteAtomic and notes the steps.
type faulty struct {
	OS
	failAt int
	steps  []string
}

func (f *faulty) step(name string) error {
	f.steps = append(f.steps, name)
	if len(f.steps) == f.failAt {
		return errFault
	}
	return nil
}

type faultyFile struct {
	File
	fs *faulty
}

func (f *faulty) Create(path string) (File, error) {
	if err := f.step("create"); err != nil {
		return nil, err
	}
	inner, err := f.OS.Create(path)
	return faultyFile{inner, f}, err
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.fs.step("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f faultyFile) Sync() error {
	if err := f.fs.step("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faulty) Rename(from, to string) error {
	if err := f.step("rename"); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

func (f *faulty) SyncDir(path string) error {
	if err := f.step("sync directory"); err != nil {
		return err
	}
	return f.OS.SyncDir(path)
}

func TestWriteAtomic_order(t *testing.T) {
	path := filepath.Join(t.TempDir(), "floor")
	f := &faulty{}
	if err := WriteAtomic(f, path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"create", "write", "sync", "rename", "sync directory"}; !slices.Equal(f.steps, want) {
		t.Errorf("steps %v, want %v", f.steps, want)
	}
}

func TestWriteAtomic_faults(t *testing.T) {
	for failAt := 1; failAt <= 5; failAt++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "floor")
		if err := WriteAtomic(OS{}, path, []byte("old content")); err != nil {
			t.Fatal(err)
		}
		f := &faulty{failAt: failAt}
		if err := WriteAtomic(f, path, []byte("new content")); !errors.Is(err, errFault) {
			t.Errorf("step %d: %v, want the fault", failAt, err)
		}
		want := "old content"
		if failAt == 5 { // renamed, only the directory is not known to be durable
			want = "new content"
		}
		if got, err := (OS{}).ReadFile(path); string(got) != want || err != nil {
			t.Errorf("step %d: %q, %v, want %q", failAt, got, err, want)
		}
		if names, err := (OS{}).ReadDir(dir); len(names) != 1 || err != nil {
			t.Errorf("step %d: %v, %v: the temporary file is left", failAt, names, err)
		}
	}
}

func TestOS_missing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	if f, err := (OS{}).Open(path); !errors.Is(err, fs.ErrNotExist) || f != nil {
		t.Errorf("open: %v, %v", f, err)
	}
	if f, err := (OS{}).Create(path); !errors.Is(err, fs.ErrNotExist) || f != nil {
		t.Errorf("create: %v, %v", f, err)
	}
	if err := (OS{}).MkdirAll(filepath.Dir(path)); err != nil {
		t.Error(err)
	}
	f, err := (OS{}).Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := (OS{}).Remove(path); err != nil {
		t.Error(err)
	}
}
