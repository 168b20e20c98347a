//go:build linux

package flock

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/door"
)

const (
	password = "correct horse"
	// patience is how long anything that must happen may take, on a loaded machine.
	patience = 60 * time.Second
)

// kind says what fleet is wanted.
type kind struct {
	period string // day or hour; "" = day
	keep   int    // 0 = 2
	redis  []int  // nodes that stand on Redis processes
	ahead  time.Duration
}

// fleet is some nodes, each in a namespace of its own.
type fleet struct {
	t     *testing.T
	net   network
	dir   string
	kind  kind
	nodes []*process
	cut   map[string]bool // the packets that are lost
	book  *book
}

// process is a node, while it runs and while it does not, or a Redis beside one.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *output
	conn *door.Conn
}

// output collects what a process says.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var fleets atomic.Int32

// newFleet makes a fleet of n nodes, starts them and waits until all answer.
func newFleet(t *testing.T, n int, k kind) *fleet {
	t.Helper()
	needNamespaces(t)
	f := &fleet{
		t: t, net: network{int(fleets.Add(1))}, kind: k, cut: map[string]bool{}, book: newBook(),
	}
	f.dir = filepath.Join(workDir, f.net.bridge())
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.net.make(n); err != nil {
		t.Skipf("NOT TESTED: no network namespaces here: %v", err)
	}
	t.Cleanup(func() { f.net.unmake(n) })
	for i := range n {
		c, err := door.New(door.Config{URL: "redis://" + f.net.doorOf(i), Login: address.Login{Password: password}})
		if err != nil {
			t.Fatal(err)
		}
		f.nodes = append(f.nodes, &process{name: string(rune('a' + i)), log: &output{}, conn: c})
	}
	f.writeTopology()
	for i := range f.nodes {
		if f.onRedis(i) {
			f.startRedis(i)
		}
		f.start(i)
	}
	for i := range f.nodes {
		f.await("node "+f.nodes[i].name+" to answer", func() error { return f.ping(i) })
	}
	return f
}

// topology is the fleet's file.
func (f *fleet) topology() string { return filepath.Join(f.dir, "topology.yaml") }

func (f *fleet) writeTopology() {
	f.t.Helper()
	var b strings.Builder
	period, keep := "day", 2
	if f.kind.period != "" {
		period = f.kind.period
	}
	if f.kind.keep != 0 {
		keep = f.kind.keep
	}
	from := "2026-01-01"
	if period == "hour" {
		from += "T00"
	}
	fmt.Fprintf(&b, "cluster: flock%d\nperiod: %s\nkeep: %d\n", f.net.number, period, keep)
	fmt.Fprintf(&b, "rings: [{from: %s, shards: 2, hash: host}]\npassword_file: password\nnodes:\n", from)
	for i, n := range f.nodes {
		fmt.Fprintf(&b, "  %s: {site: s%d, url: redis://%s", n.name, i, f.net.doorOf(i))
		if f.onRedis(i) {
			fmt.Fprint(&b, ", redis: [redis://127.0.0.1:7001, redis://127.0.0.1:7002]")
		}
		fmt.Fprintln(&b, "}")
	}
	for name, text := range map[string]string{"topology.yaml": b.String(), "password": password + "\n"} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fleet) onRedis(i int) bool { return slices.Contains(f.kind.redis, i) }

// redisPorts are those of the Redis processes beside a node, by shard.
var redisPorts = []string{"7001", "7002"}

// startRedis starts the Redis processes beside node i.
func (f *fleet) startRedis(i int) {
	f.t.Helper()
	for _, port := range redisPorts {
		n := &process{log: &output{}}
		n.cmd = exec.Command("ip", "netns", "exec", f.net.space(i), "redis-server", "--port", port, "--bind", "127.0.0.1",
			"--save", "", "--dir", f.dir)
		f.launch(n.cmd, n.log)
		f.t.Cleanup(func() { f.kill(n) })
	}
}

// start starts node i, or starts it again.
func (f *fleet) start(i int) {
	f.t.Helper()
	f.runNode(f.nodes[i], f.net.space(i), f.net.address(i), f.nodes[i].name)
}

// runNode starts a process that calls itself by a name, in a namespace.
func (f *fleet) runNode(n *process, ns, address, dir string) {
	f.t.Helper()
	program := binary
	if f.kind.ahead != 0 {
		program = os.Args[0]
	}
	cmd := exec.Command("ip", "netns", "exec", ns, program, "node", "--topology", f.topology(), "--name", n.name,
		"--resp.listen-address", address+":"+doorPort, "--web.listen-address", "", "--storage.path",
		filepath.Join(f.dir, dir))
	if f.kind.redis != nil {
		cmd.Args = append(cmd.Args, "--redis.sweep-interval", "1s")
	}
	if f.kind.ahead != 0 {
		cmd.Env = append(os.Environ(), clockEnv+"="+f.kind.ahead.String())
	}
	f.launch(cmd, n.log)
	n.cmd = cmd
	f.t.Cleanup(func() { f.kill(n) })
}

// launch starts a process that dies with this one.
func (f *fleet) launch(cmd *exec.Cmd, log *output) {
	f.t.Helper()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
}

// kill is kill -9. It is safe to repeat.
func (f *fleet) kill(n *process) {
	if n.cmd.ProcessState == nil {
		_ = n.cmd.Process.Kill() // it may have ended
		_ = n.cmd.Wait()
	}
}

// await waits for a condition.
func (f *fleet) await(what string, cond func() error) time.Duration {
	f.t.Helper()
	began := time.Now()
	for {
		err := cond()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > patience {
			f.fail("waited %s for %s: %v", patience, what, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// fail ends the test with what the nodes said.
func (f *fleet) fail(format string, args ...any) {
	f.t.Helper()
	for i, n := range f.nodes {
		lines := strings.Split(strings.TrimSpace(n.log.String()), "\n")
		info, _ := f.ask(i, "INFO", "replication")
		f.t.Logf("%s: %v\n%s", n.name, info, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
	f.t.Fatalf(format, args...)
}

// must fails the test if something could not be arranged.
func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.fail("%v", err)
	}
}

// pipe sends commands to a node.
func (f *fleet) pipe(i int, cmds ...[]string) ([]rueidis.RedisResult, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	replies, _, err := f.nodes[i].conn.Do(ctx, cmds)
	return replies, err
}

// ask sends one command to a node whose answer is a text or a list of texts.
func (f *fleet) ask(i int, cmd ...string) ([]string, error) {
	replies, err := f.pipe(i, cmd)
	if err != nil {
		return nil, err
	}
	if list, err := replies[0].AsStrSlice(); err == nil {
		return list, nil
	}
	text, err := replies[0].ToString()
	return []string{text}, err
}

func (f *fleet) ping(i int) error {
	_, err := f.ask(i, "PING")
	return err
}

// lose makes packets vanish, heal lets all go through again.
func (f *fleet) lose(packets ...string) {
	f.t.Helper()
	for _, p := range packets {
		if !f.cut[p] {
			f.must(lose(p))
			f.cut[p] = true
		}
	}
}

func (f *fleet) find(packets ...string) {
	f.t.Helper()
	for _, p := range packets {
		if f.cut[p] {
			f.must(find(p))
			delete(f.cut, p)
		}
	}
}

func (f *fleet) heal() {
	f.t.Helper()
	for p := range f.cut {
		f.find(p)
	}
}

// all names the packets of ways, both directions of each.
func (f *fleet) all(ways ...way) (packets []string) {
	for _, w := range ways {
		packets = append(packets, f.net.requests(w), f.net.answers(w))
	}
	return packets
}

// between names all packets that two nodes send each other for replication.
func (f *fleet) between(a, b int) []string { return f.all(way{a, b}, way{b, a}) }
