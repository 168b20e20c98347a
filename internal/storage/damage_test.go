package storage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

// span is a stretch of a file.
type span struct{ from, to int }

// victim is a real file, and where its points are.
type victim struct {
	file
	data   []byte
	points map[string]int // "series member" → index
	at     []span         // of points: the frame each is in

	walker Walker
	have   []int // of points: the last case in which it was read
	cases  int
}

func newVictim(t *testing.T, fs fsx.FS, path string) *victim {
	t.Helper()
	data, err := fs.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	below, _ := filepath.Rel(testDir, path)
	f, ok := parseFile(filepath.Dir(below), filepath.Base(below), place{})
	if !ok {
		t.Fatalf("%s is no file of ours", path)
	}
	v := &victim{file: f, data: data, points: map[string]int{}}
	var frames []span
	_, err = frame.Scan(bytes.NewReader(data), f.kind(), f.salt, func(off int64, rec []byte) error {
		one := len(frame.Append(nil, f.salt, rec))
		frames = append(frames, span{int(off), int(off) + one})
		return nil
	})
	if err != nil || len(frames) == 0 {
		t.Fatalf("%s: %d records, %v", path, len(frames), err)
	}
	v.each(t, data, func(off int64, id string) {
		in := slices.IndexFunc(frames, func(s span) bool { return s.from == int(off) })
		v.points[id] = len(v.at)
		v.at = append(v.at, frames[in])
	})
	v.have = make([]int, len(v.at))
	return v
}

// each reads a file as verify does.
func (v *victim) each(t *testing.T, data []byte, fn func(off int64, id string)) {
	t.Helper()
	v.walker.dicts = map[dictKey]*replog.Dict{}
	v.walker.Findings = v.walker.Findings[:0]
	var id []byte
	var at int64
	v.walker.Point = func(name []byte, pt series.Point) error {
		id = series.AppendMember(append(append(id[:0], name...), ' '), pt)
		fn(at, string(id))
		return nil
	}
	_, err := frame.Scan(bytes.NewReader(data), v.kind(), v.salt, func(off int64, rec []byte) error {
		at = off
		return v.walker.record(v.file, off, rec)
	})
	if err != nil && !errors.Is(err, frame.ErrKind) && !errors.Is(err, frame.ErrVersion) {
		t.Fatal(err)
	}
}

// damaged checks what is read of damaged data: nothing is invented, and only records that were touched are lost.
func (v *victim) damaged(t *testing.T, data []byte, touched []span, what string, args ...any) {
	t.Helper()
	v.cases++
	v.each(t, data, func(_ int64, id string) {
		i, ok := v.points[id]
		if !ok {
			t.Fatalf("%s, %s: %s is invented", v.path, fmt.Sprintf(what, args...), id)
		}
		v.have[i] = v.cases
	})
	for i, seen := range v.have {
		if seen == v.cases {
			continue
		}
		hit := slices.ContainsFunc(touched, func(s span) bool {
			return v.at[i].from < s.to && v.at[i].to > s.from || s.from < frame.HeaderBytes
		})
		if !hit {
			t.Fatalf("%s, %s: a point of the record at %v is lost", v.path, fmt.Sprintf(what, args...), v.at[i])
		}
	}
}

// everywhere cuts the file at every byte, flips every bit, and fills, doubles and swaps every sector.
func (v *victim) everywhere(t *testing.T) {
	t.Helper()
	size := len(v.data)
	for at := range v.data {
		v.damaged(t, v.data[:at], []span{{at, size}}, "cut at %d", at)
	}
	data := bytes.Clone(v.data)
	for at := range data {
		for bit := range 8 {
			data[at] ^= 1 << bit
			v.damaged(t, data, []span{{at, at + 1}}, "bit %d of byte %d", bit, at)
			data[at] ^= 1 << bit
		}
	}
	const sector = 512
	for from := 0; from < size; from += sector {
		s := span{from, min(from+sector, size)}
		for _, fill := range []byte{0, 0xff, 0xd5} {
			copy(data[s.from:s.to], bytes.Repeat([]byte{fill}, sector))
			v.damaged(t, data, []span{s}, "%x at %d", fill, from)
			copy(data, v.data)
		}
		twice := append(bytes.Clone(data[:s.to]), data[s.from:]...)
		v.damaged(t, twice, []span{{s.to - 1, s.to + 1}}, "the sector at %d twice", from)
		for to := 0; to < from; to += sector {
			o := span{to, to + sector}
			n := s.to - s.from
			copy(data[o.from:o.from+n], v.data[s.from:])
			copy(data[s.from:s.to], v.data[o.from:])
			v.damaged(t, data, []span{s, o}, "the sectors at %d and %d swapped", from, to)
			copy(data, v.data)
		}
	}
}

// pairs does two things of any kind at once.
func (v *victim) pairs(t *testing.T, rng *rand.Rand, n int) {
	t.Helper()
	data := bytes.Clone(v.data)
	for range n {
		var touched []span
		for range 2 {
			from := rng.IntN(len(data))
			s := span{from, min(from+1+rng.IntN(600), len(data))}
			touched = append(touched, s)
			switch rng.IntN(3) {
			case 0:
				data[s.from] ^= 1 << rng.IntN(8)
			case 1:
				clear(data[s.from:s.to])
			case 2:
				copy(data[s.from:s.to], v.data[rng.IntN(len(data)):])
			}
		}
		v.damaged(t, data, touched, "%v", touched)
		copy(data, v.data)
	}
}

// TestWalker_damage does to real files everything that a disk may do; DUNLIN_DAMAGE_PAIRS adds so many random pairs.
func TestWalker_damage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("too long with the race detector")
	}
	fs := filled(t, samples(1700))
	pairs, _ := strconv.Atoi(os.Getenv("DUNLIN_DAMAGE_PAIRS"))
	seed := firstSeed(t)
	var victims []*victim
	t.Run("files", func(t *testing.T) {
		logs := find(fs, ".log")
		for i, path := range []string{logs[len(logs)-1], largest(fs, ".chunks"), largest(fs, ".open")} {
			v := newVictim(t, fs, path)
			victims = append(victims, v)
			t.Run(filepath.Ext(path), func(t *testing.T) {
				t.Parallel()
				v.everywhere(t)
				v.pairs(t, rand.New(rand.NewPCG(seed, uint64(i))), 1000+pairs/3)
				t.Logf("%d cases over %d bytes and %d points", v.cases, len(v.data), len(v.at))
			})
		}
	})
	cases := 0
	for _, v := range victims {
		cases += v.cases
	}
	count(t, cases)
	if cases < 100_000 && !t.Failed() {
		t.Errorf("only %d cases", cases)
	}
}

// largest gives the file of an ending with the most bytes.
func largest(fs fsx.FS, ext string) string {
	return slices.MaxFunc(find(fs, ext), func(a, b string) int {
		sizeA, _ := fs.Size(a)
		sizeB, _ := fs.Size(b)
		return cmp.Compare(sizeA, sizeB)
	})
}
