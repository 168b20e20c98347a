package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/fleet"
)

// slots is into how many writes one tick of a simulated fleet is spread.
const slots = 10

// SimConfig says how large a simulated fleet is.
type SimConfig struct {
	Client Client
	Hosts  int           // named sim-001, sim-002, …
	Every  time.Duration // 5 s if 0
	Seed   uint64
	Clock  func() time.Time
	Log    *slog.Logger
}

// Simulated writes the standard mix of hosts that do not exist.
type Simulated struct {
	sender *sender
	fleet  *fleet.Fleet
	every  time.Duration
	clock  func() time.Time
}

// NewSimulated makes a simulated fleet. It starts nothing.
func NewSimulated(cfg SimConfig) *Simulated {
	every := cmp.Or(cfg.Every, 5*time.Second)
	s := &Simulated{
		sender: newSender(cfg.Client, cfg.Log),
		fleet: fleet.New(fleet.Config{
			Seed: cfg.Seed, Hosts: cfg.Hosts, Metrics: fleet.PerHost, Tick: max(int(every.Seconds()), 1),
		}),
		every: every, clock: cfg.Clock,
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// Run writes a share of the hosts in each slot of a tick until ctx ends; it returns nil then.
func (s *Simulated) Run(ctx context.Context) error {
	ticker := time.NewTicker(max(s.every/slots, time.Millisecond))
	defer ticker.Stop()
	for slot := 0; ; slot = (slot + 1) % slots {
		s.sender.send(ctx, s.collect(slot))
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// collect moves the hosts of a slot on and gives their points.
func (s *Simulated) collect(slot int) []dunlin.Point {
	now := s.clock().Truncate(time.Millisecond)
	var points []dunlin.Point
	for h := slot; h < s.fleet.Hosts(); h += slots {
		s.fleet.Step(h)
		for m := range s.fleet.Metrics() {
			points = append(points, dunlin.Point{
				Host: fmt.Sprintf("sim-%03d", h+1), Metric: s.fleet.Name(m), Time: now,
				Value: string(s.fleet.AppendValue(nil, h, m)),
			})
		}
	}
	return points
}
