//go:build linux

package durable

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-db/dunlin/test/plain"
)

// redisServer gives the peer of the comparison.
func redisServer(t *testing.T) string {
	t.Helper()
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	if _, err := exec.LookPath(name); err != nil {
		missing(t, "%v", err)
	}
	return name
}

// TestIncident_RestartLoses97PercentOfChunks: a sorted set of a real Redis got the same commands; after restarts both
// have as many members, and the same ones.
func TestIncident_RestartLoses97PercentOfChunks(t *testing.T) {
	t.Parallel()
	port := freePort()
	redis := &node{t: t, addr: fmt.Sprintf("127.0.0.1:%d", port), gone: make(chan struct{}), out: &output{}}
	redis.cmd = exec.Command(redisServer(t), "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "",
		"--dir", t.TempDir())
	if err := redis.run(); err != nil {
		t.Fatal(err)
	}
	s := setup{dir: tempDir(t), flags: real.rowFlags()}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{redis, n} {
		if err := n.answering(); err != nil {
			t.Fatal(err)
		}
	}
	commands := daysOfSeries()
	for round := range 3 {
		for part := range slices.Chunk(commands[round*len(commands)/3:(round+1)*len(commands)/3], 200) {
			for _, n := range []*node{redis, n} {
				if err := pipeAll(n.addr, part); err != nil {
					t.Fatal(err)
				}
			}
		}
		n.kill()
		if n, err = start(t, s); err != nil {
			t.Fatal(err)
		}
		if err := n.loaded(); err != nil {
			t.Fatal(err)
		}
		same(t, redis.addr, n.addr)
	}
}

// daysOfSeries makes commands for some series of thousands of points, hundreds of chunks, in and out of order.
func daysOfSeries() (commands [][]string) {
	rng := rand.New(rand.NewPCG(20, 5))
	for series := range 5 {
		command := []string{"ZADD", fmt.Sprintf("%s:web%d:cpu", periodBefore(1), series)}
		order := rng.Perm(8640)
		if series < 3 {
			slices.Sort(order)
		}
		for _, tick := range order {
			ts := seconds(midnight(1) + int64(tick)*10_000)
			command = append(command, ts, fmt.Sprintf("%s:%d.%0*d", ts, rng.IntN(100), 1+series, rng.IntN(10)))
			if len(command) > 60 {
				commands, command = append(commands, command), command[:2:2]
			}
		}
	}
	rng.Shuffle(len(commands), func(i, j int) {
		if abs(i-j) < 20 {
			commands[i], commands[j] = commands[j], commands[i]
		}
	})
	return commands
}

func abs(n int) int { return max(n, -n) }

func pipeAll(addr string, commands [][]string) error {
	c, err := plain.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	replies, err := c.Pipe(commands)
	if err != nil {
		return err
	}
	for i, r := range replies {
		if !isInteger(r) {
			return fmt.Errorf("%.100q answers %v", commands[i], r)
		}
	}
	return nil
}

// same compares two servers, and the node's halves with its whole.
func same(t *testing.T, redis, node string) {
	t.Helper()
	want, err := dump(redis)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dump(node)
	if err != nil {
		t.Fatal(err)
	}
	for key, set := range want {
		if len(got[key]) != len(set) {
			t.Errorf("%s has %d members, in Redis %d", key, len(got[key]), len(set))
		}
		for m := range set {
			if !got[key][m] {
				t.Fatalf("%s lacks %s", key, m)
			}
		}
		noon := strconv.FormatInt(midnight(1)/1000+43_200, 10)
		for _, span := range [][2]string{{"-inf", "(" + noon}, {noon, "+inf"}} {
			a, errA := plain.Ask(redis, "ZRANGEBYSCORE", key, span[0], span[1])
			b, errB := plain.Ask(node, "ZRANGEBYSCORE", key, span[0], span[1])
			if errA != nil || errB != nil || fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%s from %s to %s differs (%v, %v)", key, span[0], span[1], errA, errB)
			}
		}
	}
}

// TestIncident_CrashOnLoadOwnFile: whatever a client can store, the node can load.
func TestIncident_CrashOnLoadOwnFile(t *testing.T) {
	t.Parallel()
	b := newBook()
	var commands [][]string
	add := func(series string, ms int64, value string) {
		p := point{periodBefore(1), series, seconds(ms), value}
		b.try([]point{p})
		commands = append(commands, zadd(p))
	}
	long, at := strings.Repeat("h", 253), midnight(1)
	for i, v := range []string{
		"0", "-0", "0.0", "00", "1e308", "-1e-308", "nan", "NaN", "inf", "-inf", "+1", ".5", "5.", "1.50", "1.5",
		"9223372036854775807", "-9223372036854775808", "99999999999999999999", "0.000000000000000001",
		"3.141592653589793", "stale", " ", "é", "a:b:c", strings.Repeat("x", 128), "1,5", "0x1p-2", "١",
	} {
		add("one:value"+strconv.Itoa(i), at, v) // a key of one point
		add("all:values", at, v)                // all at one time
		add("in:turn", at+int64(i), v)
		add(long+":"+strings.Repeat("m", 500), at+int64(i)*1000, v)
		add("%3A%3A1:labels{a=\"b:c\",d=\"é\"}", at+86_399_999-int64(i), v)
	}
	for i := range 3000 {
		add("back:wards", at+int64(3000-i)*1000, strconv.Itoa(i))
		add("same:value", at+int64(i), "1")
	}
	s := setup{dir: tempDir(t), flags: real.rowFlags()}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.answering(); err != nil {
		t.Fatal(err)
	}
	if err := pipeAll(n.addr, commands); err != nil {
		t.Fatal(err)
	}
	if _, err := n.check(b, promise{}); err != nil { // from here on all of it is acknowledged
		t.Fatal(err)
	}
	for i := range 4 {
		if i%2 == 0 {
			n.kill()
		} else if err := n.term(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		if n, _, err = n.restart(b, promise{}); err != nil {
			t.Fatal(err)
		}
	}
	n.kill() // or it removes files while they are read
	if said, found, err := verify(s.dir); err != nil || found {
		t.Errorf("verify: %v %s", err, said)
	}
}

// TestIncident_OutOfOrderLostAtRestart: points in no order at all are all there after every kind of restart.
func TestIncident_OutOfOrderLostAtRestart(t *testing.T) {
	t.Parallel()
	b := newBook()
	rng := rand.New(rand.NewPCG(seed(t), 6))
	var commands [][]string
	for _, i := range rng.Perm(20_000) {
		p := point{periodBefore(i % 3 % 2), fmt.Sprintf("h%d:m", i%7), seconds(midnight(i%3%2) + int64(i)), strconv.Itoa(i)}
		b.try([]point{p})
		commands = append(commands, zadd(p))
	}
	s := setup{dir: tempDir(t), flags: real.rowFlags()}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(commands, 5000) {
		if err := n.answering(); err != nil {
			t.Fatal(err)
		}
		if err := pipeAll(n.addr, part); err != nil {
			t.Fatal(err)
		}
		if _, err := n.check(b, promise{}); err != nil {
			t.Fatal(err)
		}
		n.kill()
		if n, _, err = n.restart(b, promise{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.count(); got != len(commands) {
		t.Errorf("%d points are there, want %d", got, len(commands))
	}
}

// TestIncident_ReplayOOMLoop: a start needs hardly more memory than running does.
func TestIncident_ReplayOOMLoop(t *testing.T) {
	t.Parallel()
	s := setup{dir: tempDir(t)} // without checkpoints on the way: all is replayed
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.answering(); err != nil {
		t.Fatal(err)
	}
	c, err := plain.Dial(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rng := rand.New(rand.NewPCG(7, 7))
	points := times(1_000_000, 10_000_000)
	for tick := int64(0); points > 0; tick++ {
		var commands [][]string
		for host := range 50 {
			command := []string{"DN.MADD", seconds(midnight(1) + tick*100)}
			for m := range 20 {
				command = append(command, fmt.Sprintf("h%d:m%d", host, m), fmt.Sprintf("%d.%02d", rng.IntN(100), rng.IntN(100)))
				points--
			}
			commands = append(commands, command)
		}
		if _, err := c.Pipe(commands); err != nil {
			t.Fatal(err)
		}
	}
	steady := n.memory(t, "VmRSS")
	n.kill()
	again, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.loaded(); err != nil {
		t.Fatal(err)
	}
	peak := again.memory(t, "VmHWM")
	t.Logf("before: %d KiB; peak of the start: %d KiB", steady, peak)
	if peak > steady*11/10+16<<10 {
		t.Errorf("the start took %d KiB, running took %d KiB", peak, steady)
	}
}

// memory reads a field of /proc/PID/status, in KiB.
func (n *node) memory(t *testing.T, field string) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib
		}
	}
	t.Fatalf("no %s", field)
	return 0
}

// TestIncident_ExpiredDataFillsDiskAtBoot: what is older than the floor goes before anything is written, so a node
// starts on a disk that it fills, and heals there by itself.
func TestIncident_ExpiredDataFillsDiskAtBoot(t *testing.T) {
	t.Parallel()
	f := theFixture(t)
	d, err := newTmpfs(t, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(d.dir(), os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	expired := filepath.Join(d.dir(), "periods", periodBefore(30))
	if err := os.CopyFS(expired, os.DirFS(filepath.Join(f.dir, "periods", periodBefore(1)))); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(expired, "1-00000099-0123456789abcdef.chunks")
	if err := os.WriteFile(large, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.fill(0); err != nil {
		t.Fatal(err)
	}
	b := f.book.clone()
	n, err := start(t, setup{dir: d.dir(), flags: real.rowFlags()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.check(b, promise{}); err != nil {
		t.Fatal(err)
	}
	err = n.await(10*time.Second, "the expired period to go", func() error {
		if _, err := os.Stat(expired); err == nil {
			return fmt.Errorf("%s is still there", expired)
		}
		return n.says("durability", "ok")
	})
	if err != nil {
		t.Fatal(err)
	}
	l := newLoad(b, 14, time.Millisecond)
	if _, err := heals(n, l, func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestIncident_FullDiskCorruptsWalForGood: killed and started on a full disk several times, a node is whole again as
// soon as there is space, without a hand on its files.
func TestIncident_FullDiskCorruptsWalForGood(t *testing.T) {
	t.Parallel()
	d, err := newTmpfs(t, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	l := newLoad(newBook(), seed(t), time.Millisecond)
	f := filling{target: real, level: 30, count: &tally{}}
	n, err := start(t, setup{dir: d.dir(), flags: real.rowFlags()})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.answering(); err != nil {
		t.Fatal(err)
	}
	if err := l.during(300*time.Millisecond, n.addr); err != nil {
		t.Fatal(err)
	}
	if err := d.fill(64 << 10); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		lastOK, err := f.untilDegraded(n, l, d)
		if err != nil {
			t.Fatal(err)
		}
		n.kill()
		if n, _, err = n.restart(l.book, promise{until: lastOK}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := heals(n, l, d.free); err != nil {
		t.Error(err)
	}
}

// TestIncident_ChunkFilesOutOfSequence: any subset of the files loads; what one subset lacks, the others have.
func TestIncident_ChunkFilesOutOfSequence(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	rng := rand.New(rand.NewPCG(seed(t), 8))
	for i := range times(3, 20) {
		draw := rng.Uint64()
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			found := map[string]map[string]bool{}
			for side := range 2 {
				f := whole.copied(t)
				rng := rand.New(rand.NewPCG(draw, 1))
				for _, file := range slices.Concat(f.find(".log"), f.find(".chunks"), f.find(".open")) {
					if rng.IntN(2) == side {
						if err := os.Remove(file); err != nil {
							t.Fatal(err)
						}
					}
				}
				for key, set := range f.loads(t) {
					if found[key] == nil {
						found[key] = map[string]bool{}
					}
					for m := range set {
						found[key][m] = true
					}
				}
			}
			if err := whole.book.clone().compare(found, promise{}).err(); err != nil {
				t.Errorf("two halves of the files together: %v", err)
			}
		})
	}
}

// loads gives all that a node makes of a directory.
func (f *fixture) loads(t *testing.T) map[string]map[string]bool {
	t.Helper()
	n, err := start(t, setup{dir: f.dir, flags: real.rowFlags()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.kill()
	if err := n.loaded(); err != nil {
		t.Fatal(err)
	}
	d, err := dump(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestIncident_SwappedAndDoubledFiles: copies under new names cost nothing; contents under each other's names cost
// little, and verify tells.
func TestIncident_SwappedAndDoubledFiles(t *testing.T) {
	t.Parallel()
	whole := theFixture(t)
	for _, kind := range kinds {
		t.Run("swapped "+kind, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			list := f.find(kind)
			if len(list) < 2 {
				t.Skipf("NOT TESTED: %d files %s", len(list), kind)
			}
			a, b := list[0], list[len(list)-1]
			for _, move := range [][2]string{{a, a + ".swap"}, {b, a}, {a + ".swap", b}} {
				if err := os.Rename(move[0], move[1]); err != nil {
					t.Fatal(err)
				}
			}
			// What a name says of a file's place is wrong now, so some of it may be overlooked; not without a word.
			f.survives(t, damaged{most: f.book.count() / 4, file: filepath.Base(list[0])})
		})
		t.Run("doubled "+kind, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			for i, file := range f.find(kind) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				// The number in the name is what a start orders files by; the rest stays.
				prefix, rest := "", filepath.Base(file)
				if kind != ".log" {
					prefix, rest, _ = strings.Cut(rest, "-")
					prefix += "-"
				}
				_, rest, _ = strings.Cut(rest, "-")
				name := fmt.Sprintf("%s%08d-%s", prefix, 500+i, rest)
				if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f.survivesQuietly(t, 0)
		})
	}
}

// TestIncident_PartiallyDeletedDayBlocksStart: killed at each step of dropping a period, the node starts, and what
// was dropped stays dropped.
func TestIncident_PartiallyDeletedDayBlocksStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	whole := theFixture(t)
	for nth := range times(6, 40) {
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			s := setup{dir: f.dir, flags: real.rowFlags()}
			watched := s
			watched.watch = true
			n, err := start(t, watched)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.loaded(); err != nil {
				t.Fatal(err)
			}
			n.watch.set(func(c call) verdict { return verdict{kill: c.all == nth+1} })
			reply, err := plain.Ask(n.addr, "DN.DROP", periodBefore(1))
			dropped := err == nil
			n.ended(300 * time.Millisecond)
			n.kill()
			if n, err = start(t, s); err != nil {
				t.Fatal(err)
			}
			if err := n.loaded(); err != nil {
				t.Fatal(err)
			}
			d, err := dump(n.addr)
			if err != nil {
				t.Fatal(err)
			}
			old := 0
			for key := range d {
				if key[:10] <= periodBefore(1) {
					old++
				}
			}
			if dropped && old > 0 {
				t.Errorf("DN.DROP answered %v, and %d keys of what it dropped are back", reply, old)
			}
			if old == 0 {
				f.book.drop(periodBefore(1))
			}
			if err := f.book.compare(d, promise{}).err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// drop takes out a period and what is older.
func (b *book) drop(period string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.keys {
		if key[:len(period)] <= period {
			delete(b.keys, key)
		}
	}
}

// TestIncident_FsyncLazyLosesAcked: with always, a power loss right after a reply costs nothing.
func TestIncident_FsyncLazyLosesAcked(t *testing.T) {
	t.Parallel()
	needRoot(t)
	p := powerLoss{target: real, fsync: "always", seed: seed(t), count: &tally{}}
	if err := p.run(t, 2); err != nil {
		t.Error(err)
	}
}

// TestIncident_UnreadableAtStart: what can not be opened while a node starts is not forgotten by what it does
// afterwards: when it starts again, and can read, everything is there.
func TestIncident_UnreadableAtStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	whole := theFixture(t)
	for _, what := range []string{"everything", "log", "periods", "checkpoint", ".log", ".open", ".chunks", "floor"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := whole.copied(t)
			s := setup{dir: f.dir, flags: real.rowFlags()}
			watched := s
			watched.watch, watched.rule = true, func(c call) verdict {
				if c.name == "openat" && !c.open && (what == "everything" || c.kind() == what) {
					return verdict{errno: unix.EIO}
				}
				return verdict{}
			}
			n, err := start(t, watched)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.answering(); err != nil {
				t.Fatal(err)
			}
			l := newLoad(f.book, 15, time.Millisecond)
			if err := l.during(300*time.Millisecond, n.addr); err != nil {
				t.Fatal(err)
			}
			n.watch.set(nil)
			if err := l.during(700*time.Millisecond, n.addr); err != nil { // some checkpoints
				t.Fatal(err)
			}
			n.kill()
			n.setup = s
			again, _, err := n.restart(f.book, promise{})
			if err != nil {
				t.Fatalf("%v\n%v", err, files(f.dir))
			}
			again.kill()
		})
	}
}

// TestIncident_StartWithoutDisk: a node whose disk answers nothing but errors starts, takes writes, says that it is
// degraded, and has all of them on the disk when that works again.
func TestIncident_StartWithoutDisk(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := setup{dir: tempDir(t), watch: true, flags: real.rowFlags(), rule: func(c call) verdict {
		return verdict{errno: unix.EIO}
	}}
	n, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.loaded(); err != nil {
		t.Fatal(err)
	}
	l := newLoad(newBook(), seed(t), time.Millisecond)
	stop := l.background(n.addr)
	err = n.await(10*time.Second, "durability:degraded", func() error { return n.says("durability", "degraded") })
	if err == nil {
		err = degradedAndWriting(n, l)
	}
	if stopped := stop(); err != nil || stopped != nil {
		t.Fatal(err, stopped)
	}
	n.setup.rule = nil // the next start finds the disk as it is to be
	if _, err := heals(n, l, func() error { n.watch.set(nil); return nil }); err != nil {
		t.Error(err)
	}
}
