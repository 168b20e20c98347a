package dunlin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// roundTrip writes a point and reads it back.
func roundTrip(t *testing.T, c *Client) {
	t.Helper()
	want := sequence(0, 1)
	if _, err := c.Write(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := c.Range(t.Context(), "h", "m", noon, noon)
	if err != nil || len(got) != 1 || got[0] != want[0] {
		t.Fatal(got, err)
	}
}

func TestClient_unixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "dunlin") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "redis.sock")
	r := redistest.Start(t, "--unixsocket", path)
	roundTrip(t, openClient(t, Config{URL: "unix://" + path + "?db=2"}))
	if got := r.Do("DBSIZE"); got != ":0" {
		t.Fatal(got)
	}
	c := openClient(t, Config{Topology: flock(1, "unix://"+path)})
	roundTrip(t, c)
	if got := r.Do("DBSIZE"); got != ":1" {
		t.Fatal(got)
	}
}

func TestClient_userAndPassword(t *testing.T) {
	r := redistest.Start(t)
	r.Do("ACL", "SETUSER", "writer", "on", ">geheim", "+@all", "~*", "resetchannels")
	roundTrip(t, openClient(t, Config{URL: r.URL, User: "writer", Password: "geheim"}))
	c := openClient(t, Config{URL: r.URL, User: "writer", Password: "falsch"})
	if _, err := c.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
}

func TestClient_ipv6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED, NOTHING TESTED: this machine has no IPv6: %v", err)
	}
	_ = ln.Close()
	r := redistest.Start(t)
	if got := r.Do("CONFIG", "SET", "bind", "127.0.0.1 ::1"); got != "+OK" {
		t.Skipf("SKIPPED, NOTHING TESTED: the server does not listen on ::1: %s", got)
	}
	_, port, _ := net.SplitHostPort(r.Addr)
	roundTrip(t, openClient(t, Config{URL: "redis://[::1]:" + port}))
}

func TestClient_tls(t *testing.T) {
	_, url, login := redistest.StartTLS(t)
	conf, err := login.TLS.Config()
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, openClient(t, Config{URL: url, TLS: conf}))
	c := openClient(t, Config{URL: url}) // a certificate that nobody vouches for
	if _, err := c.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
}

// TestClient_waysOfAFile: one topology file names nodes behind TLS, a Unix socket and a user with a password, each
// holding a shard of its own, so that every point proves one way.
func TestClient_waysOfAFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "dunlin") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	secured, url, login := redistest.StartTLS(t)
	local := redistest.Start(t, "--unixsocket", filepath.Join(dir, "redis.sock"))
	named := redistest.Start(t)
	named.Do("ACL", "SETUSER", "writer", "on", ">geheim", "+@all", "~*")
	named.Do("ACL", "SETUSER", "default", "off")
	file := filepath.Join(dir, "flock.yaml")
	for path, text := range map[string]string{
		"ca": login.TLS.CA, "cert": login.TLS.Cert, "key": login.TLS.Key, "pw": "geheim\n",
		"flock.yaml": `cluster: c
rings: [{from: 2026-11-01, shards: 3}]
tls: {ca_file: ca, cert_file: cert, key_file: key}
nodes:
  secured: {url: "` + url + `", hold: [1]}
  local: {url: "unix://` + dir + `/redis.sock", hold: [2]}
  named: {url: "` + named.URL + `", hold: [3], auth: {user: writer, password_file: pw}}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := openClient(t, Config{File: file})
	var points []Point
	for i := range 30 {
		points = append(points, Point{Host: fmt.Sprint("h", i), Metric: "m", Time: noon, Value: "1"})
	}
	if results, err := c.Write(t.Context(), points); err != nil {
		t.Fatal(results, err)
	}
	if err := c.Reload(); err != nil { // the same file: nobody is dialed anew
		t.Fatal(err)
	}
	for _, p := range points {
		if got, err := c.Range(t.Context(), p.Host, p.Metric, noon, noon); err != nil || len(got) != 1 {
			t.Fatal(p.Host, got, err)
		}
	}
	named.Do("AUTH", "writer", "geheim")
	for name, r := range map[string]*redistest.Server{"secured": secured, "local": local} {
		if got := r.Do("DBSIZE"); got == ":0" {
			t.Errorf("%s has nothing", name)
		}
	}
}
