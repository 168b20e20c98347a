package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/query"
)

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 30 * time.Second // of one response, and of one event of a stream
	maxHeaderBytes    = 64 << 10
	shutdownTimeout   = 3 * time.Second
)

// Config describes a Server.
type Config struct {
	Node       string // name of this node
	Index      *query.Index
	Flock      func() Flock         // may be nil
	Ready      func() error         // nil error = ready; may be nil
	Registry   *prometheus.Registry // served on /metrics; may be nil
	Log        *slog.Logger
	ConfigFile string           // exporter-toolkit's file for TLS and basic auth; "" = neither
	Clock      func() time.Time // time.Now if nil
	Tick       time.Duration    // between two events of a stream, 1 s if 0
	MaxStreams int              // 256 if 0; one more is answered 503
}

// Server serves HTTP for one node.
type Server struct {
	cfg     Config
	assets  map[string]asset // by path
	streams chan struct{}    // one slot per running stream
	started string           // tells a page that reconnects whether the server is another
}

// New makes a server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Flock == nil {
		cfg.Flock = func() Flock { return Flock{Self: cfg.Node} }
	}
	if cfg.Ready == nil {
		cfg.Ready = cfg.Index.Ready
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Tick == 0 {
		cfg.Tick = time.Second
	}
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = 256
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	return &Server{
		cfg: cfg, assets: loadAssets(), streams: make(chan struct{}, cfg.MaxStreams),
		started: fmt.Sprint(cfg.Clock().UnixNano()),
	}
}

// Handler serves all paths. loopback adds the allow-list of Host headers that keeps a browser from being led here
// under another name (DNS rebinding).
func (s *Server) Handler(loopback bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.HandleFunc("GET /assets/{name}", s.serveAsset)
	mux.HandleFunc("GET /api/v1/flock", s.serveFlock)
	mux.HandleFunc("GET /api/v1/hosts", s.serveHosts)
	mux.HandleFunc("GET /api/v1/metrics", s.serveMetricNames)
	mux.HandleFunc("GET /api/v1/series", s.serveSeries)
	mux.HandleFunc("GET /api/v1/stream", s.serveStream)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { plain(w, 200, "healthy\n") })
	mux.HandleFunc("GET /-/ready", s.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 8}))
	return guard(mux, loopback)
}

// Run serves until ctx ends, then lets running requests finish for a moment. It closes ln.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	srv := &http.Server{
		Handler:           s.Handler(isLoopback(ln.Addr())),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // streams end with ctx
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	g.Go(func() error {
		none, file := false, s.cfg.ConfigFile
		flags := &toolkit.FlagConfig{WebListenAddresses: &[]string{}, WebSystemdSocket: &none, WebConfigFile: &file}
		if err := toolkit.Serve(ln, srv, flags, s.cfg.Log); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if srv.Shutdown(end) != nil {
			return srv.Close()
		}
		return nil
	})
	err := g.Wait()
	ln.Close() // Serve may have failed before it took the listener over
	return err
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := s.cfg.Ready(); err != nil {
		plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error()+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked is gone
}
