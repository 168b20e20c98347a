package address

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// ErrURL: the text is no address of a server.
var ErrURL = errors.New("bad url")

// Target says where a server is.
type Target struct {
	Network string // tcp or unix
	Addr    string // host:port, [ipv6]:port, or the path of a socket
	DB      int
	Host    string // with TLS: the name its certificate must have
	TLS     bool
}

// Parse reads redis://host:port, rediss://host:port (TLS), both with /database perhaps, or
// unix:///path/of/socket?db=1. The error wraps ErrURL and says what to write; it repeats no secrets.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("%w: want redis://host:port", ErrURL)
	}
	bad := func(format string, args ...any) (Target, error) {
		u.User = nil
		return Target{}, fmt.Errorf("%w %s: %s", ErrURL, u, fmt.Sprintf(format, args...))
	}
	if u.User != nil {
		return bad("secrets come from a file, not from a url")
	}
	t := Target{Network: "tcp", Addr: u.Host, Host: u.Hostname(), TLS: u.Scheme == "rediss"}
	db := strings.Trim(u.Path, "/")
	switch {
	case u.Scheme == "unix":
		if u.Host != "" || !path.IsAbs(u.Path) {
			return bad("want unix:///path/of/socket")
		}
		t.Network, t.Addr, db = "unix", u.Path, u.Query().Get("db")
	case u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "":
		return bad("want redis://host:port, rediss://host:port or unix:///path/of/socket")
	case u.Port() == "":
		t.Addr = net.JoinHostPort(u.Hostname(), "6379")
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return bad("want a port from 1 to 65535")
	}
	if u.Fragment != "" || t.Network == "tcp" && u.RawQuery != "" {
		return bad("only a database number may follow the address")
	}
	if db != "" {
		if t.DB, err = strconv.Atoi(db); err != nil || t.DB < 0 || strconv.Itoa(t.DB) != db {
			return bad("the database must be a number from 0")
		}
	}
	return t, nil
}

// Dial connects, with conf, which may be nil, where the Target wants TLS. wrap, unless nil, gets the bare connection.
func (t *Target) Dial(
	ctx context.Context, d *net.Dialer, conf *tls.Config, wrap func(net.Conn) net.Conn,
) (net.Conn, error) {
	raw, err := d.DialContext(ctx, t.Network, t.Addr)
	if err != nil {
		return nil, err
	}
	if wrap != nil {
		raw = wrap(raw)
	}
	if !t.TLS {
		return raw, nil
	}
	if conf == nil {
		conf = &tls.Config{}
	}
	conf = conf.Clone()
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	if conf.ServerName == "" {
		conf.ServerName = t.Host
	}
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	secure := tls.Client(raw, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // a handshake that took too long has done so
		return nil, fmt.Errorf("tls with %s: %w", t.Addr, err)
	}
	return secure, nil
}
