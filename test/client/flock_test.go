//go:build linux

package client

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
)

// process is a node.
type process struct {
	t    *testing.T
	name string
	args []string
	cmd  *exec.Cmd
	gone chan struct{}
	out  bytes.Buffer // read only when the process has ended
}

// startFlock starts nodes that all hold everything, and gives the path of their topology.
func startFlock(t *testing.T, names ...string) (map[string]*process, string) {
	t.Helper()
	bin := os.Getenv("DUNLIN_BIN")
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "dunlin")
		build := exec.Command("go", "build", "-o", bin, "github.com/dunlin-db/dunlin/cmd/dunlin")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build dunlin: %v\n%s", err, out)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "topology.yaml")
	var text strings.Builder
	text.WriteString("cluster: test\nrings: [{from: 2026-11-22, shards: 4}]\nnodes:\n")
	flock := map[string]*process{}
	for _, name := range names {
		addr := freeAddress(t)
		fmt.Fprintf(&text, "  %s: {url: 'redis://%s'}\n", name, addr)
		flock[name] = &process{t: t, name: name, args: []string{
			bin, "node", "--topology", file, "--name", name, "--resp.listen-address", addr, "--web.listen-address", "",
			"--storage.path", filepath.Join(dir, name), "--log.level", "warn",
		}}
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range flock {
		p.start()
	}
	return flock, file
}

func freeAddress(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// start starts the process; it dies with this one and is ended with the test.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.gone = make(chan struct{})
	go func() {
		_ = p.cmd.Wait() // killed, as a rule
		close(p.gone)
	}()
	p.t.Cleanup(p.kill)
}

// kill ends the process at once. With a failed test, what it said is shown.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	p.cmd = nil
	if p.t.Failed() && p.out.Len() > 0 {
		p.t.Logf("%s said:\n%s", p.name, p.out.Bytes()[max(0, p.out.Len()-2000):])
	}
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%v to %s: %v", s, p.name, err)
	}
}

// await waits until every node answers.
func await(t *testing.T, c *dunlin.Client) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		down := ""
		for _, r := range c.All(t.Context(), "PING") {
			if r.Err != nil {
				down = r.Err.Error()
			}
		}
		if down == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(down)
		}
	}
}
