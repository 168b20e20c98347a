package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that was started here.
type process struct {
	name string
	cmd  *exec.Cmd
	gone chan struct{}
	log  string // path
}

// startProcess starts a server; it dies with this program. In a namespace, "ip netns exec" becomes the server, so the
// process id is the server's.
func startProcess(dir, netns, name string, argv ...string) (*process, error) {
	if netns != "" {
		argv = append([]string{"ip", "netns", "exec", netns}, argv...)
	}
	p := &process{name: name, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // ended by stop, as a rule; an early end shows in what asks it
		close(p.gone)
	}()
	return p, nil
}

// stop ends the process: SIGTERM, after ten seconds SIGKILL.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// tail gives the end of the log, for an error.
func (p *process) tail() string {
	data, _ := os.ReadFile(p.log)
	return string(data[max(0, len(data)-2000):])
}

// awaitAnswer waits until PING is answered at an address.
func awaitAnswer(ctx context.Context, p *process, addr, password string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		c, err := dial(addr, password)
		if err == nil {
			_, err = c.Do("PING")
			_ = c.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.gone:
			return fmt.Errorf("%s ended: %s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w\n%s", p.name, err, p.tail())
		case <-time.After(30 * time.Millisecond): // between two tries
		}
	}
}

// usageOf is what a process has used.
type usageOf struct {
	cpu float64 // seconds
	rss int64   // bytes
}

// used reads /proc of a process, as proc(5) describes it.
func (p *process) used() (usageOf, error) {
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return usageOf{}, fmt.Errorf("read what %s used: %w", p.name, err)
	}
	return parseStat(string(stat), int64(os.Getpagesize()))
}

// parseStat reads user and system time, in units of 1/100 s, and the resident pages.
func parseStat(stat string, pageSize int64) (usageOf, error) {
	// The name in parentheses may hold anything; what follows the last one is fields 3 and up.
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(f) < 22 {
		return usageOf{}, fmt.Errorf("unexpected stat %q", stat)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	pages, err3 := strconv.ParseInt(f[21], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return usageOf{}, fmt.Errorf("unexpected stat %q", stat)
	}
	return usageOf{cpu: float64(user+system) / 100, rss: pages * pageSize}, nil
}

// sum adds up what processes used.
func sum(list []*process) (total usageOf, err error) {
	for _, p := range list {
		u, err := p.used()
		if err != nil {
			return total, err
		}
		total.cpu += u.cpu
		total.rss += u.rss
	}
	return total, nil
}

// freePort finds a port of loopback that nobody uses.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
