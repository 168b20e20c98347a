package peering

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/replog"
)

// Hello is what two nodes tell each other before anything else.
type Hello struct {
	Version     int
	Cluster     string
	Node        string
	Incarnation replog.Incarnation
	Ring        uint64 // hash of the rings that the node knows
	Chunks      bool   // it gives whole chunks in an exchange
}

// The reasons why two nodes do not speak the log protocol with each other.
var (
	// ErrCluster: the other node is of another flock. It must not get, or give, anything.
	ErrCluster = errors.New("the other node is of another cluster")
	// ErrVersion: the two have no version of the protocol in common.
	ErrVersion = errors.New("the other node speaks another version of the log protocol")
	// ErrSelf: the other node says that it is this one.
	ErrSelf = errors.New("the other node has the name of this one: is an address in the topology wrong, " +
		"or are two nodes started with the same name?")
)

// givesChunks is the word for Hello.Chunks.
const givesChunks = "chunks"

// String is what travels: five words, and one for each thing that not every node of the version knows. Names have no
// spaces, and a cluster's are escaped.
func (h Hello) String() string {
	more := ""
	if h.Chunks {
		more = " " + givesChunks
	}
	return fmt.Sprintf("%d %s %s %016x %016x%s", h.Version, strconv.QuoteToASCII(strings.ReplaceAll(h.Cluster, " ", "\t")),
		h.Node, uint64(h.Incarnation), h.Ring, more)
}

// ParseHello reads what String gives. What later versions add behind it is passed over.
func ParseHello(text string) (h Hello, err error) {
	words := strings.Split(text, " ")
	if len(words) < 5 || len(words[2]) == 0 || len(words[2]) > mostName {
		return h, fmt.Errorf("hello: %w", ErrCorrupt)
	}
	inc, err1 := strconv.ParseUint(words[3], 16, 64)
	ring, err2 := strconv.ParseUint(words[4], 16, 64)
	version, err3 := strconv.Atoi(words[0])
	cluster, err4 := strconv.Unquote(words[1])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return h, fmt.Errorf("hello: %w", ErrCorrupt)
	}
	return Hello{
		Version: version, Cluster: strings.ReplaceAll(cluster, "\t", " "), Node: words[2],
		Incarnation: replog.Incarnation(inc), Ring: ring, Chunks: slices.Contains(words[5:], givesChunks),
	}, nil
}

// Check says why h and the other do not go together, nil when they do.
func (h Hello) Check(other Hello) error {
	switch {
	case other.Cluster != h.Cluster:
		return fmt.Errorf("%w: %q, not %q", ErrCluster, other.Cluster, h.Cluster)
	case other.Version != h.Version:
		return fmt.Errorf("%w: %d, not %d", ErrVersion, other.Version, h.Version)
	case other.Node == h.Node:
		return ErrSelf
	}
	return nil
}
