package dunlin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// roundTrip writes a point and reads it back.
func roundTrip(t *testing.T, c *Client) {
	t.Helper()
	want := sequence(0, 1)
	if _, err := c.Write(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := c.Range(t.Context(), Query{"h", "m", noon, noon})
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
	dir := t.TempDir()
	roots := certificate(t, dir)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	redistest.Start(t, "--tls-port", port, "--tls-cert-file", filepath.Join(dir, "cert"), "--tls-key-file",
		filepath.Join(dir, "key"), "--tls-ca-cert-file", filepath.Join(dir, "cert"), "--tls-auth-clients", "no")
	roundTrip(t, openClient(t, Config{URL: "rediss://" + addr, TLS: &tls.Config{RootCAs: roots}}))
	c := openClient(t, Config{URL: "rediss://" + addr}) // a certificate that nobody vouches for
	if _, err := c.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
}

// certificate writes a certificate for 127.0.0.1 that signs itself, and its key.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}
