package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/dunlin-db/dunlin"
)

// Config says what an Agent measures and where its points go.
type Config struct {
	Client Client
	Host   string        // the host's name; the machine's own if empty
	Every  time.Duration // 10 s if 0
	Clock  func() time.Time
	Log    *slog.Logger
}

// Agent writes this machine's metrics.
type Agent struct {
	sender  *sender
	host    string
	every   time.Duration
	clock   func() time.Time
	machine machine
}

// New makes an Agent. It starts nothing.
func New(cfg Config) (*Agent, error) {
	host := cfg.Host
	if host == "" {
		var err error
		if host, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("read host name: %w", err)
		}
	}
	a := &Agent{
		sender: newSender(cfg.Client, cfg.Log), host: host, every: cmp.Or(cfg.Every, 10*time.Second), clock: cfg.Clock,
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	return a, nil
}

// Run measures and writes until ctx ends; it returns nil then.
func (a *Agent) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		start := time.Now()
		a.sender.send(ctx, a.Collect(ctx))
		timer.Reset(pause(a.every, time.Since(start)))
	}
}

// pause is the time to the next tick, ± 5 %, so that a fleet that was started at once spreads out.
func pause(every, spent time.Duration) time.Duration {
	jitter := time.Duration((rand.Float64() - 0.5) / 10 * float64(every))
	return max(every-spent+jitter, 0)
}

// Collect measures once. Percentages over time need two measurements, so the first has none.
func (a *Agent) Collect(ctx context.Context) []dunlin.Point {
	now := a.clock().Truncate(time.Millisecond)
	var points []dunlin.Point
	a.machine.collect(ctx, func(metric, value string) {
		points = append(points, dunlin.Point{Host: a.host, Metric: metric, Time: now, Value: value})
	})
	return points
}
