package account_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/account"
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// away is a store in another process that can be asked for nothing now.
type away struct{ store.Store }

func (away) Remote() bool { return true }

func (away) Stats(context.Context) (store.Stats, error) { return store.Stats{}, store.ErrUnavailable }

func open(t *testing.T, id int, st store.Store) *shard.Shard {
	t.Helper()
	sh, err := shard.New(t.Context(), shard.Config{
		Origin: replog.Origin{Node: "n", Shard: id}, Layout: series.Day, Store: st, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// newNode has n shards on the engine, and one more whose store is away.
func newNode(t *testing.T, n int) account.Node {
	t.Helper()
	node := account.Node{Budget: budget.New(), Databases: n + 2, MaxClients: 100}
	local := func(id int) store.Local {
		return engine.New(engine.Config{
			Layout: series.Day, Cluster: "c", Epoch: strconv.Itoa(id), Clock: clock, Budget: node.Budget,
		})
	}
	for id := 1; id <= n; id++ {
		node.Shards = append(node.Shards, open(t, id, local(id)))
	}
	node.Shards = append(node.Shards, open(t, n+1, away{local(n + 1)}))
	return node
}

// filledNode has 40 series on the first two of three shards, and some of everything else that is counted.
func filledNode(t *testing.T) account.Node {
	t.Helper()
	n := newNode(t, 3)
	for i := range 40 {
		groups := []store.Group{{
			Key: storetest.Key(fmt.Sprintf("2026-11-22:h%d:m", i)), Points: []series.Point{
				{TS: noon.UnixMilli(), Value: []byte("1")}, {TS: noon.UnixMilli() + 1000, Value: []byte("2")},
			},
		}}
		if _, err := n.Shards[i%2].Add(t.Context(), groups); err != nil {
			t.Fatal(err)
		}
	}
	n.Shards[2].CountRefused(5)
	n.Budget.CountDropped(2)
	n.Budget.Set(budget.PlainKeys, 1000)
	n.Budget.Set(budget.Buffers, 200)
	n.Budget.Set(budget.Index, 30)
	return n
}

func fields(sections []account.Section, name string) map[string]string {
	out := map[string]string{}
	for _, s := range sections {
		if s.Name == name {
			for _, f := range s.Fields {
				out[f[0]] = f[1]
			}
		}
	}
	return out
}

func TestNode_Sections(t *testing.T) {
	n := filledNode(t)
	got := n.Sections(t.Context(), [][2]string{{"rejected_connections", "7"}})
	var names []string
	for _, s := range got {
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"Memory", "Persistence", "Stats", "Replication", "Keyspace"}, names); d != "" {
		t.Error(d)
	}

	m := fields(got, "Memory")
	number := func(name string) int64 {
		v, err := strconv.ParseInt(m[name], 10, 64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return v
	}
	used := number("used_memory")
	if away := n.Budget.Used() - used; away <= 0 { // what the fourth holds is somebody else's
		t.Errorf("used_memory is %d, the budget counts %d", used, n.Budget.Used())
	}
	if sum := number("used_memory_dataset") + number("used_memory_overhead"); sum != used {
		t.Errorf("dataset and overhead are %d of %d", sum, used)
	}
	for name, want := range map[string]string{"plain_keys": "1000", "client_buffers": "200", "index": "30"} {
		if got := m["used_memory_"+name]; got != want {
			t.Errorf("used_memory_%s is %s, want %s", name, got, want)
		}
	}
	if day := number("used_memory_period_2026-11-22"); day <= number("used_memory_points") || day >= used {
		t.Errorf("the day takes %d of %d", day, used)
	}

	wantStats := map[string]string{
		"rejected_connections": "7", "points_written": "80", "points_pulled": "0", "points_merged": "0",
		"points_refused": "5", "points_below_floor": "0", "refused_oom": "0", "refused_series_limit": "0",
		"merges_deferred_oom": "0", "dropped_periods_for_memory": "2",
	}
	if d := cmp.Diff(wantStats, fields(got, "Stats")); d != "" {
		t.Error(d)
	}
	keys := fields(got, "Keyspace")
	for _, db := range []string{"db1", "db2"} {
		if !strings.HasPrefix(keys[db], "keys=20,expires=0,avg_ttl=0,points=40,bytes=") {
			t.Errorf("%s: %s", db, keys[db])
		}
	}
	if !strings.HasPrefix(keys["db3"], "keys=0,expires=0,avg_ttl=0,points=0,bytes=") {
		t.Errorf("an empty shard: %s", keys["db3"])
	}
	if keys["db4"] != "keys=0,expires=0,avg_ttl=0,state=unavailable" {
		t.Errorf("a shard that is away: %s", keys["db4"])
	}
}

func TestNode_Configure(t *testing.T) {
	n := account.Node{Budget: budget.New(), Databases: 9, MaxClients: 100}
	f := func(line, refusal string) {
		t.Helper()
		var pairs [][]byte
		for _, w := range strings.Fields(line) {
			pairs = append(pairs, []byte(w))
		}
		err := n.Configure(pairs)
		if refusal == "" && err != nil || refusal != "" && (err == nil || !strings.HasPrefix(err.Error(), refusal)) {
			t.Errorf("%s: %v, want %q", line, err, refusal)
		}
	}
	now := func(max, policy string) {
		t.Helper()
		p := n.Parameters()
		if p["maxmemory"] != max || p["maxmemory-policy"] != policy {
			t.Errorf("maxmemory %s, policy %s; want %s, %s", p["maxmemory"], p["maxmemory-policy"], max, policy)
		}
	}
	now("0", "noeviction")
	f("MaxMemory 1KB maxmemory-policy drop-oldest appendonly no databases 9", "")
	now("1024", "drop-oldest")
	f("maxmemory 1 maxmemory-policy allkeys-lru",
		"ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - memory policy")
	f("maxmemory 1 appendonly yes", `ERR CONFIG SET failed (possibly related to argument 'appendonly') - it stays "no"`)
	f("maxmemory 1 foo bar", "ERR Unknown option or number of arguments for CONFIG SET - 'foo'")
	now("1024", "drop-oldest") // all or nothing
	f("maxclients 100", "")
	f("maxclients 101", "ERR CONFIG SET failed")
}

func TestText(t *testing.T) {
	got := account.Text([]account.Section{
		{Name: "A", Fields: [][2]string{{"x", "1"}, {"y", "two\r\nlines"}}},
		{Name: "B", Fields: [][2]string{{"z", ""}}},
		{Name: "A", Fields: [][2]string{{"more", "2"}}},
	})
	if want := "# A\r\nx:1\r\ny:two  lines\r\nmore:2\r\n\r\n# B\r\nz:\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
