package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
)

const testDir = "/log"

// disk is a log that is written, and what was written of one shard, as a model.
type disk struct {
	tb      rapid.TB
	fs      *fsxtest.FS
	inc     replog.Incarnation
	seg     segment
	salts   uint64
	seq     map[replog.Incarnation]replog.Seq // of the shard, by life of the node
	wrote   [][]byte                          // of the shard
	spoiled bool                              // something was taken away
}

const shard = 2

func newDisk(tb rapid.TB) *disk {
	d := &disk{tb: tb, fs: fsxtest.New(), seq: map[replog.Incarnation]replog.Seq{}}
	d.check(d.fs.MkdirAll(testDir))
	d.start()
	return d
}

func (d *disk) check(err error) {
	if err != nil {
		d.tb.Fatal(err)
	}
}

func (d *disk) vector() (v []replog.Reach) {
	for inc, seq := range d.seq {
		v = append(v, replog.Reach{Origin: origin(inc), Seq: seq})
	}
	return v
}

func origin(inc replog.Incarnation) replog.Origin {
	return replog.Origin{Node: "a", Shard: shard, Incarnation: inc}
}

// start begins the life of a node, whose first segment says nothing of its shards.
func (d *disk) start() {
	d.inc++
	d.file(d.seg.number/1000*1000+1000, false)
}

// roll begins a segment as a checkpoint does, fail a file that goes on for the one before.
func (d *disk) roll() { d.file(d.seg.number/1000*1000+1000, true) }

func (d *disk) file(number uint64, says bool) {
	d.salts++
	d.seg = segment{frame.Name(number, d.salts, "log"), number, d.salts}
	d.head(says)
}

func (d *disk) fail() {
	d.seg.number++
	d.seg.name = frame.Name(d.seg.number, d.seg.salt, "log")
	d.head(false) // it is that of the file before; nobody may begin here
}

func (d *disk) head(says bool) {
	st := replog.State{Node: "a", Incarnation: d.inc, Layout: series.Day}
	if says {
		st.Shards = []replog.ShardState{{Shard: 1}, {Shard: shard, Vector: d.vector()}}
	}
	f, err := d.fs.Create(d.path())
	d.check(err)
	_, err = f.Write(frame.Append(frame.AppendHeader(nil, kindLog, d.seg.salt), d.seg.salt, st.Append(nil)))
	d.check(err)
}

func (d *disk) path() string { return filepath.Join(testDir, d.seg.name) }

// append writes behind what is there.
func (d *disk) append(rec []byte) {
	old, err := d.fs.ReadFile(d.path())
	d.check(err)
	d.put(d.path(), frame.Append(old, d.seg.salt, rec))
}

func (d *disk) put(path string, data []byte) {
	f, err := d.fs.Create(path)
	d.check(err)
	_, err = f.Write(data)
	d.check(err)
}

// write writes an entry of a shard.
func (d *disk) write(id int, enc *replog.Recorder) {
	seq := replog.Seq(1)
	if id == shard {
		d.seq[d.inc]++
		seq = d.seq[d.inc]
	}
	enc.BeginEntry()
	var n replog.Named
	enc.Point(&n, []byte("h:m"), &series.Point{TS: int64(seq) * 1000, Value: []byte("1")})
	rec := bytes.Clone(enc.Record(replog.Head{Shard: id, Seq: seq}))
	d.append(rec)
	if id == shard {
		d.wrote = append(d.wrote, rec)
	}
}

// asker is a peer and what it knows.
type asker struct {
	knows map[replog.Incarnation]replog.Seq
}

func (a *asker) covers(v []replog.Reach) bool {
	for _, r := range v {
		if a.knows[r.Origin.Incarnation] < r.Seq {
			return false
		}
	}
	return true
}

// take is what a Cursor does.
func (a *asker) take(c Chunk) {
	var in replog.Reader
	for _, rec := range c.Records {
		if in.Reset(rec) == nil && in.Seq == a.knows[c.Writer.Incarnation]+1 {
			a.knows[c.Writer.Incarnation] = in.Seq
		}
	}
}

// TestReader_law: whoever is told from the disk gets all that it lacks, in order, whatever files it is in; where
// something was removed or damaged it gets nothing that was not written, and an end.
func TestReader_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDisk(t)
		enc := replog.NewEncoder()
		log := New(d.fs, testDir)
		a := &asker{knows: map[replog.Incarnation]replog.Seq{}}
		var r Reader
		place := 0 // of d.wrote: what was read
		read := func() (end bool) {
			if r == nil {
				r = log.NewReader(shard, a.covers)
				place = 0
			}
			c, ok, err := r.Next(t.Context())
			if errors.Is(err, ErrNotCovered) {
				r = nil
				return true
			}
			if err != nil || !ok {
				t.Fatalf("%v %v", ok, err)
			}
			for _, rec := range c.Records {
				for place < len(d.wrote) && !bytes.Equal(rec, d.wrote[place]) {
					place++
				}
				if place == len(d.wrote) {
					t.Fatal("a record that was not written, or out of order")
				}
				place++
			}
			a.take(c)
			return c.End && len(c.Records) == 0
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 11).Draw(t, "what") {
			default:
				d.write(rapid.IntRange(1, 3).Draw(t, "shard"), enc)
			case 5:
				d.roll()
			case 6:
				d.fail()
			case 7:
				d.start()
			case 8:
				d.spoil(t)
			case 9:
				r = nil
			case 10, 11:
				read()
			}
		}
		began := r == nil
		for n := 0; !read() && n < 1000; n++ {
		}
		behind := !a.covers(d.vector())
		if behind && !d.spoiled && began && r != nil {
			t.Fatalf("%v of %v", a.knows, d.seq)
		}
	})
}

// spoil removes a segment or damages a byte.
func (d *disk) spoil(t *rapid.T) {
	list, err := d.fs.ReadDir(testDir)
	d.check(err)
	d.spoiled = true
	path := filepath.Join(testDir, rapid.SampledFrom(list).Draw(t, "file").Name())
	data, err := d.fs.ReadFile(path)
	d.check(err)
	if path != d.path() && rapid.Bool().Draw(t, "remove") {
		d.check(d.fs.Remove(path))
		return
	}
	data[rapid.IntRange(0, len(data)-1).Draw(t, "byte")] ^= 0x55
	d.put(path, data)
}

// TestReader_covered: with all segments there, whoever knows what a segment begins with is covered.
func TestReader_covered(t *testing.T) {
	d := newDisk(t)
	enc := replog.NewEncoder()
	log := New(d.fs, testDir)
	for i := range 3 {
		if i > 0 {
			d.roll()
		}
		for range 10 {
			d.write(shard, enc)
		}
	}
	d.start()
	d.write(shard, enc)
	d.roll()
	f := func(knows replog.Seq, now replog.Seq, want int) {
		t.Helper()
		a := &asker{knows: map[replog.Incarnation]replog.Seq{1: knows, 2: now}}
		r, got := log.NewReader(shard, a.covers), 0
		for {
			c, ok, err := r.Next(t.Context())
			if !ok || err != nil {
				t.Fatalf("knows %d: %v %v", knows, ok, err)
			}
			if a.take(c); c.End && len(c.Records) == 0 {
				break
			}
			got += len(c.Records)
		}
		if got != want || a.knows[1] != 30 || a.knows[2] != 1 {
			t.Errorf("knows %d: %d records, want %d; then it knows %v", knows, got, want, a.knows)
		}
	}
	f(0, 0, 31)
	f(5, 0, 31)
	f(9, 0, 31)
	f(10, 0, 21)
	f(25, 0, 11)
	f(30, 0, 11)
	f(30, 1, 0)
	d.check(d.fs.Remove(filepath.Join(testDir, frame.Name(1000, 1, "log"))))
	if _, _, err := log.NewReader(shard, (&asker{}).covers).Next(t.Context()); !errors.Is(err, ErrNotCovered) {
		t.Errorf("the segment that it needs is gone: %v", err)
	}
	if s := log.Stats(); s.Begun != 8 || s.Records != 136 || s.Bytes == 0 {
		t.Errorf("%+v", s)
	}
}

// TestReader_suspect: a shard that lost points tells no vector: nobody may begin there.
func TestReader_suspect(t *testing.T) {
	d := newDisk(t)
	d.check(d.fs.Remove(d.path()))
	d.seg.number += 1000
	d.seg.name = frame.Name(d.seg.number, d.seg.salt, "log")
	st := replog.State{
		Node: "a", Incarnation: d.inc, Layout: series.Day, Shards: []replog.ShardState{{Shard: shard, Excess: 4}},
	}
	d.put(d.path(), frame.Append(frame.AppendHeader(nil, kindLog, d.seg.salt), d.seg.salt, st.Append(nil)))
	_, _, err := New(d.fs, testDir).NewReader(shard, (&asker{}).covers).Next(t.Context())
	if !errors.Is(err, ErrNotCovered) {
		t.Errorf("%v", err)
	}
}

// TestReader_turns: on a disk that hangs no more than so many wait for it, however many begin.
func TestReader_turns(t *testing.T) {
	d := newDisk(t)
	d.roll()
	hang := make(chan struct{})
	var stuck atomic.Int64
	d.fs.Fail(func(op fsxtest.Op, _ string) error {
		if op == fsxtest.Read {
			stuck.Add(1)
			<-hang
		}
		return nil
	})
	log := New(d.fs, testDir)
	var all sync.WaitGroup
	for range 3 * mostReads {
		all.Go(func() {
			r := log.NewReader(shard, (&asker{}).covers)
			if _, ok, err := r.Next(t.Context()); ok || err != nil {
				t.Errorf("%v %v", ok, err)
			}
			r.(*reader).since = time.Now().Add(-2 * hanging)
			if _, _, err := r.Next(t.Context()); !errors.Is(err, ErrHangs) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := stuck.Load(); n == 0 || n > mostReads {
		t.Errorf("%d reads hang", n)
	}
	close(hang)
	for r, ok := log.NewReader(shard, (&asker{}).covers), false; !ok; {
		var err error
		if _, ok, err = r.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReader_disk: a disk that fails is an error, one that hangs holds up nobody.
func TestReader_disk(t *testing.T) {
	d := newDisk(t)
	d.roll()
	covers := (&asker{}).covers
	d.fs.Fail(func(op fsxtest.Op, _ string) error {
		if op == fsxtest.Read {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if _, ok, err := New(d.fs, testDir).NewReader(shard, covers).Next(t.Context()); ok || err == nil {
		t.Errorf("a disk that fails: %v %v", ok, err)
	}
	hang := make(chan struct{})
	d.fs.Fail(func(op fsxtest.Op, _ string) error {
		if op == fsxtest.Read {
			<-hang
		}
		return nil
	})
	r := New(d.fs, testDir).NewReader(shard, covers)
	if _, ok, err := r.Next(t.Context()); ok || err != nil {
		t.Errorf("a disk that hangs: %v %v", ok, err)
	}
	r.(*reader).since = time.Now().Add(-2 * hanging)
	if _, _, err := r.Next(t.Context()); !errors.Is(err, ErrHangs) {
		t.Errorf("a disk that goes on hanging: %v", err)
	}
	close(hang)
	for ok := false; !ok; {
		var err error
		if _, ok, err = r.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
