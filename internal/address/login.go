package address

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Login is what a server wants to know from who comes: nothing, a password, a user and a password, and with TLS perhaps
// a certificate. It can be compared.
type Login struct {
	User     string // empty = the default user
	Password string
	TLS      TLS
}

// TLS is how servers are known, and who comes to them, as PEM texts. The zero value trusts what the system trusts, and
// shows no certificate.
type TLS struct {
	CA        string // what signs the servers' certificates; empty = the system's roots
	Cert, Key string // of who comes
}

// Config makes what crypto/tls wants, nil for the zero value. The error says which of the texts is not what it should
// be.
func (t TLS) Config() (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("ca: no certificate in it")
		}
	}
	if t.Cert+t.Key != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			return nil, fmt.Errorf("cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
