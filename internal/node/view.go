package node

import (
	"net"
	"net/url"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/lookout"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/web"
)

// view is the flock as this node's page shows it: itself from its own status, the others from what they say in INFO.
func (n *Node) view() web.Flock {
	s := n.status.Load()
	if s == nil {
		s = &status{}
	}
	f := web.Flock{Cluster: n.cfg.Topology.Cluster, Self: n.self.Name, Warnings: n.warnings(s)}
	for _, l := range s.Links {
		f.Links = append(f.Links, web.Link{
			Shard: l.Shard, Peer: l.Peer, State: string(l.State), Error: l.Err, LagMillis: lagOf(l.Err, l.LagMillis),
			Bytes: l.Bytes, Points: l.Points,
		})
	}
	views := n.lookout.Views()
	for i := range n.cfg.Topology.Nodes {
		t := &n.cfg.Topology.Nodes[i]
		if t.Name == n.self.Name {
			f.Nodes = append(f.Nodes, n.viewSelf(s))
			continue
		}
		f.Nodes = append(f.Nodes, viewPeer(t, views[t.Name]))
	}
	return f
}

func (n *Node) warnings(s *status) []string {
	var w []string
	if !n.self.OnRedis() && n.disk == nil {
		w = append(w, n.self.Name+" keeps points in memory only: a restart refills it from its peers")
	}
	w = append(w, n.diskWarnings()...)
	w = append(w, n.peers.warnings()...)
	if why := n.orders.Warning(); why != "" {
		w = append(w, why)
	}
	if why := n.keeper.Paused(); why != "" {
		w = append(w, "retention is paused: "+why)
	}
	for _, sh := range s.Shards {
		if sh.Err != "" {
			w = append(w, "shard "+strconv.Itoa(sh.ID)+": "+sh.Err)
		}
	}
	return w
}

func (n *Node) viewSelf(s *status) web.Node {
	st, _ := s.sums()
	v := web.Node{
		Name: n.self.Name, Site: n.self.Site, URL: n.self.URL, Page: pageOf(n.self, n.cfg.WebAddr), Up: true,
		Store: n.storeKind(), Version: n.cfg.Version, Shards: n.self.Hold, Series: int64(st.Series), Points: st.Points,
		Bytes: st.Bytes, PointsPerSecond: s.Rate, Floor: n.period(n.keeper.Floor()),
		Safety: web.Safety{
			LagMillis:  map[string]int64{},
			Durability: n.durability(), Replicas: n.replicas(s), Divergence: n.peers.seen().Divergence,
		},
	}
	for _, p := range s.peers() {
		v.LagMillis[p.Peer] = lagOf(p.Err, p.LagMillis)
	}
	return v
}

func viewPeer(t *ring.Node, p lookout.View) web.Node {
	v := web.Node{
		Name: t.Name, Site: t.Site, URL: t.URL, Page: pageOf(t, p.Info["dunlin_http"]), Up: p.Up, Error: p.Err,
		Store: p.Info["dunlin_store"], Version: p.Info["dunlin_version"], Shards: t.Hold,
		Series: p.Number("dunlin_series"), Points: p.Number("dunlin_points"),
		Bytes: p.Number("dunlin_bytes"), PointsPerSecond: p.Rate,
		Floor: p.Info["dunlin_floor"],
		Safety: web.Safety{
			Durability: p.Info["dunlin_durability"], LagMillis: p.Lags(), Replicas: map[string]web.Replica{},
			Divergence: p.Number("dunlin_divergence"),
		},
	}
	for peer, of := range p.Peers() {
		v.Replicas[peer] = web.Replica{
			BehindMillis: of["behind_ms"], Complete: of["complete"], Same: of["same"], Proven: of["proven"],
			HoursDifferent: of["differ"],
		}
	}
	if v.Store == "" {
		v.Store = map[bool]string{true: "redis", false: "engine"}[t.OnRedis()]
	}
	if own := p.Info["dunlin_url"]; own != "" {
		v.URL = own // where it says it is: the way there may lead through something else
	}
	return v
}

func lagOf(err string, lagMillis int64) int64 {
	if err != "" {
		return lookout.CutOff
	}
	return lagMillis
}

// pageOf is where a node's page is, given the address its HTTP server listens on; "" when it has none.
func pageOf(t *ring.Node, webAddr string) string {
	host, port, err := net.SplitHostPort(webAddr)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		u, err := url.Parse(t.URL)
		if err != nil {
			return ""
		}
		host = u.Hostname()
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}
