package node

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/frame"
)

// flipInMemory flips a bit of a place of this process's memory that holds some bytes: the one that hits is true of.
func flipInMemory(t *testing.T, what []byte, hits func() bool) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux shows a process its memory as a file")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	const pieces = 64 << 10
	buf := make([]byte, pieces+len(what)-1)
	var places []int64
	for line := range strings.Lines(string(maps)) {
		words := strings.Fields(line)
		if len(words) > 5 || words[1] != "rw-p" || words[4] != "0" {
			continue // a file, or named
		}
		from, to, _ := strings.Cut(words[0], "-")
		lo, _ := strconv.ParseInt(from, 16, 64)
		hi, _ := strconv.ParseInt(to, 16, 64)
		for ; lo < hi; lo += pieces { // what was freed meanwhile can not be read
			n, _ := mem.ReadAt(buf[:min(len(buf), int(hi-lo))], lo)
			for at := 0; ; at++ {
				i := bytes.Index(buf[at:n], what)
				if i < 0 {
					break
				}
				at += i
				places = append(places, lo+int64(at+len(what)/2))
			}
		}
	}
	half := len(what) / 2
	what, flipped := bytes.Clone(what), bytes.Clone(what) // after the search: they are no places
	flipped[half] ^= 4
	holds := func(at int64, want []byte) bool { // it may have become the place of something else
		n, _ := mem.ReadAt(buf[:len(want)], at-int64(half))
		return bytes.Equal(buf[:n], want)
	}
	for _, at := range places {
		if !holds(at, what) {
			continue
		}
		if _, err := mem.WriteAt(flipped[half:half+1], at); err != nil || hits() {
			return
		}
		if holds(at, flipped) {
			if _, err := mem.WriteAt(what[half:half+1], at); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("none of the %d places is the right one", len(places))
}

// fullRecords gives the records of full chunks below a storage directory, and the file of the first.
func fullRecords(t *testing.T, dir string) (recs [][]byte, file string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "periods"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".chunks" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		salt, _ := strconv.ParseUint(strings.TrimSuffix(path[strings.LastIndexByte(path, '-')+1:], ".chunks"), 16, 64)
		_, err = frame.Scan(bufio.NewReader(f), "chnk", salt, func(_ int64, rec []byte) error {
			recs = append(recs, bytes.Clone(rec))
			if file == "" {
				file = path
			}
			return nil
		})
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return recs, file
}

// infoField gives a field of a section of INFO.
func infoField(t *testing.T, addr, section, name string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "INFO "+section+"\r\nQUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	text := string(all)
	_, rest, _ := strings.Cut(text, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r")
	return value
}

// TestNode_damage: a chunk that is damaged in the memory of a running node is found, named, and replaced by the peer's
// points; a record that is damaged in a period file is found at the next start, and what was in it comes back.
func TestNode_damage(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newLogFlock(t)
	_, stop0 := f.boot(0)
	defer stop0()
	f.step = 50 * time.Millisecond
	f.proof = Proof{Every: 50 * time.Millisecond, Reread: 20 * time.Millisecond}
	n1, stop1 := f.boot(1)
	for range 8 { // entries, so that chunks are full
		f.write(0, 400)
	}
	f.equal("the log of n0", 0, 1)
	if n1.disk == nil {
		t.Fatal("n1 keeps no disk")
	}
	stop1() // the last checkpoint writes all full chunks
	recs, _ := fullRecords(t, filepath.Join(f.dir, "n1"))
	if len(recs) == 0 {
		t.Fatal("no full chunk is on disk")
	}
	_, stop1 = f.boot(1)
	f.equal("n1 after a start", 0, 1)
	rec := recs[0]
	addr := f.topo.Nodes[1].HostPort()
	f.damage(1, rec[len(rec)-40:])
	await(t, "the damage to be mended", func() error {
		if got := infoField(t, addr, "replication", "damaged_series_mended"); got != "1" {
			return fmt.Errorf("%q series are mended", got)
		}
		return nil
	})
	last := infoField(t, addr, "replication", "divergence_last")
	if d := infoField(t, addr, "replication", "divergence_total"); d != "1" ||
		!strings.Contains(last, ":h") || !strings.Contains(last, ":m: its memory is damaged") {
		t.Errorf("divergence_total is %s, divergence_last %q", d, last)
	}
	f.same("after the damage in memory", 0, 1)
	stop1()
	_, file := fullRecords(t, filepath.Join(f.dir, "n1")) // the files were written anew
	data, err := os.ReadFile(file)
	if err == nil {
		data[len(data)/2] ^= 1
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, stop1 = f.boot(1)
	defer func() { stop1() }()
	f.same("after the damage on disk", 0, 1)
	if got := infoField(t, addr, "persistence", "damaged_records"); got == "0" || got == "" {
		t.Errorf("the damage was not noticed: %q", got)
	}
	stop1()
	_, stop1 = f.boot(1)
	f.same("after one more start", 0, 1)
	if got := infoField(t, addr, "persistence", "damaged_records"); got != "0" {
		t.Errorf("the damage is on disk still: %q", got)
	}
}

// same waits until what some nodes hold reads the same on all of them, byte for byte.
func (f *logFlock) same(what string, nodes ...int) {
	f.t.Helper()
	f.equal(what, nodes...)
	await(f.t, what, func() error {
		first := f.sums(nodes[0])
		for _, n := range nodes {
			if got := f.sums(n); got != first || !strings.Contains(got, "$40") {
				return fmt.Errorf("n%d has %q, others %q", n, got, first)
			}
		}
		return nil
	})
}

// sums are those of the points of all series of a node.
func (f *logFlock) sums(node int) string {
	f.t.Helper()
	period, _, _ := strings.Cut(f.key, ":")
	ask := "DN.HOURSUMS " + period + "T00"
	for i := range 7 {
		ask += fmt.Sprintf(" %s:h%d:m", period, i)
	}
	c, err := net.DialTimeout("tcp", f.topo.Nodes[node].HostPort(), time.Second)
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, ask+"\r\n"); err != nil {
		f.t.Fatal(err)
	}
	var got strings.Builder
	for r := bufio.NewReader(c); strings.Count(got.String(), "\n") < 1+2*7; {
		line, err := r.ReadString('\n')
		if err != nil {
			f.t.Fatalf("%q: %v", got.String(), err)
		}
		if got.WriteString(line); line[0] == '-' {
			break
		}
	}
	return got.String()
}

// damage flips a bit of some bytes that a node holds in memory, and waits until it is noticed.
func (f *logFlock) damage(node int, what []byte) {
	f.t.Helper()
	addr := f.topo.Nodes[node].HostPort()
	good := f.sums(node)
	flipInMemory(f.t, what, func() bool {
		found := func() bool { return infoField(f.t, addr, "replication", "damaged_series") == "1" }
		if f.sums(node) == good {
			return found()
		}
		for range 300 { // what was hit may be a copy that is being read
			if found() {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	})
}
