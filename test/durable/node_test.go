//go:build linux

package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-db/dunlin/test/plain"
)

// target is what is tested: the real binary, or the stand-in with a fault.
type target struct {
	standin bool
	fault   string
}

var real = target{}

// patience is how long a disk may take to be noticed and to heal. A stand-in with a fault is known to take for ever.
func (t target) patience() time.Duration {
	if t.fault != noFault {
		return 3 * time.Second
	}
	return 20 * time.Second
}

// setup is how a node is started.
type setup struct {
	target
	dir    string
	fsync  string   // empty: 1s
	flags  []string // more of them
	watch  bool     // let a watcher judge its system calls
	cgroup string
	rule   func(call) verdict // the watcher's first rule
}

// node is a running process.
type node struct {
	t     *testing.T
	setup setup
	cmd   *exec.Cmd
	addr  string // RESP
	web   string
	watch *watcher
	began time.Time

	gone chan struct{} // closed when the process has ended
	out  *output
}

// output collects what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// tail is the end of it, for errors.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b.Bytes()[max(0, o.b.Len()-3000):])
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts a process and does not wait for anything.
func start(t *testing.T, s setup) (*node, error) {
	port, webPort := freePort(), freePort()
	n := &node{
		t: t, setup: s, addr: fmt.Sprintf("127.0.0.1:%d", port), web: fmt.Sprintf("127.0.0.1:%d", webPort),
		gone: make(chan struct{}), out: &output{}, began: time.Now(),
	}
	if s.fsync == "" {
		s.fsync = "1s"
	}
	bin, env := binary, os.Environ()
	if s.standin {
		bin, env = os.Args[0], append(env, standinEnv+"="+s.fault)
	}
	argv := append([]string{
		bin, "node", "--name", "local", "--resp.listen-address", n.addr, "--web.listen-address", n.web,
		"--storage.path", s.dir, "--storage.fsync", s.fsync,
	}, s.flags...)
	if !s.watch && s.cgroup == "" {
		n.cmd = exec.Command(argv[0], argv[1:]...)
		n.cmd.Env = env
		return n, n.run()
	}
	l, err := json.Marshal(launching{Argv: argv, Cgroup: s.cgroup, Watch: s.watch})
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(env, launchEnv+"="+string(l))
	if !s.watch {
		return n, n.run()
	}
	return n, n.runWatched()
}

// run starts the process; it dies with this one and is ended with the test.
func (n *node) run() error {
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	go func() {
		_ = n.cmd.Wait() // how it ended is asked of ProcessState
		close(n.gone)
	}()
	n.t.Cleanup(n.kill)
	return nil
}

func (n *node) runWatched() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "listener")
	defer theirs.Close()
	n.cmd.ExtraFiles = []*os.File{theirs}
	n.watch = &watcher{dir: n.setup.dir}
	n.watch.set(n.setup.rule)
	if err := n.run(); err != nil {
		return err
	}
	_ = unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
	listener, err := receive(pair[0])
	if err != nil {
		return fmt.Errorf("%w\n%s", err, n.out.tail())
	}
	go n.watch.serve(listener)
	return nil
}

// kill is kill -9. It is safe to repeat.
func (n *node) kill() {
	_ = n.cmd.Process.Kill() // it may have ended
	<-n.gone
}

// term is SIGTERM, and how it ended.
func (n *node) term(d time.Duration) error {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if !n.ended(d) {
		return fmt.Errorf("%s after SIGTERM it still runs", d)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("SIGTERM ended it with code %d: %s", code, n.out.tail())
	}
	return nil
}

// ended waits for the end of the process.
func (n *node) ended(d time.Duration) bool {
	select {
	case <-n.gone:
		return true
	case <-time.After(d):
		return false
	}
}

func (n *node) alive() error {
	select {
	case <-n.gone:
		return fmt.Errorf("the node has ended, %v: %s", n.cmd.ProcessState, n.out.tail())
	default:
		return nil
	}
}

// await repeats a question until it is answered with nil.
func (n *node) await(d time.Duration, what string, cond func() error) error {
	end := time.Now().Add(d)
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if gone := n.alive(); gone != nil {
			return fmt.Errorf("wait for %s: %w", what, gone)
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited %s for %s: %w\n%s", d, what, err, n.out.tail())
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

// answering waits until writes are taken.
func (n *node) answering() error {
	return n.await(20*time.Second, "an answer to PING", func() error {
		_, err := plain.Ask(n.addr, "PING")
		return err
	})
}

// loaded waits until everything on disk is in memory.
func (n *node) loaded() error {
	return n.await(60*time.Second, "loading:0", func() error { return n.says("loading", "0") })
}

// says asks INFO for a field.
func (n *node) says(field, want string) error {
	info, err := n.info()
	if err != nil {
		return err
	}
	got, ok := info[field]
	if !ok {
		got, ok = info["dunlin_"+field]
	}
	if !ok || got != want {
		return fmt.Errorf("INFO says %s:%s, want %s", field, got, want)
	}
	return nil
}

// info gives the fields of INFO.
func (n *node) info() (map[string]string, error) {
	v, err := plain.Ask(n.addr, "INFO")
	if err != nil {
		return nil, err
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("INFO answers %v", v)
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

var browser = http.Client{Timeout: 5 * time.Second}

// get fetches a page.
func (n *node) get(path string) (int, string, error) {
	resp, err := browser.Get("http://" + n.web + path)
	if err != nil {
		return 0, "", fmt.Errorf("get %s: %w", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// restart starts the same node again, waits until it is loaded and compares it with the book.
func (n *node) restart(b *book, p promise) (*node, result, error) {
	again, err := start(n.t, n.setup)
	if err != nil {
		return nil, result{}, err
	}
	r, err := again.check(b, p)
	return again, r, err
}

// check waits until a node is loaded and compares it with the book.
func (n *node) check(b *book, p promise) (result, error) {
	if err := n.loaded(); err != nil {
		return result{}, err
	}
	d, err := dump(n.addr)
	if err != nil {
		return result{}, fmt.Errorf("read all: %w\n%s", err, n.out.tail())
	}
	r := b.compare(d, p)
	if err := r.err(); err != nil {
		return r, fmt.Errorf("%w\n%s", err, n.out.tail())
	}
	return r, nil
}

// verify runs dunlin verify on a directory, and says what it printed and whether it found fault.
func verify(dir string) (string, bool, error) {
	out, err := exec.Command(binary, "verify", dir).CombinedOutput()
	var code *exec.ExitError
	if errors.As(err, &code) {
		return string(out), code.ExitCode() == 1, nil
	}
	return string(out), false, err
}

// ports lie below those that the kernel gives to outgoing connections.
var ports atomic.Int64

func freePort() int {
	base := int64(os.Getpid()) * 37 % 10000
	for {
		port := 12000 + int((base+ports.Add(1))%18000)
		if ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			ln.Close()
			return port
		}
	}
}

// tempDir is a directory for a node that outlives no test; short, so that errors stay readable.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(workDir, "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}
