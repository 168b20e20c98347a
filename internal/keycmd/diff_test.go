package keycmd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

const (
	diffOps   = 104_000 // over all variants; DUNLIN_DIFF_OPS overrides
	diffBatch = 1000
)

// TestCommands_sameAsRedis runs the same random commands here and on a real redis-server and compares the replies
// byte for byte. DUNLIN_DIFF_SEED chooses another stream, 0 a fresh one, as the long runs do; it prints its seed.
func TestCommands_sameAsRedis(t *testing.T) {
	total := envInt(t, "DUNLIN_DIFF_OPS", diffOps)
	seed := envInt(t, "DUNLIN_DIFF_SEED", 1)
	if seed == 0 {
		seed = int(time.Now().UnixNano() % 1e9)
	}
	addr := redistest.Start(t).Addr
	for _, proto := range []int{2, 3} {
		for _, shards := range []int{1, 8} {
			t.Run(fmt.Sprintf("engine/resp%d/%dshards", proto, shards), func(t *testing.T) {
				t.Logf("seed %d", seed)
				now := time.Now()
				g := &gen{r: rand.New(rand.NewPCG(uint64(seed), uint64(proto*100+shards))), now: now}
				ops := make([]op, total/4)
				for i := range ops {
					ops[i] = g.op()
				}
				d := &differ{redis: dialRedis(t, addr, proto), proto: proto, shards: shards, now: now}
				at, why := d.run(t, ops)
				if at < 0 {
					return
				}
				small, why2 := d.shrink(t, ops[:at+1])
				if why2 != "" {
					why = why2
				}
				for _, o := range small[max(0, len(small)-100):] {
					t.Logf("  %s", o)
				}
				t.Fatalf("seed %d, op %d, shrunk to the %d above: %s", seed, at, len(small), why)
			})
		}
	}
}

func envInt(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

const nullBulk = "$-1\r\n"

type differ struct {
	redis         *redis
	proto, shards int
	now           time.Time
	pieces        int // of replies that the node made without locks
}

func (d *differ) open(int) store.Local {
	clock := func() time.Time { return d.now }
	return engine.New(engine.Config{Layout: layoutDay, Cluster: "test", Epoch: "1", Clock: clock})
}

// run gives the index of the first op whose replies differ and how, or -1.
func (d *differ) run(t *testing.T, ops []op) (at int, why string) {
	d.redis.run(t, [][]string{{"FLUSHALL"}})
	n := newNode(t, d.shards, d.now, d.open)
	defer func() { d.pieces = n.pieces }()
	for from := 0; from < len(ops); from += diffBatch {
		batch := ops[from:min(from+diffBatch, len(ops))]
		ours := make([]string, len(batch))
		theirs := make([][]string, len(batch))
		for i, o := range batch {
			ours[i] = n.do(d.proto, o.args...)
			theirs[i] = d.forRedis(t, o, ours[i])
		}
		replies := d.redis.run(t, theirs)
		for i, o := range batch {
			if why := o.compare(t, ours[i], replies[i], time.Since(d.now)); why != "" {
				return from + i, why
			}
		}
	}
	return -1, ""
}

// forRedis is what Redis is sent for an op.
func (d *differ) forRedis(t *testing.T, o op, ours string) []string {
	switch o.as {
	case asRefusal:
		if o.redis == nil {
			return []string{"PING"}
		}
		return o.redis
	case asPop:
		rep := parseReply(t, ours)
		switch {
		case rep.kind == '$' && ours != nullBulk:
			return []string{"SREM", o.args[1], rep.text}
		case len(rep.parts) > 0:
			cmd := []string{"SREM", o.args[1]}
			for _, p := range rep.parts {
				cmd = append(cmd, p.text)
			}
			return cmd
		}
	}
	return o.args
}

// compare says how the replies differ, "" when they do not. elapsed is how far Redis' clock is ahead.
func (o op) compare(t *testing.T, ours, theirs string, elapsed time.Duration) string {
	same := ours == theirs
	switch o.as {
	case asSet:
		same = parseReply(t, ours).unordered(1) == parseReply(t, theirs).unordered(1)
	case asPairs:
		same = parseReply(t, ours).unordered(2) == parseReply(t, theirs).unordered(2)
	case asTime:
		same = same || nearby(t, ours, theirs, o.timeUnit(), elapsed)
	case asRefusal:
		same = strings.Contains(ours, o.want)
		theirs = o.want
	case asPop:
		if rep := parseReply(t, ours); rep.kind == '$' && ours != nullBulk || len(rep.parts) > 0 {
			same = theirs == fmt.Sprintf(":%d\r\n", max(1, len(rep.parts)))
		}
	}
	if same {
		return ""
	}
	return fmt.Sprintf("%s: replied %q, want %q", o, clip(ours), clip(theirs))
}

func clip(s string) string { return s[:min(len(s), 2000)] }

// timeUnit is the unit of the reply of TTL and its like.
func (o op) timeUnit() time.Duration {
	if strings.HasPrefix(strings.ToUpper(o.args[0]), "P") {
		return time.Millisecond
	}
	return time.Second
}

// nearby allows for the time that went by: the node's clock stands still, Redis' does not.
func nearby(t *testing.T, ours, theirs string, unit, elapsed time.Duration) bool {
	a, errA := strconv.ParseInt(parseReply(t, ours).text, 10, 64)
	b, errB := strconv.ParseInt(parseReply(t, theirs).text, 10, 64)
	most := int64((elapsed + 10*time.Second) / unit)
	return errA == nil && errB == nil && a > 0 && b > 0 && max(a-b, b-a) <= most
}

// shrink removes ops as long as some difference stays: first those that share no key with the last one, then by
// halves, quarters and so on.
func (d *differ) shrink(t *testing.T, ops []op) (small []op, why string) {
	deadline := time.Now().Add(20 * time.Second)
	try := func(candidate []op) bool {
		at, w := d.run(t, candidate)
		if at >= 0 {
			ops, why = slices.Clone(candidate[:at+1]), w
		}
		return at >= 0
	}
	last := ops[len(ops)-1]
	if len(last.args) > 1 {
		try(slices.DeleteFunc(slices.Clone(ops), func(o op) bool {
			return !slices.ContainsFunc(o.args[1:], func(a string) bool { return slices.Contains(last.args[1:], a) })
		}))
	}
	for size := len(ops) / 2; size >= 1 && time.Now().Before(deadline); {
		removed := false
		for from := 0; from+size < len(ops) && time.Now().Before(deadline); {
			if try(slices.Concat(ops[:from], ops[from+size:])) {
				removed = true
			} else {
				from += size
			}
		}
		if !removed || size > len(ops) {
			size = min(size, len(ops)) / 2
		}
	}
	return ops, why
}
