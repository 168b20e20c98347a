package load

import (
	"net/url"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// Config says what streams are made of.
type Config struct {
	Shape
	Form     Form
	Commands int      // of a batch
	Samples  int      // of a request of Write
	Single   bool     // a batch is what one host sends at a tick
	URL      *url.URL // of Write
}

// Set is what the streams to one server share.
type Set struct {
	cfg   Config
	fleet *fleet.Fleet
	names *names
	keys  *names
}

// New makes up the fleet. Each server needs a set of its own, because a fleet moves on as it is read.
func New(cfg Config) *Set {
	f := fleet.New(fleet.Config{
		Seed: cfg.Seed, Hosts: cfg.Hosts, Metrics: cfg.Metrics, Tick: int(cfg.Interval / time.Second), Mix: cfg.Mix,
	})
	s := &Set{cfg: cfg, fleet: f, names: newNames(cfg.Form.nameKind(), f)}
	s.keys = s.names
	if s.names.kind != keyNames {
		s.keys = newNames(keyNames, f)
	}
	return s
}

// Key is the key of a series on the day of a second.
func (s *Set) Key(host, metric int, at int64) string { return s.keys.key(host, metric, at) }

// Stream is the share of one connection: the hosts from first to last, which is not included. Streams of different
// hosts may be used by different goroutines.
func (s *Set) Stream(first, last int) *Stream {
	c := &Stream{cfg: &s.cfg, gen: newGenerator(&s.cfg.Shape, s.fleet, s.cfg.Form)}
	c.gen.first, c.gen.last, c.gen.host = first, last, first
	c.enc = encoder{form: s.cfg.Form, names: s.names.clone(), keys: s.keys.clone(), dup: s.cfg.Dup > 0}
	if s.cfg.Form == Write {
		c.enc.post = newPost(s.cfg.URL)
	}
	c.filler = filler{gen: c.gen, enc: &c.enc}
	return c
}

// Stream makes the commands of one connection, batch by batch.
type Stream struct {
	cfg    *Config
	gen    *generator
	enc    encoder
	filler filler
	unit   []point // of gen, not yet encoded
	tick   int     // of the last unit
	host   int     // of the last unit
}

// Until lets Next go on until a tick, which is not included; with drain what is held back then is sent after it.
func (c *Stream) Until(tick int, drain bool) { c.gen.until, c.gen.drain = tick, drain }

// Tick is the next tick.
func (c *Stream) Tick() int { return c.gen.tick }

// Last is whose points were encoded last, and of which tick.
func (c *Stream) Last() (host, tick int) { return c.host, c.tick }

// Fill encodes the next batch of the ticks before until, as many points a command as go; without commands when all
// are encoded. It comes before Next.
func (c *Stream) Fill(b *Batch, until int) {
	c.filler.last = until
	c.filler.next(b)
}

// Next encodes the next batch; without commands when Until is reached. It allocates nothing once b has grown.
func (c *Stream) Next(b *Batch) {
	b.reset()
	form := c.cfg.Form
	for !c.full(b) {
		if len(c.unit) == 0 {
			if c.cfg.Single && b.Points+b.Repeated > 0 {
				break
			}
			c.host, c.tick = c.gen.host, c.gen.tick
			if c.unit = c.gen.unit(); len(c.unit) == 0 {
				break
			}
		}
		for len(c.unit) > 0 && (form.grouped() || !c.full(b)) {
			c.enc.add(b, &c.unit[0])
			c.unit = c.unit[1:]
		}
		if len(c.unit) == 0 {
			c.enc.end(b)
		}
	}
	if form == Write && c.enc.post.samples > 0 {
		b.Bytes = c.enc.post.end(b.Bytes)
		b.Commands = 1
	}
}

func (c *Stream) full(b *Batch) bool {
	if c.cfg.Form == Write {
		return c.enc.post.samples >= c.cfg.Samples
	}
	return b.Commands+c.enc.perPoint() > c.cfg.Commands
}
