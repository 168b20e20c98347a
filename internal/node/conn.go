package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	dialTimeout = time.Second
	// redialAfter keeps a peer that is away from costing a dial per command.
	redialAfter = 250 * time.Millisecond
)

// conn is a connection to another node's front door, made when it is first wanted.
type conn struct {
	opt rueidis.ClientOption

	bytes, commands atomic.Int64 // both ways; commands as far as they are counted

	mu     sync.Mutex // protects what follows
	client rueidis.Client
	failed time.Time
	err    error
	closed bool
}

// newConn prepares a connection to rawURL and database db. proto is 2 or 3.
func newConn(rawURL, password string, db, proto int) (*conn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("node url %q: %w", rawURL, err)
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "6390")
	}
	c := &conn{opt: rueidis.ClientOption{
		InitAddress: []string{addr}, Password: password, SelectDB: db,
		DisableCache: true, DisableRetry: true, ForceSingleClient: true, AlwaysRESP2: proto != 3,
		ConnWriteTimeout: 5 * time.Second, PipelineMultiplex: -1,
		Dialer: net.Dialer{Timeout: dialTimeout},
	}}
	c.opt.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		raw, err := d.DialContext(ctx, "tcp", addr)
		return &countingConn{raw, c}, err
	}
	return c, nil
}

// get gives the client, dialling when there is none.
func (c *conn) get() (rueidis.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.client != nil:
		return c.client, nil
	case c.closed:
		return nil, store.ErrUnavailable
	case c.err != nil && time.Since(c.failed) < redialAfter:
		return nil, c.err
	}
	client, err := rueidis.NewClient(c.opt)
	if err != nil {
		c.failed, c.err = time.Now(), fmt.Errorf("dial %s: %w: %w", c.opt.InitAddress[0], store.ErrUnavailable, err)
		return nil, c.err
	}
	c.client, c.err = client, nil
	return client, nil
}

// do sends the commands in order over one connection. An error means that no reply can be trusted to come; dialled
// says that the commands may have been sent.
func (c *conn) do(ctx context.Context, cmds [][]string) (replies []rueidis.RedisResult, dialled bool, err error) {
	client, err := c.get()
	if err != nil {
		return nil, false, err
	}
	built := make([]rueidis.Completed, len(cmds))
	for i, cmd := range cmds {
		built[i] = client.B().Arbitrary(cmd...).Build()
	}
	replies = client.DoMulti(ctx, built...)
	for i := range replies {
		err := replies[i].NonRedisError()
		if err == nil {
			continue
		}
		var op *net.OpError
		dialled = !errors.As(err, &op) || op.Op != "dial"
		return nil, dialled, fmt.Errorf("ask %s: %w: %w", c.opt.InitAddress[0], store.ErrUnavailable, err)
	}
	return replies, true, nil
}

func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
		c.client = nil
	}
}
