package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// How long a process may take to accept a connection, and to answer one batch.
const (
	dialTimeout = 2 * time.Second
	callTimeout = 10 * time.Second
)

// Traffic is what went over the connections of a store.
type Traffic struct {
	Commands int64
	Sent     int64 // bytes
	Received int64 // bytes
}

// conn is a lazily dialled connection to one process or front door, with its traffic counted.
type conn struct {
	opt rueidis.ClientOption
	bad error // why the URL can not be used

	commands, sent, received atomic.Int64

	mu     sync.Mutex // protects client and closed
	client rueidis.Client
	closed bool
}

// newConn reads redis://[user[:password]@]host:port or rediss://…. It connects to nothing.
func newConn(rawURL, password string, db int, resp3 bool) (*conn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("store url: %w", err)
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" {
		return nil, fmt.Errorf("store url %q: want redis://host:port", u.Redacted())
	}
	c := &conn{}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "6379")
	}
	c.opt = rueidis.ClientOption{
		InitAddress: []string{addr}, SelectDB: db,
		Username: u.User.Username(), Password: password,
		DisableCache: true, DisableRetry: true, AlwaysRESP2: !resp3, ForceSingleClient: true,
		PipelineMultiplex: -1, // one connection: order is kept, and a peer sees one client
		RingScaleEachConn: 8, ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10,
		ConnWriteTimeout: callTimeout,
		ClientSetInfo:    rueidis.DisableClientSetInfo,
		DialCtxFn:        c.dial,
	}
	c.opt.Dialer.Timeout = dialTimeout
	if p, ok := u.User.Password(); ok && password == "" {
		c.opt.Password = p
	}
	if u.Scheme == "rediss" {
		c.opt.TLSConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return c, nil
}

// dial opens a connection that counts its bytes.
func (c *conn) dial(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	counted := net.Conn(&countingConn{Conn: raw, c: c})
	if cfg == nil {
		return counted, nil
	}
	t := tls.Client(counted, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return t, nil
}

type countingConn struct {
	net.Conn
	c *conn
}

func (cc *countingConn) Read(b []byte) (int, error) {
	n, err := cc.Conn.Read(b)
	cc.c.received.Add(int64(n))
	return n, err
}

func (cc *countingConn) Write(b []byte) (int, error) {
	n, err := cc.Conn.Write(b)
	cc.c.sent.Add(int64(n))
	return n, err
}

func (c *conn) traffic() Traffic {
	return Traffic{Commands: c.commands.Load(), Sent: c.sent.Load(), Received: c.received.Load()}
}

// get gives the client, dialling if there is none yet.
func (c *conn) get() (rueidis.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bad != nil {
		return nil, c.bad
	}
	if c.closed {
		return nil, fmt.Errorf("%w: closed", ErrUnavailable)
	}
	if c.client == nil {
		cl, err := rueidis.NewClient(c.opt)
		if err != nil {
			return nil, wrap(err)
		}
		c.client = cl
	}
	return c.client, nil
}

func (c *conn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
		c.client = nil
	}
	return nil
}

// do sends commands in one pipeline. The replies are in order; err is set when there are none at all.
func (c *conn) do(ctx context.Context, cmds ...[]string) ([]rueidis.RedisResult, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	cl, err := c.get()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	multi := make(rueidis.Commands, len(cmds))
	for i, cmd := range cmds {
		multi[i] = cl.B().Arbitrary(cmd...).Build()
	}
	c.commands.Add(int64(len(cmds)))
	out := cl.DoMulti(ctx, multi...)
	if err := out[0].NonRedisError(); err != nil {
		return nil, wrap(err)
	}
	return out, nil
}

// one sends a single command.
func (c *conn) one(ctx context.Context, cmd ...string) (rueidis.RedisMessage, error) {
	out, err := c.do(ctx, cmd)
	if err != nil {
		return rueidis.RedisMessage{}, err
	}
	m, err := out[0].ToMessage()
	return m, wrap(err)
}

// wrap tells a process that can not answer now from one that refuses. A nil reply is no error.
func wrap(err error) error {
	if err == nil || rueidis.IsRedisNil(err) {
		return nil
	}
	var re *rueidis.RedisError
	if !errors.As(err, &re) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, code := range []string{"LOADING", "BUSY", "MASTERDOWN", "UNAVAIL", "CLUSTERDOWN"} {
		if strings.HasPrefix(re.Error(), code) {
			return fmt.Errorf("%w: %w", ErrUnavailable, re)
		}
	}
	return re
}

// isUnknown says that the other end does not know the command: it is no front door of ours.
func isUnknown(err error) bool {
	var re *rueidis.RedisError
	return errors.As(err, &re) && strings.HasPrefix(strings.ToLower(re.Error()), "err unknown command") ||
		err != nil && strings.Contains(strings.ToLower(err.Error()), "unknown command")
}
