package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
)

func openSpool(t testing.TB, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func payload(i, size int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%d,", i), size)[:size] }

// drain takes everything, newest segment first, and gives the first bytes of the records.
func drain(t testing.TB, s *Spool) (got []string) {
	t.Helper()
	for {
		l, err := s.Newest()
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			return got
		}
		for i := range l.Records {
			name, _, _ := strings.Cut(string(l.Records[len(l.Records)-1-i].Payload), ",")
			got = append(got, name)
		}
		if err := l.Done(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpool_newestFirstAndAcrossProcesses(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir, Max: 100 << 20})
	want := ""
	for i := range 30 {
		if _, err := s.Append(Record{10, payload(i, 200<<10)}); err != nil {
			t.Fatal(err)
		}
		want = fmt.Sprint(i, " ") + want
	}
	_, err := Open(Config{Dir: dir, Max: 1})
	if !errors.Is(err, fsx.ErrLocked) || !strings.Contains(err.Error(), "of its own") {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openSpool(t, Config{Dir: dir, Max: 100 << 20})
	if s.Points() != 300 || s.Bytes() != 30*(200<<10+headerSize) || s.Damaged() != 0 {
		t.Fatal(s.Points(), s.Bytes(), s.Damaged())
	}
	if got := strings.Join(drain(t, s), " ") + " "; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if s.Points() != 0 || s.Bytes() != 0 {
		t.Fatal(s.Points(), s.Bytes())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.spool")); len(left) != 0 || err != nil {
		t.Fatal(left, err)
	}
}

func TestSpool_limitDropsTheOldest(t *testing.T) {
	s := openSpool(t, Config{Dir: t.TempDir(), Max: 3 << 20})
	defer s.Close()
	var dropped int64
	for i := range 40 {
		n, err := s.Append(Record{1, payload(i, 200<<10)})
		if err != nil {
			t.Fatal(err)
		}
		if dropped += n; s.Bytes() > 3<<20 {
			t.Fatalf("%d bytes", s.Bytes())
		}
	}
	if dropped < 20 || dropped+s.Points() != 40 {
		t.Fatalf("%d dropped, %d left", dropped, s.Points())
	}
	l, err := s.Newest()
	if err != nil {
		t.Fatal(err)
	}
	l.Return() // nobody took it
	got := drain(t, s)
	if got[0] != "39" || got[len(got)-1] != fmt.Sprint(dropped) {
		t.Fatal(got)
	}
	if _, err := s.Append(Record{1, payload(1, 4<<20)}); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
}

func TestSpool_damage(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir, Max: 1 << 30})
	for i := range 3 {
		if _, err := s.Append(Record{5, payload(i, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%020d.spool", 0))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[2*(1000+headerSize)+500] ^= 1 // the last record
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openSpool(t, Config{Dir: dir, Max: 1 << 30})
	defer s.Close()
	if s.Points() != 10 || s.Damaged() != 1000+headerSize {
		t.Fatal(s.Points(), s.Damaged())
	}
	if got := strings.Join(drain(t, s), " "); got != "1 0" {
		t.Fatal(got)
	}
}

// TestSpool_law_whatWasAppendedIsThereAfterACrash appends, lends and crashes on a disk that fails now and then.
func TestSpool_law_whatWasAppendedIsThereAfterACrash(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		disk := fsxtest.New()
		s := openSpool(t, Config{Dir: "/spool", Max: 1 << 30, Segment: 4096, FS: disk})
		held := map[string]bool{} // appended and not done
		n := 0
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				size := rapid.SampledFrom([]int{10, 100, 2500}).Draw(rt, "size")
				if _, err := s.Append(Record{1, payload(n, size)}); err == nil {
					held[fmt.Sprint(n)] = true
				}
				n++
			},
			"fail": func(rt *rapid.T) {
				op := rapid.SampledFrom([]fsxtest.Op{fsxtest.Write, fsxtest.Create, fsxtest.Sync}).Draw(rt, "op")
				on := rapid.Bool().Draw(rt, "on")
				disk.Fail(func(o fsxtest.Op, _ string) error {
					if on && o == op {
						return errors.New("disk is ill")
					}
					return nil
				})
			},
			"take": func(rt *rapid.T) {
				l, err := s.Newest()
				if err != nil || l == nil {
					return
				}
				if rapid.Bool().Draw(rt, "return") {
					l.Return()
					return
				}
				for _, r := range l.Records {
					name, _, _ := strings.Cut(string(r.Payload), ",")
					if !held[name] && l.Lost == 0 {
						rt.Fatalf("%s was lent and is not held", name)
					}
					delete(held, name)
				}
				if err := l.Done(); err != nil {
					rt.Fatal(err)
				}
			},
			"end of the process": func(rt *rapid.T) {
				disk.Fail(nil)
				s = openSpool(t, Config{Dir: "/spool", Max: 1 << 30, Segment: 4096, FS: disk})
			},
		})
		disk.Fail(nil)
		s = openSpool(t, Config{Dir: "/spool", Max: 1 << 30, Segment: 4096, FS: disk})
		for _, name := range drain(t, s) {
			delete(held, name)
		}
		if len(held) != 0 {
			rt.Fatalf("lost: %v", held)
		}
	})
}

func FuzzParseSegment(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendRecord(appendRecord(nil, Record{1, []byte("a")}), Record{2, nil}))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, damaged := parseSegment(data)
		var again []byte
		for _, r := range records {
			again = appendRecord(again, r)
		}
		if !bytes.Equal(again, data[:len(data)-damaged]) {
			t.Fatal("the records are not what was read")
		}
	})
}
