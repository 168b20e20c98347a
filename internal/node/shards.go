package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/query"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/strays"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// openShards makes every shard this node holds, with what follows its peers and its own Redis process, and the index
// over all of them.
func (n *Node) openShards(ctx context.Context) error {
	incarnation := replog.NewIncarnation()
	n.orders = n.newOrders()
	if err := n.openDisk(incarnation); err != nil {
		return err
	}
	n.peers = n.newPeers(incarnation)
	readers := map[int]store.Reader{}
	for _, id := range n.self.Hold {
		rec := n.newRecorder()
		g := n.newGrid()
		st, redis, err := n.openStore(engine.Config{
			Epoch: fmt.Sprintf("%s-%d-%s", n.self.Name, id, incarnation), Recorder: rec, Shard: id, Grid: g,
		})
		if err != nil {
			return fmt.Errorf("shard %d: %w", id, err)
		}
		n.closers = append(n.closers, st.Close)
		cfg := shard.Config{
			Origin: replog.Origin{Node: n.self.Name, Shard: id, Incarnation: incarnation},
			Layout: n.cfg.Topology.Layout, Store: st, Clock: n.cfg.Clock,
		}
		if n.disk != nil {
			cfg.Log, cfg.Loading = n.disk.Log(), true
		}
		if cfg.Recorder = rec; n.peers != nil {
			cfg.Grid = g
			cfg.Tail, cfg.Bell = n.tailBytes()/int64(len(n.self.Hold)), n.peers.bell
		}
		sh, err := shard.New(ctx, cfg)
		if err != nil {
			return fmt.Errorf("shard %d: %w", id, err)
		}
		sh.Obey(n.orders.Set())
		n.shards[id] = sh
		readers[id] = sh.Reader()
		if redis != nil {
			n.follow(sh, redis)
		}
		n.linkPeers(sh)
	}
	if err := errors.Join(n.restoreFloor(ctx), n.openPeers()); err != nil {
		return err
	}
	for _, sh := range n.ordered() {
		n.sweepers = append(n.sweepers, strays.New(strays.Config{
			Topology: n.cfg.Topology, Shard: sh, Held: n.shards, Forward: n.forward, Log: n.log,
		}))
	}
	n.index = query.NewIndex(query.Config{
		Layout: n.cfg.Topology.Layout, Readers: readers, Place: n.cfg.Topology.ShardOf, Clock: n.cfg.Clock,
	})
	return nil
}

// openStore gives the store of a shard; redis is the same again where it is a Redis process.
func (n *Node) openStore(cfg engine.Config) (st store.Store, redis *store.Redis, err error) {
	t, id := n.cfg.Topology, cfg.Shard
	if !n.self.OnRedis() {
		cfg.Layout, cfg.Cluster, cfg.Clock, cfg.Budget = t.Layout, t.Cluster, n.cfg.Clock, n.keeper.budget
		return engine.New(cfg), nil, nil
	}
	if id > len(n.self.Redis) {
		return nil, nil, errors.New("the topology names no Redis process for it")
	}
	redis = store.DialProcess(store.ProcessConfig{
		URL: n.self.Redis[id-1], Layout: t.Layout, Cluster: t.Cluster, Clock: n.cfg.Clock,
	})
	return redis, redis, nil
}

// follow makes the follower of the writers that go straight into this node's Redis process.
func (n *Node) follow(sh *shard.Shard, redis *store.Redis) {
	n.followers = append(n.followers, syncer.NewFollower(syncer.FollowerConfig{
		Shard: sh, Store: redis, JournalName: n.cfg.JournalName, Sweep: n.cfg.Sweep, Clock: n.cfg.Clock, Log: n.log,
	}))
}

// linkPeers makes a syncer for every other node that holds the shard.
func (n *Node) linkPeers(sh *shard.Shard) {
	t := n.cfg.Topology
	for _, peer := range t.Holders(sh.ID()) {
		if peer.Name == n.self.Name {
			continue
		}
		reader := store.DialPeer(store.PeerConfig{
			URL: peer.URL, Login: peer.Login, Shard: sh.ID(), Layout: t.Layout, Cluster: t.Cluster,
		})
		n.closers = append(n.closers, reader.Close)
		n.links = append(n.links, link{peer: peer.Name, shard: sh.ID(), syncer: syncer.New(syncer.Config{
			Shard: sh, Peer: reader, PeerName: peer.Name, Clock: n.cfg.Clock, Log: n.log,
		})})
	}
}

// restoreFloor puts the floor that an earlier run kept into effect before anything is pulled or served. A Redis that
// is away gets it later, from retention.
func (n *Node) restoreFloor(ctx context.Context) error {
	floor := n.keeper.Floor()
	if floor == 0 {
		return nil
	}
	for _, sh := range n.ordered() {
		if _, err := sh.Drop(ctx, floor); err != nil && !errors.Is(err, store.ErrUnavailable) {
			return fmt.Errorf("restore the floor of shard %d: %w", sh.ID(), err)
		}
	}
	return nil
}
