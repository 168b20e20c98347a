package server

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// Config is what a server is made of.
type Config struct {
	Topology *ring.Topology
	Clock    func() time.Time
}

// Server is the front door.
type Server struct{ cfg Config }

type client struct{}
