package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// names are the demo's nodes.
var names = []string{"sfo1", "sfo2", "nyc1"}

// shards is the number of shards of the demo's nodes.
const shards = 8

// flock is a running demo.
type flock struct {
	t     *testing.T
	store string
	dir   string
	ports ports
	demo  *exec.Cmd
	out   *safeBuffer
	book  *book
	hosts map[string][]string // by shard, as the ring places them

	mu    sync.Mutex // protects conns
	conns map[int]rueidis.Client
}

type ports struct{ resp, web, redis int }

// safeBuffer collects a process' output.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startFlock starts a demo over a kind of store and waits until it says what to try.
func startFlock(t *testing.T, store string) *flock {
	t.Helper()
	if store != "engine" {
		if _, err := exec.LookPath(redisServer()); err != nil {
			missing(t, "%s is not installed: %v", redisServer(), err)
		}
	}
	dir, err := os.MkdirTemp("", "dunlin-sc-") // short: a control socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	f := &flock{
		t: t, store: store, dir: dir, ports: freePorts(t), out: &safeBuffer{}, book: newBook(),
		conns: map[int]rueidis.Client{},
	}
	f.demo = exec.Command(binary, "demo", "--store", store, "--dir", dir, "--agents=false", "--sim-hosts", "0",
		"--resp-port", fmt.Sprint(f.ports.resp), "--web-port", fmt.Sprint(f.ports.web),
		"--redis-port", fmt.Sprint(f.ports.redis), "--redis.sweep-interval", "1s", "--restart-after", "500ms",
		"--redis-server", redisServer())
	f.demo.Stdout, f.demo.Stderr = f.out, f.out
	f.demo.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := f.demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	f.await(60*time.Second, "the demo to be up", func() error {
		if !strings.Contains(f.out.String(), "Ctrl-C ends everything") {
			return errors.New(f.out.String())
		}
		return nil
	})
	return f
}

// stop ends the demo as Ctrl-C does and checks that nothing is left.
func (f *flock) stop() {
	for _, c := range f.conns {
		c.Close()
	}
	_ = f.demo.Process.Signal(os.Interrupt)
	timer := time.AfterFunc(15*time.Second, func() { _ = f.demo.Process.Kill() })
	err := f.demo.Wait()
	timer.Stop()
	if err != nil {
		f.t.Errorf("the demo did not end cleanly: %v", err)
	}
	for _, port := range f.allPorts() {
		if ln, err := net.Listen("tcp", addr(port)); err != nil {
			f.t.Errorf("port %d is still in use after the demo has ended: %v", port, err)
		} else {
			ln.Close()
		}
	}
	if f.t.Failed() {
		f.t.Logf("demo:\n%s", f.out.String())
		f.logTail()
	}
	os.RemoveAll(f.dir)
}

func (f *flock) logTail() {
	for _, n := range names {
		data, _ := os.ReadFile(filepath.Join(f.dir, "log", n+".log"))
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		f.t.Logf("log of %s:\n%s", n, strings.Join(lines[max(0, len(lines)-25):], "\n"))
	}
}

func (f *flock) allPorts() []int {
	var all []int
	for i := range names {
		all = append(all, f.ports.resp+i, f.ports.web+i)
		all = append(all, f.redisPorts(i)...)
	}
	return all
}

// redisPorts are the ports of the Redis processes of node i, none when it runs on the engine.
func (f *flock) redisPorts(i int) []int {
	if f.store == "engine" || f.store == "mixed" && names[i] != "sfo2" {
		return nil
	}
	var list []int
	for s := range shards {
		list = append(list, f.ports.redis+10*i+s)
	}
	return list
}

// await waits for a condition.
func (f *flock) await(d time.Duration, what string, cond func() error) time.Duration {
	f.t.Helper()
	start := time.Now()
	for {
		err := cond()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > d {
			f.t.Fatalf("waited %s for %s: %v", d, what, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// conn gives a connection to a port of loopback, made when it is first wanted.
func (f *flock) conn(port int) (rueidis.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.conns[port]; c != nil {
		return c, nil
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr(port)}, DisableCache: true, DisableRetry: true, ForceSingleClient: true,
		AlwaysRESP2: true, ConnWriteTimeout: 10 * time.Second, Dialer: net.Dialer{Timeout: time.Second},
	})
	if err == nil {
		f.conns[port] = c
	}
	return c, err
}

// do sends commands to a port, pipelined.
func (f *flock) do(port int, cmds ...[]string) ([]rueidis.RedisResult, error) {
	c, err := f.conn(port)
	if err != nil {
		return nil, err
	}
	built := make([]rueidis.Completed, len(cmds))
	for i, cmd := range cmds {
		built[i] = c.B().Arbitrary(cmd...).Build()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.DoMulti(ctx, built...), nil
}

// ask sends one command to a node and gives its reply as text or list of texts.
func (f *flock) ask(node int, cmd ...string) ([]string, error) {
	replies, err := f.do(f.ports.resp+node, cmd)
	if err != nil {
		return nil, err
	}
	if list, err := replies[0].AsStrSlice(); err == nil {
		return list, nil
	}
	if n, err := replies[0].ToInt64(); err == nil {
		return []string{fmt.Sprint(n)}, nil
	}
	s, err := replies[0].ToString()
	return []string{s}, err
}

// control runs a subcommand of dunlin demo.
func (f *flock) control(words ...string) {
	f.t.Helper()
	out, err := exec.Command(binary, append([]string{"demo", "--dir", f.dir}, words...)...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("dunlin demo %v: %v\n%s", words, err, out)
	}
}

// check runs dunlin check and gives its output and whether it found all nodes equal.
func (f *flock) check(args ...string) (string, bool) {
	args = append([]string{"check", "--topology", filepath.Join(f.dir, "topology.yaml")}, args...)
	out, err := exec.Command(binary, args...).CombinedOutput()
	return string(out), err == nil
}

// freePorts finds ports that nobody uses, in the spans that a demo takes. They lie below the ephemeral ports, so that
// no outgoing connection takes them in between.
func freePorts(t *testing.T) ports {
	t.Helper()
	for range 100 {
		base := 10000 + rand.IntN(200)*100
		p := ports{resp: base, web: base + 10, redis: base + 20}
		free := true
		for i := range 60 {
			ln, err := net.Listen("tcp", addr(base+i))
			if free = err == nil; !free {
				break
			}
			ln.Close()
		}
		if free {
			return p
		}
	}
	t.Fatal("no free ports")
	return ports{}
}

func addr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func redisServer() string {
	if s := os.Getenv("REDIS_SERVER"); s != "" {
		return s
	}
	return "redis-server"
}

// keys gives all series keys of a node.
func (f *flock) keys(node int) ([]string, error) {
	all, err := f.ask(node, "KEYS", "*")
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k string) bool { return len(k) < 11 || k[10] != ':' })
	slices.Sort(all)
	return all, nil
}
