package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bcryptOfHorse is the hash of "correct horse" at the lowest cost, for the HTTP server's basic auth.
const bcryptOfHorse = "$2a$04$Xk1rBAh5piG6m1sYRdhhHuCZY9w7zu5YWWnaPgQQv/K.w6isSo1.K"

// TestNode_refusesOpenBind: nobody gets an open door by mistake, and the answer says what to write.
func TestNode_refusesOpenBind(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		args = append([]string{"node", "--storage.path", ""}, args...)
		out, err := exec.Command(binary, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("dunlin %v: %v\n%s\nwant an error with %q", args, err, out, want)
		}
	}
	f("resp.password-file", "--resp.listen-address", "0.0.0.0:16390", "--web.listen-address", "")
	f("resp.password-file", "--resp.listen-address", ":16390", "--web.listen-address", "")
	f("web.config.file", "--resp.listen-address", "127.0.0.1:16390", "--web.listen-address", "0.0.0.0:18390")
}

// TestNetworkNamespaces: two nodes in two network namespaces, with passwords on both doors.
func TestNetworkNamespaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network namespaces need root")
	}
	a, b := fmt.Sprintf("dn%da", os.Getpid()), fmt.Sprintf("dn%db", os.Getpid())
	if !makeNamespaces(t, a, b) {
		return
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "password"), "correct horse\n")
	writeFile(t, filepath.Join(dir, "web.yml"), "basic_auth_users:\n  ops: "+bcryptOfHorse+"\n")
	topology := filepath.Join(dir, "topology.yaml")
	writeFile(t, topology, `cluster: ns
period: day
keep: 2
rings: [{from: 2026-01-01, shards: 8, hash: host}]
nodes:
  left: {site: a, url: redis://10.213.77.1:6390}
  right: {site: b, url: redis://10.213.77.2:6390}
password_file: password
`)
	startIn(t, a, topology, [2]string{"left", "10.213.77.1"})
	startIn(t, b, topology, [2]string{"right", "10.213.77.2"})
	in := func(ns string, args ...string) (string, error) {
		out, err := exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...).CombinedOutput()
		return string(out), err
	}
	ts := time.Now().Unix()
	eventually(t, "write on the left", func() (string, error) {
		return in(a, binary, "write", "--topology", topology, "web1", "cpu.user", "42.5", fmt.Sprint(ts))
	})
	eventually(t, "read it on the right", func() (string, error) {
		out, err := in(b, "redis-cli", "-h", "10.213.77.2", "-p", "6390", "--no-auth-warning", "-a", "correct horse",
			"zrange", time.Unix(ts, 0).UTC().Format(time.DateOnly)+":web1:cpu.user", "0", "-1")
		if err == nil && strings.TrimSpace(out) != fmt.Sprintf("%d:42.5", ts) {
			err = fmt.Errorf("not there yet")
		}
		return out, err
	})
	eventually(t, "check", func() (string, error) { return in(b, binary, "check", "--topology", topology) })
	if out, _ := in(b, "redis-cli", "-h", "10.213.77.1", "-p", "6390", "dbsize"); !strings.Contains(out, "NOAUTH") {
		t.Errorf("without a password: %s", out)
	}
	status := func(args ...string) string {
		args = append([]string{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://10.213.77.1:8390/"}, args...)
		out, _ := in(b, args...)
		return out
	}
	if _, err := exec.LookPath("curl"); err == nil {
		if got := status(); got != "401" {
			t.Errorf("the page without a password: %s, want 401", got)
		}
		if got := status("-u", "ops:correct horse"); got != "200" {
			t.Errorf("the page with a password: %s, want 200", got)
		}
	}
}

// makeNamespaces joins two network namespaces by a cable.
func makeNamespaces(t *testing.T, a, b string) bool {
	t.Helper()
	t.Cleanup(func() {
		for _, ns := range []string{a, b} {
			_ = exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	for i, line := range []string{
		"netns add " + a, "netns add " + b,
		"link add " + a + " netns " + a + " type veth peer name " + b + " netns " + b,
		"-n " + a + " addr add 10.213.77.1/24 dev " + a, "-n " + b + " addr add 10.213.77.2/24 dev " + b,
		"-n " + a + " link set " + a + " up", "-n " + b + " link set " + b + " up",
		"-n " + a + " link set lo up", "-n " + b + " link set lo up",
	} {
		out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil && i < 3 {
			t.Skipf("NOT TESTED: no network namespaces here: ip %s: %v %s", line, err, out)
		}
		if err != nil {
			t.Fatalf("ip %s: %v %s", line, err, out)
		}
	}
	return true
}

// startIn starts a node, given as its name and address, in a namespace.
func startIn(t *testing.T, ns, topology string, node [2]string) {
	t.Helper()
	name, ip, dir := node[0], node[1], filepath.Dir(topology)
	log := &safeBuffer{}
	cmd := exec.Command("ip", "netns", "exec", ns, binary, "node", "--topology", topology, "--name", name,
		"--resp.listen-address", ip+":6390", "--web.listen-address", ip+":8390",
		"--web.config.file", filepath.Join(dir, "web.yml"), "--storage.path", filepath.Join(dir, name))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, log)
		}
	})
}

// eventually repeats a command until it succeeds.
func eventually(t *testing.T, what string, f func() (string, error)) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		time.Sleep(100 * time.Millisecond) // between two tries
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
