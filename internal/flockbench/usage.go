package flockbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/infotext"
)

// usage is what a node has used and brought so far.
type usage struct {
	cpu     float64 // seconds
	rss     int64   // bytes
	peers   int64   // bytes of memory that are held for peers
	wire    int64   // bytes of both ways on its connections to peers
	entries int64   // of peers' logs, that it was sent
	useful  int64   // of them, those that were new
	points  int64   // in these
}

// used reads it.
func (n *node) used(ctx context.Context) (u usage, err error) {
	if u.cpu, u.rss, err = process(n.cmd.Process.Pid); err != nil {
		return u, err
	}
	info, err := n.info(ctx, "memory", "peers", "replication")
	if err != nil {
		return u, err
	}
	u.peers = info.Number("used_memory_peers")
	for name, text := range info {
		switch fields := infotext.Pairs(text); {
		case strings.HasPrefix(name, "log_of_"):
			u.entries += fields.Number("entries")
			u.useful += fields.Number("useful")
			u.points += fields.Number("points")
		case strings.HasPrefix(name, "peer_"):
			u.wire += fields.Number("bytes")
		}
	}
	return u, nil
}

// less is what was used since.
func (u usage) less(before usage) usage {
	return usage{
		cpu: u.cpu - before.cpu, rss: u.rss - before.rss, peers: u.peers - before.peers, wire: u.wire - before.wire,
		entries: u.entries - before.entries, useful: u.useful - before.useful, points: u.points - before.points,
	}
}

var errStat = errors.New("proc(5) says something else than was expected: this measures on Linux only")

// ticksPerSecond is the unit of times in proc(5).
const ticksPerSecond = 100

// process reads the CPU time of a process, in seconds, and its resident memory.
func process(pid int) (cpu float64, rss int64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errStat, err)
	}
	// The name in parentheses may hold anything; what follows the last one is fields 3 and up.
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(f) < 22 {
		return 0, 0, errStat
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	pages, err3 := strconv.ParseInt(f[21], 10, 64)
	if errors.Join(err1, err2, err3) != nil {
		return 0, 0, errStat
	}
	return float64(user+system) / ticksPerSecond, pages * int64(os.Getpagesize()), nil
}
