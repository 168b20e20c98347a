package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// nodeAddr is the front door of the node under test; TestMain sets it.
var nodeAddr string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	nodeAddr = os.Getenv("DUNLIN_ADDR")
	if nodeAddr == "" {
		addr, stop, err := startNode()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			if os.Getenv("CI") == "true" {
				return 1
			}
			fmt.Fprintln(os.Stderr, "SKIPPED: no node to test")
			return 0
		}
		defer stop()
		nodeAddr = addr
	}
	return m.Run()
}

// startNode runs bin/dunlin on free ports, in memory.
func startNode() (addr string, stop func(), err error) {
	bin, err := filepath.Abs("../../bin/dunlin")
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(bin); err != nil {
		return "", nil, fmt.Errorf("%w: build it with make, or name a running node in DUNLIN_ADDR", err)
	}
	addr, web := freeAddr(), freeAddr()
	cmd := exec.Command(bin, "node", "--resp.listen-address", addr, "--web.listen-address", web, "--storage.path", "")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			_ = nc.Close()
			return addr, stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("the node does not answer on %s", addr)
}

func freeAddr() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// point gives a series key of now, unique by name, with a member and its score.
func point(name string) (key, member string, score float64) {
	now := time.Now().UTC()
	key = fmt.Sprintf("%s:interop-%d:%s", now.Format(time.DateOnly), now.UnixNano(), name)
	return key, fmt.Sprintf("%d:1.50", now.Unix()), float64(now.Unix())
}
