package muster

import "time"

// Unknown stands for a lag or a number of entries of which nothing is known.
const Unknown = -1

// Report is a flock at one moment. It is printed as JSON.
type Report struct {
	At       time.Time `json:"at"`
	Cluster  string    `json:"cluster"`
	Nodes    []Node    `json:"nodes"`              // in the order of the topology
	Problems []string  `json:"problems,omitempty"` // for people, with the names of the nodes
}

// Node is what one node says of itself.
type Node struct {
	Name       string  `json:"name"`
	Site       string  `json:"site,omitempty"`
	Store      string  `json:"store,omitempty"`         // engine or redis
	Durability string  `json:"durability,omitempty"`    // ok, degraded, memory only, …
	Error      string  `json:"error,omitempty"`         // why it could not be asked; all that follows is empty then
	Hurt       int64   `json:"damagedSeries,omitempty"` // in memory, now
	Shards     []Shard `json:"shards,omitempty"`
	Links      []Link  `json:"links,omitempty"`

	holds bool // it should have shards
}

// Shard is one shard of a node, over all the peers it follows there.
type Shard struct {
	ID         int    `json:"shard"`
	State      string `json:"state"`     // of the worst link, or loading, or down; alone = nobody else holds it
	LagMillis  int64  `json:"lagMillis"` // the worst, by whatever way the points come; Unknown = no idea
	Lacks      int64  `json:"lacks"`     // entries of logs that some node has and this one has not; Unknown on Redis
	Points     int64  `json:"points"`    // Unknown on Redis, perhaps
	Bytes      int64  `json:"bytes"`     // of memory
	Divergence int64  `json:"divergence"`
	Different  int64  `json:"hoursDifferent"` // now, with the peers it was compared with

	vector map[string]int64 // by origin
}

// Link is how a node follows one peer, all shards together.
type Link struct {
	Peer      string    `json:"peer"`
	State     string    `json:"state"` // of the worst shard
	Up        bool      `json:"up"`
	LagMillis int64     `json:"lagMillis"` // the worst shard; Unknown = no idea
	Complete  time.Time `json:"complete"`  // of the peer's clock, by whatever way; zero = not known
	Behind    int64     `json:"behindMillis"`
	Proven    time.Time `json:"proven"`         // when the two were last proven equal; zero = never
	Same      time.Time `json:"same"`           // when the digests of all hours were the same; zero = not yet
	Different int64     `json:"hoursDifferent"` // when they were compared last
	Bytes     int64     `json:"bytes"`          // over the connections, both ways
}
