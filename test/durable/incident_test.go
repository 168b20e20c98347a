//go:build linux

package durable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// The tests of this file and its neighbour carry the names of what happened to users of other stores.

// kinds are the files that hold points.
var kinds = []string{".log", ".chunks", ".open"}

// oneRecord is the most that one damaged record may cost: a pipeline of the load, or a chunk.
const oneRecord = 1000

// TestIncident_OneBitKillsStream: one flipped bit costs one record.
func TestIncident_OneBitKillsStream(t *testing.T) {
	t.Parallel()
	whole, count := theFixture(t), newTally(t)
	rng := rand.New(rand.NewPCG(seed(t), 5))
	for i := range times(9, 60) {
		kind, where := kinds[i%3], rng.Float64()
		t.Run(fmt.Sprintf("%s %.4f", kind, where), func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			file := f.largest(t, kind)
			change(t, file, func(data []byte) []byte {
				data[int(where*float64(len(data)))] ^= 1 << (i % 8)
				return data
			})
			f.survives(t, damaged{most: oneRecord, oneSeries: kind != ".log", file: file})
			count.add(result{})
		})
	}
}

// TestIncident_OneBadPageDropsAllHistory: a page of zeros costs what was in it.
func TestIncident_OneBadPageDropsAllHistory(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			file := f.largest(t, kind)
			change(t, file, func(data []byte) []byte {
				page := data[len(data)/2:]
				clear(page[:min(4096, len(page)/2)])
				return data
			})
			f.survives(t, damaged{most: 4096 + 2*oneRecord, file: file})
		})
	}
}

// TestIncident_HiddenCorruptionFoundOnlyAtCheckpoint: what a start reads is all that later work reads. A damaged
// directory that was started is clean after the next checkpoints.
func TestIncident_HiddenCorruptionFoundOnlyAtCheckpoint(t *testing.T) {
	t.Parallel()
	f := theFixture(t).copied(t)
	for _, kind := range kinds {
		change(t, f.largest(t, kind), func(data []byte) []byte {
			data[len(data)*2/3] ^= 0x10
			return data
		})
	}
	f.survives(t, damaged{most: 3 * oneRecord, file: f.largest(t, ".log")})
	s := setup{dir: f.dir, flags: real.rowFlags()}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.loaded(); err != nil {
		t.Fatal(err)
	}
	// Long enough for some checkpoints.
	if err := newLoad(f.book, 13, time.Millisecond).during(500*time.Millisecond, n.addr); err != nil {
		t.Fatal(err)
	}
	if err := n.term(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	// Segments that are kept for peers only are as they were.
	if said, _, err := verify(f.dir); err != nil || inPeriods.MatchString(said) {
		t.Errorf("after a checkpoint verify still finds fault: %v %s", err, said)
	}
	n, _, err = n.restart(f.book, promise{})
	if err != nil {
		t.Fatal(err)
	}
	n.kill()
}

var inPeriods = regexp.MustCompile(`(?m)^DAMAGED +periods`)

// TestIncident_TornTransactionFile: the file that says what a checkpoint covers may be torn, empty, old or gone: that
// costs nothing.
func TestIncident_TornTransactionFile(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	old, err := os.ReadFile(filepath.Join(whole.dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, how func([]byte) []byte) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			file := filepath.Join(f.dir, "checkpoint")
			change(t, file, how)
			f.survivesQuietly(t, 0)
		})
	}
	f("empty", func([]byte) []byte { return nil })
	f("cut", func(b []byte) []byte { return b[:len(b)/2] })
	f("one byte short", func(b []byte) []byte { return b[:len(b)-1] })
	f("zeros", func(b []byte) []byte { return make([]byte, len(b)) })
	f("a flipped bit", func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
	f("twice", func(b []byte) []byte { return append(b, b...) })
	f("noise", func([]byte) []byte { return bytes.Repeat([]byte("noise"), 1000) })
	t.Run("old", func(t *testing.T) {
		t.Parallel()
		f := whole.copied(t)
		f.survivesQuietly(t, 0)
		if err := os.WriteFile(filepath.Join(f.dir, "checkpoint"), old, 0o600); err != nil {
			t.Fatal(err)
		}
		f.survivesQuietly(t, 0)
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		f := whole.copied(t)
		if err := os.Remove(filepath.Join(f.dir, "checkpoint")); err != nil {
			t.Fatal(err)
		}
		f.survivesQuietly(t, 0)
	})
}

// survivesQuietly is survives where verify may say what it likes.
func (f *fixture) survivesQuietly(t *testing.T, most int) {
	t.Helper()
	f.survives(t, damaged{most: most, silent: true})
}

// TestIncident_MetaAheadOfData: the checkpoint names more bytes than a file has.
func TestIncident_MetaAheadOfData(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	for _, kind := range kinds {
		for _, cut := range []int{1, 700} {
			t.Run(fmt.Sprintf("%s %d", kind, cut), func(t *testing.T) {
				t.Parallel()
				f := whole.copied(t)
				change(t, f.largest(t, kind), func(b []byte) []byte { return b[:max(0, len(b)-cut)] })
				f.survivesQuietly(t, cut+2*oneRecord)
			})
		}
	}
}

// TestIncident_PowerLossMissingFiles: any file may be missing or empty.
func TestIncident_PowerLossMissingFiles(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	everything := whole.book.count()
	for _, kind := range append([]string{"checkpoint", "floor", "lock"}, kinds...) {
		for _, how := range []string{"missing", "empty"} {
			t.Run(kind+" "+how, func(t *testing.T) {
				t.Parallel()
				f := whole.copied(t)
				list := f.find(kind)
				if len(list) == 0 {
					t.Skipf("NOT TESTED: there is no %s", kind)
				}
				file := list[len(list)-1]
				most := everything / 2
				if len(kind) > 0 && kind[0] != '.' {
					most = 0
				}
				if how == "empty" {
					change(t, file, func([]byte) []byte { return nil })
				} else if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				f.survivesQuietly(t, most)
			})
		}
	}
}

// TestIncident_CorruptAuxFileBlocksStart: nothing that lies in the directory keeps a node from starting.
func TestIncident_CorruptAuxFileBlocksStart(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	f := func(name string, how func(t *testing.T, f *fixture)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			how(t, f)
			f.survivesQuietly(t, 0)
		})
	}
	write := func(t *testing.T, f *fixture, name, text string) {
		t.Helper()
		path := filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f("noise everywhere", func(t *testing.T, f *fixture) {
		for _, name := range []string{
			"floor", "lock", "checkpoint", "log/00000099-0123456789abcdef.log", "log/x.log", "log/.log", "log/readme",
			"periods/readme", "periods/" + periodBefore(0) + "/x.chunks", "periods/" + periodBefore(0) + "/9-99-zz.open",
			"periods/tomorrow/1-00000001-0123456789abcdef.chunks", "lost+found/x", "checkpoint.tmp", "core",
			"periods/" + periodBefore(-400) + "/1-00000001-0123456789abcdef.chunks",
		} {
			write(t, f, name, "noise\x00\xd5\x0d\xff\xff\xff\x7f noise")
		}
	})
	f("empty files everywhere", func(t *testing.T, f *fixture) {
		for _, name := range []string{
			"floor", "log/00000099-0123456789abcdef.log", "periods/" + periodBefore(0) + "/1-00000099-0123456789abcdef.chunks",
			"periods/" + periodBefore(0) + "/1-00000099-0123456789abcdef.open",
		} {
			write(t, f, name, "")
		}
	})
	f("directories instead of files", func(t *testing.T, f *fixture) {
		for _, name := range []string{
			"checkpoint", "floor", "log/00000099-0123456789abcdef.log",
			"periods/" + periodBefore(0) + "/1-00000099-0123456789abcdef.chunks",
		} {
			_ = os.Remove(filepath.Join(f.dir, name))
			write(t, f, name+"/x", "x")
		}
	})
	f("a floor of the future", func(t *testing.T, f *fixture) {
		write(t, f, "floor", "9999-12-31\n")
	})
	f("links that lead nowhere", func(t *testing.T, f *fixture) {
		_ = os.Symlink("/nowhere", filepath.Join(f.dir, "log", "00000098-0123456789abcdef.log"))
		_ = os.Symlink("/nowhere", filepath.Join(f.dir, "periods", periodBefore(1)+"x"))
	})
}
