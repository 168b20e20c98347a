package peering

import (
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/archive"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/fsx/fsxtest"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// logged is a side with a log on a disk, and little of it in memory.
type logged struct {
	*side
	fs   *fsxtest.FS
	wal  *wal.Log
	salt uint64
	now  *time.Duration
}

func newLogged(tb testing.TB, node string) *logged {
	tb.Helper()
	now := time.Hour
	l := &logged{fs: fsxtest.New(), now: &now}
	g, rec, bell := grid.New("c"), replog.NewRecorder(), &replica.Bell{}
	clock := func() time.Time { return noon }
	origin := replog.Origin{Node: node, Shard: 1, Incarnation: replog.NewIncarnation()}
	head := replog.State{Node: node, Incarnation: origin.Incarnation, Layout: series.Day}
	l.wal = wal.New(wal.Config{
		FS: l.fs, Dir: "/log", First: 1, Salt: func() uint64 { l.salt++; return l.salt },
	}, [][]byte{head.Append(nil)})
	st := engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: node, Clock: clock, Recorder: rec, Shard: 1, Grid: g,
	})
	sh, err := shard.New(tb.Context(), shard.Config{
		Origin: origin, Layout: series.Day, Store: st, Clock: clock, Recorder: rec, Tail: 2 << 10, Grid: g, Bell: bell,
		Log: l.wal, Mono: func() time.Duration { return *l.now },
	})
	if err != nil {
		tb.Fatal(err)
	}
	l.side = &side{sh, st, &Feed{
		Self:   Hello{Version: Version, Cluster: "c", Node: node, Incarnation: origin.Incarnation},
		Shards: []*shard.Shard{sh}, Bell: bell, Clock: clock, Disk: archive.New(l.fs, "/log"),
	}}
	l.roll(tb)
	return l
}

// roll begins a segment, as a checkpoint does.
func (l *logged) roll(tb testing.TB) {
	tx := l.sh.Begin()
	st := replog.State{
		Node: l.sh.Origin().Node, Incarnation: l.sh.Origin().Incarnation, Layout: series.Day,
		Shards: []replog.ShardState{tx.State()},
	}
	l.wal.Roll([][]byte{st.Append(nil)})
	tx.NewEpoch()
	tx.End()
	if err := l.wal.Sync(); err != nil {
		tb.Fatal(err)
	}
}

// TestSession_fromDisk: a peer that lacks more than is in memory gets it from the disk, each entry once, or is told of
// a gap, whatever is removed or damaged there meanwhile, and however often the connection breaks.
func TestSession_fromDisk(t *testing.T) {
	records := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		a, b := newLogged(t, "a"), newSide(t, "b")
		defer func() { records += a.feed.Disk.(*archive.Log).Stats().Records }()
		a.write(t, 1, noon, "first")
		s, f := a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
		round(t, s, f) // it knows something
		spoiled, at := false, 0
		pull := func() (Answered, bool) {
			req := f.Request(nil, nil, rapid.IntRange(100, 5000).Draw(r, "most"))
			ans, err := s.Pull(t.Context(), req, nil, false)
			if err != nil {
				r.Fatal(err)
			}
			got, err := f.Apply(ans)
			if err != nil || got.Useful != got.Entries {
				r.Fatalf("%+v %v", got, err)
			}
			return got, f.lanes[0].state == statusGap
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			default:
				at++
				a.write(t, rapid.IntRange(1, 60).Draw(r, "series"), noon.Add(-time.Duration(at)*time.Second), "1.5")
				if err := a.wal.Sync(); err != nil {
					t.Fatal(err)
				}
			case 5:
				a.roll(t)
			case 6:
				pull()
			case 7:
				s, f = a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
			case 8:
				if rapid.IntRange(0, 3).Draw(r, "spoil") == 0 {
					spoiled = true
					a.spoil(t, r)
				}
			}
		}
		for n := 0; ; n++ {
			got, gap := pull()
			if gap {
				if !spoiled {
					r.Fatal("told of a gap, and all of it is there")
				}
				return
			}
			if got.Drained {
				break
			}
			if n > 1000 {
				r.Fatal("it goes on for ever")
			}
		}
		if a.points(t) != b.points(t) {
			r.Fatalf("told of no gap: %d points of %d", b.points(t), a.points(t))
		}
	})
	if records == 0 {
		t.Error("the disk was never read")
	}
}

// spoil removes the oldest segment, or damages a byte of the log.
func (l *logged) spoil(tb testing.TB, r *rapid.T) {
	list, err := l.fs.ReadDir("/log")
	if err != nil || len(list) < 2 {
		return
	}
	at := rapid.IntRange(0, len(list)-2).Draw(r, "segment")
	path := filepath.Join("/log", list[at].Name())
	if rapid.Bool().Draw(r, "remove") {
		err = l.fs.Remove(path)
	} else {
		var data []byte
		if data, err = l.fs.ReadFile(path); err == nil {
			data[rapid.IntRange(0, len(data)-1).Draw(r, "byte")] ^= 0xff
			f, _ := l.fs.Create(path)
			_, err = f.Write(data)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestSession_fromDisk_third: entries of a node that the peer follows itself are read from the disk for it only when it
// gets no further by itself.
func TestSession_fromDisk_third(t *testing.T) {
	a, b, c := newLogged(t, "a"), newSide(t, "b"), newSide(t, "c")
	now := time.Hour
	a.now = &now
	a.write(t, 1, noon, "first")
	toB, fromB := a.feed.NewSession(), NewFollower("a", a.feed.Self.Incarnation, b.feed.Shards)
	round(t, toB, fromB)
	ofC := NewFollower("c", c.feed.Self.Incarnation, a.feed.Shards)
	for i := range 60 {
		c.write(t, 20, noon.Add(-time.Duration(i)*time.Second), "1.5")
	}
	round(t, c.feed.NewSession(), ofC)
	if err := a.wal.Sync(); err != nil {
		t.Fatal(err)
	}
	pull := func() Answered {
		t.Helper()
		ans, err := toB.Pull(t.Context(), fromB.Request(nil, []string{"a", "c"}, mostAnswer), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fromB.Apply(ans)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := pull(); got.Entries != 0 || !got.Drained {
		t.Errorf("what it gets elsewhere: %+v", got)
	}
	now += replica.Patience + time.Second
	for got := pull(); !got.Drained; got = pull() {
		if got.Useful != got.Entries {
			t.Errorf("%+v", got)
		}
	}
	if b.points(t) != a.points(t) {
		t.Errorf("%d points of %d", b.points(t), a.points(t))
	}
}
