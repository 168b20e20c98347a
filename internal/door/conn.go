package door

import (
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
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/sock"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	dialTimeout = time.Second
	// redialAfter keeps a peer that is away from costing a dial per command.
	redialAfter = 250 * time.Millisecond
)

// Config says where a Conn leads.
type Config struct {
	URL string // address.Parse
	address.Login
	DB      int
	Proto   int           // 2 or 3; 0 = 2
	Timeout time.Duration // of a command of Call, and without a sign of life; 0 = 5 s
}

// Conn is a connection to another node's front door, made when it is first wanted. It is safe for concurrent use.
type Conn struct {
	cfg Config
	opt rueidis.ClientOption

	bytes, commands atomic.Int64

	mu     sync.Mutex // protects what follows
	client rueidis.Client
	failed time.Time
	err    error
	closed bool
}

// New prepares a connection.
func New(cfg Config) (*Conn, error) {
	target, err := address.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	conf, err := cfg.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("node %s: tls: %w", cfg.URL, err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	c := &Conn{cfg: cfg, opt: rueidis.ClientOption{
		InitAddress: []string{target.Addr}, Username: cfg.User, Password: cfg.Password, SelectDB: cfg.DB,
		DisableCache: true, DisableRetry: true, ForceSingleClient: true, AlwaysRESP2: cfg.Proto != 3,
		ConnWriteTimeout: cfg.Timeout, PipelineMultiplex: -1,
		Dialer: net.Dialer{Timeout: dialTimeout},
	}}
	c.opt.DialCtxFn = func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return target.Dial(ctx, d, conf, func(raw net.Conn) net.Conn { return &counting{sock.Quiet(raw), &c.bytes} })
	}
	return c, nil
}

// get gives the client, dialling when there is none.
func (c *Conn) get() (rueidis.Client, error) {
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

// Do sends the commands in order. An error means that no reply can be trusted to come; sent says that the commands may
// have been sent.
func (c *Conn) Do(ctx context.Context, cmds [][]string) (replies []rueidis.RedisResult, sent bool, err error) {
	client, err := c.get()
	if err != nil {
		return nil, false, err
	}
	built := make([]rueidis.Completed, len(cmds))
	for i, cmd := range cmds {
		built[i] = client.B().Arbitrary(cmd...).Build()
	}
	c.commands.Add(int64(len(cmds)))
	replies = client.DoMulti(ctx, built...)
	for i := range replies {
		err := replies[i].NonRedisError()
		if err == nil {
			continue
		}
		var op *net.OpError
		sent = !errors.As(err, &op) || op.Op != "dial"
		return nil, sent, fmt.Errorf("ask %s: %w: %w", c.opt.InitAddress[0], store.ErrUnavailable, err)
	}
	return replies, true, nil
}

// Call implements peering.Caller.
func (c *Conn) Call(ctx context.Context, cmd string, arg []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	replies, _, err := c.Do(ctx, [][]string{{cmd, string(arg)}})
	if err != nil {
		return nil, err
	}
	b, err := replies[0].AsBytes()
	var refusal *rueidis.RedisError
	if errors.As(err, &refusal) {
		kind, text := peering.ErrRefused, strings.ToLower(refusal.Error())
		if strings.HasPrefix(text, "nolog") || strings.Contains(text, "unknown command") {
			kind = peering.ErrNoLog
		}
		err = fmt.Errorf("%w: %w", kind, err)
	}
	return b, err
}

// Bytes is what went over it, both ways.
func (c *Conn) Bytes() int64 { return c.bytes.Load() }

// Commands is how many were sent.
func (c *Conn) Commands() int64 { return c.commands.Load() }

// Close ends it.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
		c.client = nil
	}
}

// counting counts what goes over a connection.
type counting struct {
	net.Conn
	n *atomic.Int64
}

func (cc *counting) Read(b []byte) (int, error) {
	n, err := cc.Conn.Read(b)
	cc.n.Add(int64(n))
	return n, err
}

func (cc *counting) Write(b []byte) (int, error) {
	n, err := cc.Conn.Write(b)
	cc.n.Add(int64(n))
	return n, err
}
