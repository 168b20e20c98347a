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
	Name            string           `json:"name"`
	Site            string           `json:"site"`
	URL             string           `json:"url"` // its front door
	Page            string           `json:"page,omitempty"`
	Up              bool             `json:"up"`
	Error           string           `json:"error,omitempty"`
	Store           string           `json:"store"` // engine or redis
	Version         string           `json:"version"`
	Shards          []int            `json:"shards"`
	Series          int64            `json:"series"`
	Points          int64            `json:"points"` // -1 = not known
	Bytes           int64            `json:"bytes"`
	PointsPerSecond float64          `json:"pointsPerSecond"`
	LagMillis       map[string]int64 `json:"lagMillis"` // by peer it pulls from, the worst shard; -1 = cut off
	Floor           string           `json:"floor"`     // the oldest live period
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
