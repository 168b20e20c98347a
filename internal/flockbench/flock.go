package flockbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dunlin-db/dunlin/internal/cable"
	"github.com/dunlin-db/dunlin/internal/door"
	"github.com/dunlin-db/dunlin/internal/infotext"
)

// flock is nodes that run on loopback.
type flock struct {
	cfg    *Config
	dir    string
	nodes  []*node
	cables []*cable.Cable // between each two nodes, if asked for
	agents bool           // the load comes from agents
}

// node is one of them.
type node struct {
	name, addr string
	topology   string // its file
	dir        string
	cmd        *exec.Cmd // nil = it does not run
	said       *bytes.Buffer
	door       *door.Conn
}

// shards of each node, as many as a node has by default.
const shards = 8

// newFlock plans n nodes and starts none. With cables all that they send each other is counted.
func (c *Config) newFlock(n int, cables bool) (*flock, error) {
	dir, err := os.MkdirTemp("", "dunlin-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	f := &flock{cfg: c, dir: dir}
	addrs, err := freeAddresses(n)
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	for i, addr := range addrs {
		name := "n" + strconv.Itoa(i+1)
		d, err := door.New(door.Config{URL: "redis://" + addr})
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.nodes = append(f.nodes, &node{
			name: name, addr: addr, topology: filepath.Join(dir, name+".yaml"), dir: filepath.Join(dir, name), door: d,
		})
	}
	for _, at := range f.nodes {
		if err := f.writeTopology(at, cables); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	return f, nil
}

// writeTopology writes the file of a node, which sees the others through its own cables.
func (f *flock) writeTopology(at *node, cables bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster: bench\nperiod: day\nkeep: 2\n")
	fmt.Fprintf(&b, "rings: [{from: 2026-01-01, shards: %d, hash: host}]\nnodes:\n", shards)
	for _, n := range f.nodes {
		addr := n.addr
		if cables && n != at {
			c, err := cable.Listen(at.name, n.name, n.addr)
			if err != nil {
				return err
			}
			f.cables = append(f.cables, c)
			addr = "127.0.0.1:" + strconv.Itoa(c.Port())
		}
		fmt.Fprintf(&b, "  %s: {site: here, url: redis://%s}\n", n.name, addr)
	}
	if err := os.WriteFile(at.topology, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the topology: %w", err)
	}
	return nil
}

// freeAddresses gives n that nobody listens at, each another.
func freeAddresses(n int) (addrs []string, err error) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer ln.Close() // when all are found
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs, nil
}

// start starts some nodes and waits until they answer.
func (f *flock) start(ctx context.Context, nodes ...*node) error {
	for _, n := range nodes {
		n.said = &bytes.Buffer{}
		n.cmd = exec.Command(f.cfg.Binary, "node", "--topology", n.topology, "--name", n.name,
			"--resp.listen-address", n.addr, "--web.listen-address", "", "--storage.path", n.dir, "--log.level", "warn")
		n.cmd.Stdout, n.cmd.Stderr = n.said, n.said
		n.cmd.SysProcAttr = f.cfg.Child
		if err := n.cmd.Start(); err != nil {
			n.cmd = nil
			return fmt.Errorf("start %s: %w", n.name, err)
		}
	}
	for _, n := range nodes {
		err := f.await(ctx, n.name+" to answer", time.Minute, func() (bool, error) {
			_, err := n.ask(ctx, "PING")
			return err == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%w\n%s", err, n.said)
		}
	}
	return nil
}

// end ends a node as an operator does.
func (n *node) end() error {
	if n.cmd == nil {
		return nil
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	kill := time.AfterFunc(20*time.Second, func() { _ = n.cmd.Process.Kill() })
	defer kill.Stop()
	err := n.cmd.Wait()
	n.cmd = nil
	if err != nil {
		return fmt.Errorf("end %s: %w\n%s", n.name, err, n.said)
	}
	return nil
}

// stop ends everything.
func (f *flock) stop() (err error) {
	for _, n := range f.nodes {
		err = errors.Join(err, n.end())
		n.door.Close()
	}
	if removed := os.RemoveAll(f.dir); removed != nil {
		err = errors.Join(err, fmt.Errorf("remove what was measured with: %w", removed))
	}
	return err
}

// runCables carries what the nodes send each other until ctx ends.
func (f *flock) runCables(ctx context.Context) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		all := make(chan error)
		for _, c := range f.cables {
			go func() { all <- c.Run(ctx) }()
		}
		for range f.cables {
			<-all // a line that fails shows as a peer that is away
		}
	}()
	return done
}

// await repeats a question until it is answered with yes.
func (f *flock) await(ctx context.Context, what string, d time.Duration, cond func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(2 * time.Millisecond): // between two looks
		}
	}
}

// ask sends a command to a node and gives a reply of text.
func (n *node) ask(ctx context.Context, cmd ...string) (string, error) {
	replies, _, err := n.door.Do(ctx, [][]string{cmd})
	if err != nil {
		return "", err
	}
	if v, err := replies[0].ToInt64(); err == nil {
		return strconv.FormatInt(v, 10), nil
	}
	return replies[0].ToString()
}

// info gives the fields of some sections of INFO.
func (n *node) info(ctx context.Context, sections ...string) (infotext.Fields, error) {
	text, err := n.ask(ctx, append([]string{"INFO"}, sections...)...)
	if err != nil {
		return nil, err
	}
	return infotext.Parse(text), nil
}
