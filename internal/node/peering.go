package node

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/archive"
	"github.com/dunlin-db/dunlin/internal/door"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/server"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/syncer"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// How much of the log an engine node keeps in memory for its peers, all shards together: with a disk the rest is read
// from there.
const (
	mostTail     = 32 << 20
	mostDiskTail = 4 << 20
)

// tailBytes is that, or a sixteenth of the limit on memory if that is less.
func (n *Node) tailBytes() int64 {
	most := int64(mostTail)
	if n.disk != nil {
		most = mostDiskTail
	}
	if limit := n.cfg.Memory.Max; limit > 0 {
		return min(most, limit/16)
	}
	return most
}

// peerTimeout is how long an answer of a peer may take, however slow the way.
const peerTimeout = 20 * time.Second

// peers is what an engine node has to do with the others.
type peers struct {
	hello peering.Hello
	bell  *replica.Bell
	feed  *peering.Feed
	links []*peerLink
	proof *proof.Prover
	marks *watermark.Board

	archive *archive.Log // the log on disk; nil = there is none
}

// peerLink is how this node follows one other.
type peerLink struct {
	peer    string
	link    *peering.Link
	syncers []*syncer.Syncer // for a peer that speaks no log
	conns   []*door.Conn
}

// newPeers is nil for a node that has nobody to speak the log protocol with.
func (n *Node) newPeers(inc replog.Incarnation) *peers {
	t := n.cfg.Topology
	if n.self.OnRedis() || len(t.Nodes) < 2 {
		return nil
	}
	return &peers{
		bell: &replica.Bell{}, marks: watermark.NewBoard(),
		hello: peering.Hello{
			Version: peering.Version, Cluster: t.Cluster, Node: n.self.Name, Incarnation: inc, Ring: ringHash(t),
			Chunks: true,
		},
	}
}

// newGrid gives what a shard is compared by, nil when there is nobody to compare with.
func (n *Node) newGrid() *grid.Grid {
	if n.peers == nil {
		return nil
	}
	return grid.New(n.cfg.Topology.Cluster)
}

// ringHash is the same for nodes that place series in the same way.
func ringHash(t *ring.Topology) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, t.Layout, t.Rings) // never fails
	return h.Sum64()
}

// openPeers makes the links, when the shards are there.
func (n *Node) openPeers() error {
	p := n.peers
	if p == nil {
		return nil
	}
	p.feed = &peering.Feed{
		Self: p.hello, Meet: p.meet, Heard: p.heard, Shards: n.ordered(), Bell: p.bell, Clock: n.cfg.Clock,
		Compared: p.compared, Edicts: n.orders, Marks: p.marks,
	}
	if n.disk != nil {
		p.archive = archive.New(fsx.OS{}, filepath.Join(n.cfg.StoragePath, "log"))
		p.feed.Disk = p.archive
	}
	// To who follows the journals here, previews make all that comes after them late: hours are read whole for that.
	previews := !slices.ContainsFunc(n.cfg.Topology.Nodes, func(t ring.Node) bool { return t.OnRedis() })
	for i := range n.cfg.Topology.Nodes {
		t := &n.cfg.Topology.Nodes[i]
		shards, syncers := n.shared(t)
		if t.Name == n.self.Name || len(shards) == 0 {
			continue
		}
		l := &peerLink{peer: t.Name, syncers: syncers}
		for range 2 {
			c, err := door.New(door.Config{URL: t.URL, Login: t.Login, Timeout: peerTimeout})
			if err != nil {
				return err
			}
			l.conns = append(l.conns, c)
			n.closers = append(n.closers, func() error { c.Close(); return nil })
		}
		l.link = peering.NewLink(peering.LinkConfig{
			Peer: t.Name, Self: p.hello, Shards: shards, Pull: l.conns[0], Compare: l.conns[1],
			Follows: p.follows, Edicts: n.orders, Marks: p.marks, Journal: l.runSyncers, Log: n.log, Previews: previews,
		})
		p.links = append(p.links, l)
	}
	p.proof = n.newProof()
	return nil
}

// newProof makes what compares this node with its peers.
func (n *Node) newProof() *proof.Prover {
	cfg := proof.Config{
		Self: n.peers.feed, Layout: n.cfg.Topology.Layout, Every: n.cfg.Proof.Every, Reread: n.cfg.Proof.Reread, Log: n.log,
	}
	for _, l := range n.peers.links {
		cfg.Peers = append(cfg.Peers, l.link)
	}
	if n.disk != nil {
		cfg.Mended = n.disk.Rewrite
	}
	return proof.New(cfg)
}

// compared gives the excess of a peer's shard that this node has compared with.
func (p *peers) compared(peer string, shard int) uint64 {
	for _, l := range p.links {
		if l.peer == peer {
			return l.link.Compared(shard)
		}
	}
	return 0
}

// shared gives the shards that another node holds too, and what follows their journals.
func (n *Node) shared(other *ring.Node) (shards []*shard.Shard, syncers []*syncer.Syncer) {
	for _, l := range n.links {
		if l.peer == other.Name {
			shards, syncers = append(shards, n.shards[l.shard]), append(syncers, l.syncer)
		}
	}
	return shards, syncers
}

// runSyncers follows the journals of all shards of the peer.
func (l *peerLink) runSyncers(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range l.syncers {
		g.Go(func() error { return s.Run(ctx) })
	}
	return g.Wait()
}

// follows gives the nodes whose log is being followed.
func (p *peers) follows() (nodes []string) {
	for _, l := range p.links {
		if _, ok := l.link.Follows(); ok {
			nodes = append(nodes, l.peer)
		}
	}
	return nodes
}

// errTwice refuses a node while another one of its name is there.
var errTwice = errors.New("another node of this name is running: give one of the two another name")

// meet says why a node is not to be answered: another one of its name is being followed.
func (p *peers) meet(other peering.Hello) error {
	if l := p.link(other.Node); l != nil {
		if life, ok := l.Follows(); ok && life.Incarnation != other.Incarnation {
			return errTwice
		}
	}
	return nil
}

// heard makes a node that has introduced itself be followed at once.
func (p *peers) heard(other peering.Hello) {
	if l := p.link(other.Node); l != nil {
		l.Kick()
	}
}

// link gives the link to a node, nil if there is none.
func (p *peers) link(node string) *peering.Link {
	for _, l := range p.links {
		if l.peer == node {
			return l.link
		}
	}
	return nil
}

// serverPeering is what the front door answers peers from.
func (n *Node) serverPeering() func() server.PeerSession {
	if n.peers == nil {
		return nil
	}
	return func() server.PeerSession { return n.peers.feed.NewSession() }
}

// fields are those of INFO replication.
func (p *peers) fields() (fields [][2]string) {
	if p == nil {
		return nil
	}
	for _, l := range p.links {
		fields = append(fields, [2]string{"log_of_" + l.peer, l.link.Status().String()})
	}
	for _, o := range p.origins() {
		fields = append(fields, [2]string{"complete_" + o.node, o.String()})
	}
	if p.archive != nil {
		fields = append(fields, p.archive.Fields()...)
	}
	return append(fields, p.proof.Status().Fields()...)
}

// warnings are what people should know of the replicas.
func (p *peers) warnings() (w []string) {
	if p == nil {
		return nil
	}
	s := p.proof.Status()
	if s.Divergence > 0 {
		w = append(w, fmt.Sprintf("replicas differed %d times, the last time at %s: %s", s.Divergence,
			s.LastAt.UTC().Format(time.RFC3339), s.Last))
	}
	return w
}

// peerBytes is the memory that all shards hold for peers.
func (n *Node) peerBytes() (bytes int64) {
	for _, sh := range n.shards {
		bytes += sh.PeerBytes()
	}
	return bytes
}

// linkStatuses tells of every shard and peer.
func (n *Node) linkStatuses() (list []syncer.Status) {
	if n.peers != nil {
		for _, l := range n.peers.links {
			list = append(list, l.statuses()...)
		}
		return list
	}
	for _, l := range n.links {
		list = append(list, l.syncer.Status())
	}
	return list
}

// statuses tells of each shard of each peer as a Syncer does. What is known of the whole link stands with its first
// shard.
func (l *peerLink) statuses() (list []syncer.Status) {
	s := l.link.Status()
	for i, j := range l.syncers {
		st := j.Status()
		if s.State != peering.Journal {
			st = syncer.Status{
				Peer: l.peer, Shard: st.Shard, State: syncer.State(s.State), Err: s.Err, LagMillis: -1,
			}
			if lag, ok := s.Lag[st.Shard]; ok {
				st.LagMillis = lag.Milliseconds()
			}
		}
		if i == 0 {
			st.Points += s.Points + s.Repaired
			st.Repaired += s.Compares
			for _, c := range l.conns {
				st.Bytes += c.Bytes()
				st.Commands += c.Commands()
			}
		}
		list = append(list, st)
	}
	return list
}
