package keycmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func naiveNode(t testing.TB, shards int) *node {
	return newNode(t, shards, noon, func(int) store.Local { return naive() })
}

// want runs a command, with spaces between its arguments, and compares its reply.
func (n *node) want(t testing.TB, cmd, reply string) {
	t.Helper()
	if got := n.do(2, strings.Fields(cmd)...); got != reply {
		t.Errorf("%s: %q, want %q", cmd, got, reply)
	}
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func TestJournal_isAVirtualSortedSet(t *testing.T) {
	n := naiveNode(t, 1)
	n.want(t, "EXISTS journal dn:journal dn:late", ":0\r\n")
	n.want(t, "TYPE journal", "+none\r\n")
	n.want(t, "ZADD 2026-11-22:a:x 1795338000 1795338000:1", ":1\r\n")
	n.want(t, "ZADD 2026-11-22:b:x 1795338000 1795338000:1", ":1\r\n")
	n.want(t, "EXISTS journal dn:journal dn:late", ":2\r\n")
	n.want(t, "TYPE dn:journal", "+zset\r\n")
	n.want(t, "TTL journal", ":-1\r\n")
	n.want(t, "ZCARD journal", ":2\r\n")
	n.want(t, "DBSIZE", ":2\r\n")
	n.want(t, "ZRANGEBYSCORE journal -inf +inf WITHSCORES LIMIT 0 1",
		"*2\r\n"+bulk("2026-11-22:a:x")+bulk("1700000000000001"))
	n.want(t, "ZRANGEBYSCORE dn:journal 1700000000000002 +inf WITHSCORES",
		"*2\r\n"+bulk("2026-11-22:b:x")+bulk("1700000000000002"))
	n.want(t, "ZRANGEBYSCORE dn:journal (1700000000000002 +inf", "*0\r\n")
	n.want(t, "ZSCORE journal 2026-11-22:a:x", bulk("1700000000000001"))
	n.want(t, "ZREVRANGE journal 0 0", "*1\r\n"+bulk("2026-11-22:b:x"))
	n.want(t, "KEYS journal", "*0\r\n")
	if got := n.do(2, "SCAN", "0", "COUNT", "1000"); strings.Contains(got, "journal") {
		t.Errorf("SCAN gives the journal: %q", got)
	}
	n.want(t, "GET journal", "-"+errWrongType+"\r\n")

	n.want(t, "ZADD 2026-11-22:a:x 1795330000 1795330000:1", ":1\r\n") // hours below the newest
	n.want(t, "ZRANGE dn:late 0 -1", "*1\r\n"+bulk("2026-11-22:a:x#2026-11-22T06"))
	n.want(t, "ZREVRANGE journal 0 0", "*1\r\n"+bulk("2026-11-22:a:x"))
}

func TestJournal_acceptsTheWriterOfTheSeed(t *testing.T) {
	n := naiveNode(t, 8)
	n.want(t, "ZADD journal 1795338000 2026-11-22:a:x", ":1\r\n")
	n.want(t, "ZADD 2026-11-22:a:x 1795338000 1795338000:1", ":1\r\n")
	n.want(t, "ZADD journal 1795338000 2026-11-22:a:x", ":0\r\n")
	n.want(t, "ZADD journal CH 1795338000 2026-11-22:a:x", ":1\r\n")
	n.want(t, "ZADD journal abc 2026-11-22:a:x", "-ERR value is not a valid float\r\n")
	n.want(t, "ZADD journal 1", "-ERR wrong number of arguments for 'zadd' command\r\n")
	n.want(t, "ZCARD journal", ":1\r\n")
	n.want(t, "ZADD dn:journal 1 2026-11-22:a:x", "-"+errJournal+"\r\n")
	n.want(t, "ZADD dn:late 1 x", "-"+ErrReserved+"\r\n")
	n.want(t, "SET dn:cursors x", "-"+ErrReserved+"\r\n")
	n.want(t, "DEL journal", "-"+errJournal+"\r\n")
}

// TestJournal_readsAsAPlainSortedSet runs reading commands on the journal of eight shards and on a plain sorted set
// that holds the same, which in turn is compared with Redis.
func TestJournal_readsAsAPlainSortedSet(t *testing.T) {
	n := naiveNode(t, 8)
	g := &gen{r: rand.New(rand.NewPCG(7, 7)), now: noon}
	for i := range 300 {
		key := fmt.Sprintf("2026-11-22:host%d:m%d", g.r.IntN(30), g.r.IntN(3))
		ts := 1795338000 + i
		n.want(t, fmt.Sprintf("ZADD %s %d %d:%d", key, ts, ts, i), ":1\r\n")
	}
	all := parseReply(t, n.do(2, "ZRANGE", "journal", "0", "-1", "WITHSCORES"))
	for i := 0; i < len(all.parts); i += 2 {
		n.do(2, "ZADD", "copy", all.parts[i+1].text, all.parts[i].text)
	}
	member := func() string {
		return fmt.Sprintf("2026-11-22:host%d:m%d", g.r.IntN(30), g.r.IntN(3))
	}
	bound := func() string {
		if g.chance(30) {
			return pick(g, "-inf", "+inf", "0", "(inf")
		}
		return pick(g, "", "(") + fmt.Sprint(1_700_000_000_000_000+g.r.IntN(60))
	}
	for range 2000 {
		o := g.zread("journal", member, bound)
		other := append([]string(nil), o.args...)
		other[1] = "copy"
		for _, proto := range []int{2, 3} {
			ours, want := n.do(proto, o.args...), n.do(proto, other...)
			if why := o.compare(t, ours, want, 0); why != "" {
				t.Fatal(why)
			}
		}
	}
}

// naive is a store that is right by being simple, with journal scores that a test knows.
func naive() store.Local {
	clock := func() time.Time { return time.UnixMicro(1_700_000_000_000_001) }
	return storetest.NewNaive(storetest.NaiveConfig{Layout: layoutDay, Cluster: "c", Epoch: "naive", Clock: clock})
}

// countingStore counts how its journal is read.
type countingStore struct {
	store.Local
	from []int64
}

func (s *countingStore) Changes(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	s.from = append(s.from, from)
	return s.Local.Changes(ctx, from, limit)
}

func TestJournal_pollReadsOnlyFromItsCursor(t *testing.T) {
	st := &countingStore{Local: naive()}
	n := newNode(t, 1, noon, func(int) store.Local { return st })
	n.want(t, "ZADD 2026-11-22:a:x 1795338000 1795338000:1", ":1\r\n")
	n.want(t, "ZRANGEBYSCORE dn:journal 1700000000000002 +inf WITHSCORES LIMIT 0 1000", "*0\r\n")
	n.want(t, "ZRANGEBYSCORE dn:journal (1700000000000001 +inf", "*0\r\n")
	n.want(t, "ZRANGEBYSCORE dn:journal -inf +inf LIMIT 0 1", "*1\r\n"+bulk("2026-11-22:a:x"))
	if want := []int64{1700000000000002, 1700000000000002, 0}; !slices.Equal(st.from, want) {
		t.Errorf("read from %v, want %v", st.from, want)
	}
}
