package check

import "github.com/dunlin-db/dunlin/internal/advise"

// Report is what a Checker found. It is printed as JSON.
type Report struct {
	Equal       bool              `json:"equal"`                 // every cell is settled and every node was asked
	Cells       []*Cell           `json:"cells"`                 // by period, then by shard
	Unreachable map[string]string `json:"unreachable,omitempty"` // node → why
	Encodings   []advise.Note     `json:"encodings,omitempty"`   // what would save memory; no part of the verdict
	// Damaged are files that nodes keep to be looked at; their points are in other files, or with peers.
	Damaged map[string][]string `json:"damaged_files,omitempty"`
}

// Cell is one shard of one period.
type Cell struct {
	Period  string            `json:"period"`
	Shard   int               `json:"shard"`
	Verdict string            `json:"verdict"` // equal, alone (one node holds it), different or unreachable
	Nodes   map[string]Digest `json:"nodes"`   // of the holders that answered
	Keys    []KeyDiff         `json:"keys,omitempty"`
	More    int               `json:"more_keys,omitempty"` // different keys beyond those in Keys
}

// Digest is what a node says of a cell, or of one key: how many keys and points, and the sum over them, as DN.DIGEST
// gives it. Nodes are equal when all three are.
type Digest struct {
	Keys   int64  `json:"keys"`
	Points int64  `json:"points"`
	Sum    string `json:"digest"`
}

// KeyDiff is a key that is not the same everywhere.
type KeyDiff struct {
	Key    string           `json:"key"`
	Points map[string]int64 `json:"points"` // per holder that answered, 0 where the key is missing
}

func (c *Cell) settled() bool { return c.Verdict == "equal" || c.Verdict == "alone" }

// verdict judges what the holders of a shard said about a period.
func verdict(nodes map[string]Digest, holders int) string {
	sums := map[Digest]bool{}
	for _, d := range nodes {
		sums[d] = true
	}
	switch {
	case len(sums) > 1:
		return "different"
	case len(nodes) < holders:
		return "unreachable"
	case holders == 1:
		return "alone"
	}
	return "equal"
}
