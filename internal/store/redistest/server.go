package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running process.
type Server struct {
	URL  string // redis://127.0.0.1:port
	Addr string // 127.0.0.1:port

	t    testing.TB
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
}

// Program finds a program that a test needs. Without it the test is skipped, or fails when CI=true.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: %v", name, err)
		}
		t.Skipf("SKIPPED, NOTHING TESTED: %s is not installed; make deps installs it", name)
	}
	return path
}

// Start runs a server until the test ends; more are further arguments of its command line.
func Start(t testing.TB, more ...string) *Server {
	t.Helper()
	s := &Server{t: t, args: append([]string{
		"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(),
	}, more...)}
	t.Cleanup(s.Kill)
	for range 5 { // another process may take the free port first
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("free port: %v", err)
		}
		s.Addr = l.Addr().String()
		s.URL = "redis://" + s.Addr
		if err := l.Close(); err != nil {
			t.Fatalf("free port: %v", err)
		}
		if s.runServer() {
			return s
		}
	}
	t.Fatal("no Redis process starts")
	return nil
}

// Launch starts the process again after Kill, on the same port, with nothing in it.
func (s *Server) Launch() {
	s.t.Helper()
	if !s.runServer() {
		s.t.Fatalf("no Redis process starts on %s", s.Addr)
	}
}

// runServer starts the process and waits until it answers; it gives false when it ended at once.
func (s *Server) runServer() bool {
	s.t.Helper()
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	s.cmd = exec.Command(Program(s.t, name), append([]string{"--port", port}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", name, err)
	}
	s.gone = make(chan struct{})
	go runUntilGone(s.cmd, s.gone)
	for deadline := time.Now().Add(20 * time.Second); ; {
		// Any reply will do: with a password it is an error.
		if got, err := s.try("PING"); err == nil && got != "" {
			return true
		}
		select {
		case <-s.gone:
			s.cmd = nil
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not answer on %s", name, s.Addr)
		}
	}
}

func runUntilGone(cmd *exec.Cmd, gone chan<- struct{}) {
	_ = cmd.Wait() // killed, as a rule
	close(gone)
}

// Kill ends the process at once; its memory is lost.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.gone
	s.cmd = nil
}

// Stop freezes the process.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue lets it go on.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("signal %v: %v", sig, err)
	}
}

// Do sends one command as any client would, and gives the first line of the reply.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	line, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return line
}

// Commands gives the number of commands the process has executed, not counting this question.
func (s *Server) Commands() int {
	s.t.Helper()
	for _, line := range s.info("stats") {
		if v, ok := strings.CutPrefix(line, "total_commands_processed:"); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				s.t.Fatalf("info stats: %v", err)
			}
			return n
		}
	}
	s.t.Fatalf("info stats: no total_commands_processed")
	return 0
}

func (s *Server) try(args ...string) (string, error) {
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write([]byte(b.String())); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

// CommandNames gives the names of the commands that were executed since CONFIG RESETSTAT.
func (s *Server) CommandNames() []string {
	s.t.Helper()
	var out []string
	for _, line := range s.info("commandstats") {
		if name, ok := strings.CutPrefix(line, "cmdstat_"); ok {
			name, _, _ = strings.Cut(name, ":")
			out = append(out, name)
		}
	}
	return out
}

// info gives the lines of a section of INFO.
func (s *Server) info(section string) []string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		s.t.Fatalf("dial: %v", err)
	}
	defer c.Close()
	fmt.Fprintf(c, "INFO %s\r\nQUIT\r\n", section)
	var out []string
	for sc := bufio.NewScanner(c); sc.Scan(); {
		out = append(out, strings.TrimSpace(sc.Text()))
	}
	return out
}
