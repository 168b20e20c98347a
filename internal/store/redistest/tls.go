package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/address"
)

// StartTLS runs a server that speaks TLS too, at the rediss:// url, and wants a certificate from who comes: that of
// login, with which it can be reached.
func StartTLS(t testing.TB, more ...string) (s *Server, url string, login address.Login) {
	t.Helper()
	dir := t.TempDir()
	login.TLS = certificate(t)
	login.TLS.CA = login.TLS.Cert // it signs itself
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for path, text := range map[string]string{cert: login.TLS.Cert, key: login.TLS.Key} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("free port: %v", err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatalf("free port: %v", err)
	}
	_, port, _ := net.SplitHostPort(addr)
	s = Start(t, append([]string{
		"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "yes",
	}, more...)...)
	return s, "rediss://" + addr, login
}

// certificate makes a certificate for 127.0.0.1 that signs itself, and its key.
func certificate(t testing.TB) address.TLS {
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
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return address.TLS{Cert: block("CERTIFICATE", der), Key: block("PRIVATE KEY", private)}
}
