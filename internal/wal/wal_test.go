package wal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
)

func testConfig(dir string, p Policy) Config {
	return Config{FS: fsx.OS{}, Dir: filepath.Join(dir, "log"), First: 1, Salt: func() uint64 { return 7 }, Policy: p}
}

// read gives the records of a directory, heads left out, in the order of segments.
func read(t *testing.T, dir string) (recs []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, "log", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = frame.Scan(f, "log ", 7, func(_ int64, rec []byte) error {
			if string(rec) != "head" {
				recs = append(recs, string(rec))
			}
			return nil
		})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return recs
}

// run runs a log until the returned function is called.
func run(t *testing.T, l *Log) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		l.Run(ctx)
		close(done)
	}()
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	return end
}

func TestLog_commit(t *testing.T) {
	for _, p := range []Policy{{}, {Always: true}, {Every: time.Second}} {
		t.Run(p.String(), func(t *testing.T) {
			dir := t.TempDir()
			l := New(testConfig(dir, p), [][]byte{[]byte("head")})
			end := run(t, l)
			var wg sync.WaitGroup
			for w := range 8 {
				wg.Go(func() {
					for i := range 200 {
						l.Commit(l.Append(fmt.Appendf(nil, "%d-%d", w, i)))
						if w == 0 && i%50 == 25 {
							l.Roll([][]byte{[]byte("head")})
						}
					}
				})
			}
			wg.Wait()
			at := map[string]int{}
			got := read(t, dir) // committed is written, whether the log has ended or not
			for _, rec := range got {
				var w, i int
				if _, err := fmt.Sscanf(rec, "%d-%d", &w, &i); err != nil {
					t.Fatal(err)
				}
				if at[fmt.Sprint(w)] != i {
					t.Fatalf("writer %d: record %d where %d is due", w, i, at[fmt.Sprint(w)])
				}
				at[fmt.Sprint(w)]++
			}
			if len(got) != 1600 {
				t.Errorf("%d records, want 1600", len(got))
			}
			s := l.Status()
			if s.Degraded != "" || s.Unwritten != 0 || s.Records != 1600 {
				t.Errorf("%+v", s)
			}
			if p.Always && s.Unsynced != 0 {
				t.Errorf("%d bytes are not fsynced", s.Unsynced)
			}
			end()
			if n := len(read(t, dir)); n != 1600 {
				t.Errorf("%d records at the end", n)
			}
			if removed, err := l.Remove(5000); removed != 4 || err != nil {
				t.Errorf("%d segments removed, %v", removed, err)
			}
		})
	}
}

// TestLog_okMeansWritten: what was committed while nobody waited for the disk is on it when Status is well again.
func TestLog_okMeansWritten(t *testing.T) {
	for _, p := range []Policy{{}, {Always: true}, {Every: time.Second}} {
		t.Run(p.String(), func(t *testing.T) {
			fs := fsxtest.New()
			cfg := testConfig("/d", p)
			cfg.FS = fs
			l := New(cfg, nil)
			fs.Fail(func(op fsxtest.Op, _ string) error {
				if op == fsxtest.Write {
					return syscall.EIO
				}
				return nil
			})
			l.Commit(l.Append([]byte("first")))
			if l.Status().Degraded == "" {
				t.Fatal("it does not say that the disk fails")
			}
			fs.Fail(func(op fsxtest.Op, _ string) error {
				if op == fsxtest.Sync && l.degraded.Load() != nil { // it is healing: nobody waits yet
					l.Commit(l.Append([]byte("meanwhile")))
				}
				return nil
			})
			run(t, l)
			for l.Status().Degraded != "" && t.Context().Err() == nil {
				runtime.Gosched()
			}
			if s := l.Status(); s.Unwritten > 0 {
				t.Errorf("it is well with %d bytes unwritten", s.Unwritten)
			}
			fs.Fail(nil)
		})
	}
}

func BenchmarkLog_commit(b *testing.B) {
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			l := New(testConfig(b.TempDir(), Policy{Every: time.Second}), nil)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { l.Run(ctx); close(done) }()
			rec := make([]byte, 600)
			b.SetBytes(600)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for range b.N / workers {
						l.Commit(l.Append(rec))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			cancel()
			<-done
		})
	}
}
