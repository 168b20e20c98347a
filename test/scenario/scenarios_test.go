package scenario

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// converge is how long equal nodes may take, on a loaded machine.
const converge = 30 * time.Second

// TestScenarios runs the suite once per kind of store.
func TestScenarios(t *testing.T) {
	for _, store := range []string{"engine", "redis", "mixed"} {
		t.Run(store, func(t *testing.T) {
			f := startFlock(t, store)
			for _, s := range []struct {
				name string
				run  func(*testing.T, *flock)
			}{
				{"write", scenarioWrite},
				{"late_point", scenarioLatePoint},
				{"equal_timestamps", scenarioEqualTimestamps},
				{"concurrent_writes", scenarioConcurrentWrites},
				{"cut_and_heal", scenarioCutAndHeal},
				{"lost_memory", scenarioLostMemory},
				{"drop_period", scenarioDropPeriod},
				{"bare_and_seed_writers", scenarioBareAndSeedWriters},
				{"strays", scenarioStrays},
				{"check", scenarioCheck},
				{"page", scenarioPage},
				{"final_state", scenarioFinalState},
			} {
				if !t.Run(s.name, func(t *testing.T) {
					f.t = t
					s.run(t, f)
				}) {
					break
				}
			}
			f.t = t
		})
	}
}

// scenarioWrite: a point written on one node is readable there at once and on the others within two seconds.
func scenarioWrite(t *testing.T, f *flock) {
	var took []time.Duration
	for i := range 5 {
		p := point{fmt.Sprintf("web%d", i), "cpu.user", time.Now().Unix(), fmt.Sprintf("%d.50", i)}
		start := time.Now()
		if err := f.write(i%3, p); err != nil {
			t.Fatal(err)
		}
		if got, err := f.ask(i%3, "ZRANGE", p.key(), "0", "-1"); err != nil || !slices.Equal(got, []string{p.member()}) {
			t.Fatalf("on the node that took it: %q, %v", got, err)
		}
		for node := range names {
			f.await(converge, "the point on "+names[node], func() error { return f.has(node, p) })
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("on all nodes after %v", took)
	if took[len(took)/2] > 2*time.Second {
		t.Errorf("points took %v to reach all nodes, want 2 s", took)
	}
}

func (f *flock) has(node int, p point) error {
	got, err := f.ask(node, "ZSCORE", p.key(), p.member())
	if err != nil {
		return err
	}
	if len(got) != 1 || got[0] != fmt.Sprint(p.ts) {
		return fmt.Errorf("score %q", got)
	}
	return nil
}

// scenarioLatePoint: points far below a key's newest arrive everywhere, also on another node than the newest.
func scenarioLatePoint(t *testing.T, f *flock) {
	now := time.Now().Unix()
	for i := range 3 {
		host := fmt.Sprintf("late%d", i)
		if err := f.write(i, point{host, "load", now, "1"}); err != nil {
			t.Fatal(err)
		}
	}
	f.settle("the newest points")
	for i := range 3 {
		host := fmt.Sprintf("late%d", i)
		for _, behind := range []int64{90, 3700, 4 * 3600} {
			if err := f.write((i+1)%3, point{host, "load", now - behind, fmt.Sprintf("0.%d", behind)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.settle("the late points")
}

// settle waits until all nodes are equal and hold what the book says.
func (f *flock) settle(what string) {
	f.t.Helper()
	f.await(converge, what+" on all nodes", f.equal)
}

// scenarioEqualTimestamps: two values for one instant are two members, on every node.
func scenarioEqualTimestamps(t *testing.T, f *flock) {
	now := time.Now().Unix()
	values := []string{"1.5", "1.50", "NaN", "9.74:8.55:5.02", "-0", "1e-05", "stale"}
	for i, v := range values {
		if err := f.write(i%3, point{"twin", "temp", now, v}); err != nil {
			t.Fatal(err)
		}
	}
	f.settle("the equal timestamps")
	key := point{host: "twin", metric: "temp", ts: now}.key()
	for node := range names {
		if got, err := f.ask(node, "ZCARD", key); err != nil || got[0] != fmt.Sprint(len(values)) {
			t.Errorf("%s: ZCARD %v, %v, want %d", names[node], got, err, len(values))
		}
	}
}

// scenarioConcurrentWrites: writers on all nodes at once, partly to the same keys and instants.
func scenarioConcurrentWrites(t *testing.T, f *flock) {
	f.storm(t, 0, 1, 2)
	f.settle("the concurrent writes")
}

// storm writes 40 hosts × 3 metrics × 20 instants on each of the nodes at once.
func (f *flock) storm(t *testing.T, nodes ...int) {
	t.Helper()
	now := time.Now().Unix()
	var wg sync.WaitGroup
	errs := make([]error, len(names))
	for _, node := range nodes {
		wg.Add(1)
		go f.runStorm(&wg, now, node, &errs[node])
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (f *flock) runStorm(wg *sync.WaitGroup, now int64, node int, err *error) {
	defer wg.Done()
	for tick := range int64(20) {
		var batch []point
		for host := range 40 {
			for _, metric := range []string{"cpu", "mem", "net"} {
				batch = append(batch, point{
					fmt.Sprintf("storm%d", host), metric, now - 20 + tick, fmt.Sprintf("%d.%d", node, tick),
				})
			}
		}
		*err = errors.Join(*err, f.write(node, batch...))
	}
}

// scenarioCutAndHeal: a node that is cut off takes writes and answers; healed, all are equal and nothing is lost.
func scenarioCutAndHeal(t *testing.T, f *flock) {
	f.control("cut", "nyc1")
	f.storm(t, 0, 1, 2)
	lonely := point{"island", "temp", time.Now().Unix(), "20.5"}
	if err := f.write(2, lonely); err != nil {
		t.Fatal(err)
	}
	if err := f.has(2, lonely); err != nil {
		t.Fatalf("the node that is cut off does not answer its own point: %v", err)
	}
	for i := range int64(5) { // the whole line carries five points in turn, in which time the cut one carries none
		p := point{"mainland", "temp", time.Now().Unix(), fmt.Sprintf("1%d.5", i)}
		if err := f.write(0, p); err != nil {
			t.Fatal(err)
		}
		f.await(converge, "the point on the other node of the site", func() error { return f.has(1, p) })
		if f.has(2, p) == nil || f.has(0, lonely) == nil {
			t.Fatal("the cut does not cut")
		}
	}
	if out, equal := f.check("--wait", "0s"); equal {
		t.Errorf("dunlin check calls a divided flock equal:\n%s", out)
	}
	f.control("heal", "nyc1")
	f.settle("all points after the cut")
}

// scenarioLostMemory: a node is killed with everything it held while all nodes take writes; it comes back complete.
func scenarioLostMemory(t *testing.T, f *flock) {
	const victim = 1
	now := time.Now().Unix()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for node := range names {
		wg.Add(1)
		go f.runTrickle(&wg, stop, node, now)
	}
	f.awaitAcks(t, 400) // about 3 s: some of it must survive the victim
	before := f.pid(t, victim)
	f.control("kill", names[victim])
	f.book.killed(victim, time.Now())
	f.await(converge, "the killed node to be another process", func() error {
		if pid := f.pid(t, victim); pid == before || pid == "0" {
			return fmt.Errorf("pid %s", pid)
		}
		_, err := f.ask(victim, "PING")
		return err
	})
	f.awaitAcks(t, 60)
	close(stop)
	wg.Wait()
	f.settle("everything after a node lost its memory")
}

// awaitAcks waits for n more acknowledged points.
func (f *flock) awaitAcks(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		f.book.mu.Lock()
		defer f.book.mu.Unlock()
		return len(f.book.acks)
	}
	want := count() + n
	f.await(converge, "more acknowledged points", func() error {
		if have := count(); have < want {
			return fmt.Errorf("%d of %d", have, want)
		}
		return nil
	})
}

// runTrickle writes a point every 20 ms until it is stopped. Errors are expected: the node may be dead.
func (f *flock) runTrickle(wg *sync.WaitGroup, stop <-chan struct{}, node int, start int64) {
	defer wg.Done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			p := point{fmt.Sprintf("trickle%d", i%7), "n", start + int64(i/50), fmt.Sprintf("%d.%03d", node, i)}
			_ = f.write(node, p)
		}
	}
}

// pid is the process of a node as the demo tells it.
func (f *flock) pid(t *testing.T, node int) string {
	t.Helper()
	out, err := exec.Command(binary, "demo", "status", "--dir", f.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("dunlin demo status: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 3 && words[0] == names[node] {
			return words[3]
		}
	}
	t.Fatalf("no %s in\n%s", names[node], out)
	return ""
}

// scenarioDropPeriod: a dropped period is gone on every node, stays gone, and takes no more points.
func scenarioDropPeriod(t *testing.T, f *flock) {
	old := time.Now().Add(-48 * time.Hour).Unix()
	p := point{"relic", "cpu", old, "1"}
	period, _, _ := strings.Cut(p.key(), ":")
	var batch []point
	for i := range int64(50) {
		batch = append(batch, point{fmt.Sprintf("relic%d", i%5), "cpu", old - old%86400 + i*60, fmt.Sprint(i)})
	}
	if err := f.write(0, append(batch, p)...); err != nil {
		t.Fatal(err)
	}
	f.settle("the old points")
	f.book.dropped(period)
	if _, err := f.ask(0, "DN.DROP", time.Now().UTC().Format(time.DateOnly)); err == nil {
		t.Error("the current period was dropped")
	}
	for node := range names {
		if _, err := f.ask(node, "DN.DROP", period); err != nil {
			t.Fatalf("DN.DROP on %s: %v", names[node], err)
		}
	}
	for node := range names {
		replies, err := f.do(f.ports.resp+node, p.zadd())
		if err == nil {
			err = replies[0].Error()
		}
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s takes a point of a dropped period: %v", names[node], err)
		}
	}
	marker := point{"marker", "after.drop", time.Now().Unix(), "1"}
	if err := f.write(0, marker); err != nil {
		t.Fatal(err)
	}
	f.settle("a point after the drop")
	for node := range names {
		keys, err := f.keys(node)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(keys, func(k string) bool { return strings.HasPrefix(k, period) }); i >= 0 {
			t.Errorf("%s still has %s", names[node], keys[i])
		}
	}
}

// scenarioBareAndSeedWriters: writers that know nothing of Dunlin write straight to the Redis processes: bare ZADDs,
// and the pairs of 2012 (the data, then the key with the time in seconds to the journal).
func scenarioBareAndSeedWriters(t *testing.T, f *flock) {
	now := time.Now().Unix()
	wrote := false
	for node := range names {
		for s, port := range f.redisPorts(node) {
			wrote = true
			f.writeAround(t, node, port, f.hostsOf(t, s+1)[node])
		}
	}
	if !wrote {
		// On the engine the front door takes the same pairs; its journal is its own.
		p := point{"seed-front", "cpu", now, "1"}
		pair := func(p point) [][]string { return [][]string{p.zadd(), {"ZADD", "journal", fmt.Sprint(now), p.key()}} }
		if err := f.writeTo(f.ports.resp, 0, []point{p}, pair); err != nil {
			t.Fatal(err)
		}
	}
	f.settle("what went around the nodes")
}

// writeAround writes to one Redis process as other programs do: bare, in pairs, and late ones of both.
func (f *flock) writeAround(t *testing.T, node, port int, host string) {
	t.Helper()
	now := time.Now().Unix()
	bare := func(p point) [][]string { return [][]string{p.zadd()} }
	pair := func(p point) [][]string { return [][]string{p.zadd(), {"ZADD", "journal", fmt.Sprint(now), p.key()}} }
	for i, commands := range []func(point) [][]string{bare, pair} {
		cpu, mem := fmt.Sprintf("cpu%d", i), fmt.Sprintf("mem%d", i)
		points := []point{
			{host, cpu, now, "1"}, {host, cpu, now - 1, "2"}, {host, cpu, now - 200, "late"}, {host, mem, now, "0.5"},
		}
		if err := f.writeTo(port, node, points, commands); err != nil {
			t.Fatal(err)
		}
	}
}

// hostsOf gives hosts that the ring places on a shard, one per node: writers of 2012 know the ring too.
func (f *flock) hostsOf(t *testing.T, shard int) []string {
	t.Helper()
	if f.hosts == nil {
		args := []string{"ring", "where", "--topology", filepath.Join(f.dir, "topology.yaml")}
		for i := range 300 {
			args = append(args, point{host: fmt.Sprintf("around%d", i), metric: "cpu", ts: time.Now().Unix()}.key())
		}
		out, err := exec.Command(binary, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("dunlin ring where: %v\n%s", err, out)
		}
		f.hosts = map[string][]string{}
		for line := range strings.Lines(string(out)) {
			if cols := strings.Split(line, "\t"); len(cols) == 5 {
				host := strings.Split(cols[0], ":")[1]
				f.hosts[cols[2]] = append(f.hosts[cols[2]], host)
			}
		}
	}
	hosts := f.hosts[fmt.Sprint(shard)]
	if len(hosts) < len(names) {
		t.Fatalf("the ring places only %q of 300 hosts on shard %d", hosts, shard)
	}
	return hosts
}

// scenarioStrays: a writer with the wrong idea of the ring sends points to a shard that is not theirs; database 0 finds
// them all the same, on every node.
func scenarioStrays(t *testing.T, f *flock) {
	now := time.Now().Unix()
	zadd := func(p point) [][]string { return [][]string{p.zadd()} }
	for node := range names {
		wrong := node + 1
		p := point{f.hostsOf(t, wrong+1)[node], "stray", now, fmt.Sprintf("%d.5", node)}
		f.strayBySelect(t, node, wrong, p)
		want := []point{p}
		if ports := f.redisPorts(node); ports != nil {
			p.metric = "stray.bare"
			if err := f.writeTo(ports[wrong-1], node, []point{p}, zadd); err != nil {
				t.Fatal(err)
			}
			want = append(want, p)
		}
		for _, p := range want {
			took := f.await(converge, "the stray point on database 0", func() error { return f.has(node, p) })
			t.Logf("%s: %s on database 0 after %v", names[node], p.metric, took)
		}
	}
	f.settle("the stray points")
}

// strayBySelect writes a point to a shard, whatever the ring says.
func (f *flock) strayBySelect(t *testing.T, node, shard int, p point) {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr(f.ports.resp + node)}, SelectDB: shard, DisableCache: true, ForceSingleClient: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f.book.try(p)
	if err := c.Do(t.Context(), c.B().Arbitrary(p.zadd()...).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	f.book.ack(node, p)
}

// scenarioCheck: dunlin check finds the nodes equal.
func scenarioCheck(t *testing.T, f *flock) {
	f.settle("everything")
	if out, equal := f.check("--wait", "20s"); !equal {
		t.Errorf("dunlin check:\n%s", out)
	}
}

// scenarioPage: the page in a real browser shows a point within two seconds and hostile names as text.
func scenarioPage(t *testing.T, f *flock) {
	script, page := browserScript(t, "run.mjs"), f.needPage()
	cmd := exec.Command("node", script, page, fmt.Sprint(f.ports.resp))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the page in Chromium: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	f.bookPage(t)
}

func fetch(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// bookPage enters what the browser's test wrote.
func (f *flock) bookPage(t *testing.T) {
	t.Helper()
	d, err := f.dump(0)
	if err != nil {
		t.Fatal(err)
	}
	f.book.mu.Lock()
	defer f.book.mu.Unlock()
	for k, list := range d {
		if f.book.tried[k] == nil {
			f.book.tried[k] = map[string]bool{}
			for i := 0; i < len(list); i += 2 {
				f.book.tried[k][list[i]] = true
			}
		}
	}
}

// scenarioFinalState: every key's bytes are equal on all nodes, and every acknowledged point is there.
func scenarioFinalState(t *testing.T, f *flock) {
	f.settle("the final state")
	d, err := f.dump(0)
	if err != nil {
		t.Fatal(err)
	}
	members := 0
	for _, list := range d {
		members += len(list) / 2
	}
	t.Logf("%d keys, %d members, %d acknowledged", len(d), members, len(f.book.acks))
	if len(d) == 0 {
		t.Error("nothing is there")
	}
}
