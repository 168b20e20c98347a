package agent

import (
	"context"
	"errors"
	"log/slog"
	"maps"

	"github.com/dunlin-db/dunlin"
)

// Client is the part of the client that an agent needs.
type Client interface {
	Add(ctx context.Context, points ...dunlin.Point) error
	Stats() dunlin.Stats
}

// sender gives points to the client and tells the log, once each time, when they are not taken and when they are again.
type sender struct {
	client  Client
	log     *slog.Logger
	tick    int64 // points of the last send
	down    bool
	dropped map[string]int64
	refused int64
}

func newSender(c Client, log *slog.Logger) *sender {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &sender{client: c, log: log}
}

// send gives the client the points of a tick and looks at what became of those before.
func (s *sender) send(ctx context.Context, points []dunlin.Point) {
	before := s.client.Stats()
	if waiting := int64(before.Waiting) + before.Spooled; waiting > s.tick && !s.down {
		s.down = true
		s.log.Warn("points wait: no node takes them", "waiting", waiting)
	} else if waiting == 0 && s.down {
		s.down = false
		s.log.Info("points are taken again")
	}
	if !maps.Equal(before.Dropped, s.dropped) {
		s.log.Warn("points are lost", "dropped", before.Dropped)
	}
	if before.Refused > s.refused {
		s.log.Warn("points are refused", "refused", before.Refused)
	}
	s.dropped, s.refused = before.Dropped, before.Refused
	s.tick = int64(len(points))
	if err := s.client.Add(ctx, points...); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Warn("points not taken", "err", err)
	}
}
