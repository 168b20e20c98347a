package dunlin

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/spool"
	"github.com/dunlin-db/dunlin/internal/upstream"
)

// Client talks to a flock. It is safe for concurrent use, and one serves a whole program.
type Client struct {
	*core
	once    sync.Once
	release func() error
}

// core is what all holders of one client share.
type core struct {
	cfg    Config
	target *address.Target // of Config.URL, else nil
	view   atomic.Pointer[view]
	queue  *queue
	counts counts

	changing sync.Mutex // one change of the topology at a time; protects what follows
	members  map[string]*member
	closing  bool

	stop context.CancelFunc
	wg   sync.WaitGroup // the sender of the queue
}

// Open reads the topology and makes a Client. It connects to nobody: a server is dialed when it is first needed.
func Open(_ context.Context, cfg Config) (*Client, error) {
	c, err := open(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{core: c, release: c.close}, nil
}

func open(cfg Config) (*core, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &core{cfg: cfg.withDefaults(), members: map[string]*member{}}
	topo, target, err := cfg.topology()
	if err != nil {
		return nil, err
	}
	c.target = target
	c.queue = newQueue(c, topo)
	if err := c.adopt(topo); err != nil {
		return nil, err
	}
	if cfg.Spool != "" {
		disk := spool.Config{Dir: cfg.Spool, Max: c.cfg.Limits.Spool}
		if cfg.OnResult != nil {
			disk.Dropped = c.queue.dropped
		}
		if c.queue.disk, err = spool.Open(disk); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.runQueue(ctx)
	return c, nil
}

func (c *core) runQueue(ctx context.Context) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.queue.Run(ctx)
	}()
}

// adopt makes topo the flock that the client knows. Servers whose address and login stay are kept with all that is on
// its way to them; changing is held, or nobody else has the client yet.
func (c *core) adopt(topo *Topology) error {
	kept := map[string]*member{}
	v, err := newView(topo, func(n *ring.Node) (*member, error) {
		m, err := c.member(topo, n)
		kept[n.Name] = m
		return m, err
	})
	if err != nil {
		return err
	}
	c.view.Store(v)
	old := c.members
	c.members = kept
	c.queue.reroute()
	for name, m := range old {
		if kept[name] == nil || kept[name].server != m.server {
			c.runRetire(m.server)
		}
	}
	return nil
}

// runRetire closes a server that is needed no longer, when what is on its way to it has been answered.
func (c *core) runRetire(s *upstream.Server) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		s.Retire()
	}()
}

// member gives the member for a node: the present one where only its shards changed.
func (c *core) member(topo *Topology, n *ring.Node) (*member, error) {
	m := newMember(n)
	m.far = c.distance(topo, n)
	target := c.target
	if target == nil {
		t, err := address.Parse(n.URL)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
		target = &t
	}
	m.db = target.DB
	if old := c.members[n.Name]; old != nil && old.info.URL == n.URL && old.info.Login == n.Login {
		m.server, m.rank = old.server, old.rank
		m.plain.Store(old.plain.Load())
		return m, nil
	}
	conf, err := n.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("node %s: tls: %w", n.Name, err)
	}
	m.server = upstream.New(upstream.Config{
		Target: *target, User: cmp.Or(n.User, c.cfg.User), Password: n.Password, TLS: cmp.Or(conf, c.cfg.TLS),
		Timeout: c.cfg.Timeout, MaxPause: c.cfg.Limits.MaxPause, Changed: c.queue.changed,
	})
	return m, nil
}

// distance is 0 for the wished node, 1 for the client's site, which is the wished node's if none is named, 2 for the
// rest.
func (c *core) distance(topo *Topology, n *ring.Node) int {
	site := c.cfg.Site
	if wished := topo.Node(c.cfg.Node); site == "" && wished != nil {
		site = wished.Site
	}
	switch {
	case n.Name == c.cfg.Node:
		return 0
	case n.Site == site:
		return 1
	}
	return 2
}

// Topology is the flock as the client knows it. It must not be changed.
func (c *Client) Topology() *Topology { return c.view.Load().topo }

// Close gives what Add took a last chance, Config.Deadline long where a node answers, puts the rest into the spool if
// there is one, and ends all connections. An error says how many points are lost with it. Of several holders of a
// shared client only the last one's Close does so.
func (c *Client) Close() error {
	var err error
	c.once.Do(func() { err = c.release() })
	return err
}

func (c *core) close() error {
	c.queue.drain()
	c.stop()
	c.changing.Lock()
	defer c.changing.Unlock()
	c.closing = true
	c.wg.Wait()
	err := c.queue.abandon()
	for _, m := range c.members {
		m.server.Close()
	}
	return err
}

// shared are the clients of this process by their tags.
var shared = struct {
	sync.Mutex
	byTag map[string]*sharedCore
}{byTag: map[string]*sharedCore{}}

type sharedCore struct {
	*core
	asked   Config
	holders int
}

// Shared gives the client of this process with a tag, and opens it if nobody has. Every holder closes what it was
// given; the last one's Close ends the client. A config that differs from that of the first holder is an ErrConfig.
func Shared(tag string, cfg Config) (*Client, error) {
	shared.Lock()
	defer shared.Unlock()
	s := shared.byTag[tag]
	if s == nil {
		c, err := open(cfg)
		if err != nil {
			return nil, err
		}
		s = &sharedCore{core: c, asked: cfg}
		shared.byTag[tag] = s
	} else if differs := s.asked.differs(cfg); len(differs) > 0 {
		return nil, fmt.Errorf("%w: %q is shared with another %v; take another tag", ErrConfig, tag, differs)
	}
	s.holders++
	return &Client{core: s.core, release: func() error { return s.leave(tag) }}, nil
}

func (s *sharedCore) leave(tag string) error {
	shared.Lock()
	s.holders--
	last := s.holders == 0
	if last {
		delete(shared.byTag, tag)
	}
	shared.Unlock()
	if !last {
		return nil
	}
	return s.close()
}

// differs names the fields in which two configs are not the same. Functions are the same when they are the same code.
func (cfg Config) differs(other Config) []string {
	a, b := reflect.ValueOf(cfg), reflect.ValueOf(other)
	var names []string
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		same := false
		if x.Kind() == reflect.Func {
			same = x.Pointer() == y.Pointer()
		} else {
			same = reflect.DeepEqual(x.Interface(), y.Interface())
		}
		if !same {
			names = append(names, a.Type().Field(i).Name)
		}
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
