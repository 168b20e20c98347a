package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// How long a connection may take to be made where the server's timeout is shorter, and how often an idle one is tried.
const (
	dialTimeout = time.Second
	keepAlive   = 15 * time.Second
)

// link is one multiplexed connection to a database.
type link struct {
	ready  chan struct{} // closed when client or err is set
	client rueidis.Client
	err    error
	took   time.Duration // to connect and log in

	users   int  // attempts that are under way; the server's mu protects it
	retired bool // closed when the last of them ends; the server's mu protects it

	mu     sync.Mutex // protects what follows
	raw    net.Conn
	closed bool
}

var errLinkClosed = errors.New("connection closed")

// open makes the connection and logs in.
func (l *link) open(ctx context.Context, cfg *Config, db int) {
	defer close(l.ready)
	defer context.AfterFunc(ctx, l.close)()
	began := time.Now()
	l.client, l.err = rueidis.NewClient(rueidis.ClientOption{
		InitAddress:         []string{cfg.Target.Addr},
		Dialer:              net.Dialer{Timeout: max(cfg.Timeout, dialTimeout), KeepAlive: keepAlive},
		Username:            cfg.User,
		Password:            cfg.Password,
		ClientName:          "dunlin",
		SelectDB:            db,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		ConnWriteTimeout:    max(cfg.Timeout, 2*time.Second),
		ReadBufferEachConn:  32 << 10,
		WriteBufferEachConn: 64 << 10,
		RingScaleEachConn:   8,
		PipelineMultiplex:   -1, // one connection
		BlockingPipeline:    -1, // for long pipelines too
		DisableCache:        true,
		DisableRetry:        true, // failover is the client's own
		ForceSingleClient:   true,
		AlwaysPipelining:    true, // whoever gives up disturbs nobody else
		DialCtxFn: func(dial context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return l.connect(dial, d, cfg)
		},
	})
	l.took = time.Since(began)
}

func (l *link) connect(ctx context.Context, d *net.Dialer, cfg *Config) (net.Conn, error) {
	raw, err := cfg.Target.Dial(ctx, d, cfg.TLS, nil)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(errLinkClosed, raw.Close())
	}
	l.raw = raw
	return raw, nil
}

// close ends the connection at once: what waits for replies on it fails.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.raw != nil {
		_ = l.raw.Close() // it may be broken already
	}
}
