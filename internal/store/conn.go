package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/address"
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

// newConn makes a connection to what a url of package address says. It connects to nothing.
func newConn(rawURL string, l address.Login, db int, resp3 bool) (*conn, error) {
	target, err := address.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	conf, err := l.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("store %s: tls: %w", rawURL, err)
	}
	c := &conn{}
	c.opt = rueidis.ClientOption{
		InitAddress: []string{target.Addr}, SelectDB: cmp.Or(db, target.DB),
		Username: l.User, Password: l.Password,
		DisableCache: true, DisableRetry: true, AlwaysRESP2: !resp3, ForceSingleClient: true,
		PipelineMultiplex: -1, // one connection: order is kept, and a peer sees one client
		RingScaleEachConn: 8, ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10,
		ConnWriteTimeout: callTimeout,
		ClientSetInfo:    rueidis.DisableClientSetInfo,
		DialCtxFn: func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return target.Dial(ctx, d, conf, func(raw net.Conn) net.Conn { return &countingConn{Conn: raw, c: c} })
		},
	}
	c.opt.Dialer.Timeout = dialTimeout
	return c, nil
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
