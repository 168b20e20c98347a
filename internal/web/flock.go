package web

// Flock is the state of all nodes as one node sees it.
type Flock struct {
	Cluster  string   `json:"cluster"`
	Self     string   `json:"self"`
	Nodes    []Node   `json:"nodes"`    // in the order of the topology
	Links    []Link   `json:"links"`    // of this node: one per shard and peer it pulls from
	Warnings []string `json:"warnings"` // for people, such as "memory only"
}

// Node is one node of the flock. What is not known of a node that is down is zero.
type Node struct {
	Name            string  `json:"name"`
	Site            string  `json:"site"`
	URL             string  `json:"url"` // its front door
	Page            string  `json:"page,omitempty"`
	Up              bool    `json:"up"`
	Error           string  `json:"error,omitempty"`
	Store           string  `json:"store"` // engine or redis
	Version         string  `json:"version"`
	Shards          []int   `json:"shards"`
	Series          int64   `json:"series"`
	Points          int64   `json:"points"` // -1 = not known
	Bytes           int64   `json:"bytes"`
	PointsPerSecond float64 `json:"pointsPerSecond"`
	Floor           string  `json:"floor"` // the oldest live period
	Safety
}

// Safety is what keeps a node's points from being lost, and whether its replicas are complete and equal.
type Safety struct {
	Durability string           `json:"durability"` // ok, degraded, memory only, as its redis processes
	Divergence int64            `json:"divergence"` // how often it differed from a peer though nothing was under way
	LagMillis  map[string]int64 `json:"lagMillis"`  // by peer it pulls from, the worst shard; -1 = cut off
	// Replicas says by peer how the node compares with it.
	Replicas map[string]Replica `json:"replicas"`
}

// Replica is how a node compares with a peer. Of a node on Redis, or of a peer on one, nothing is known but lags.
// Instants are ms since 1970, 0 = never.
type Replica struct {
	BehindMillis   int64 `json:"behindMillis"`   // by whatever way the peer's points come; -1 = not known
	Complete       int64 `json:"complete"`       // up to then, by the peer's clock, all of its points are there
	Same           int64 `json:"same"`           // when the digests of all hours were the same on both
	Proven         int64 `json:"proven"`         // when those of all hours that are not written to were
	HoursDifferent int64 `json:"hoursDifferent"` // though nothing was under way, when they were compared last
}

// Link is a shard that this node pulls from a peer.
type Link struct {
	Shard     int    `json:"shard"`
	Peer      string `json:"peer"`
	State     string `json:"state"`
	Error     string `json:"error,omitempty"`
	LagMillis int64  `json:"lagMillis"` // -1 = cut off
	Bytes     int64  `json:"bytes"`     // received
	Points    int64  `json:"points"`    // merged
}
