package ring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/series"
)

const good = `cluster: prod
period: day
keep: 2
rings:
  - {from: 2026-11-22, shards: 2, hash: host}
  - {from: 2026-12-01, shards: 3, hash: craigslist, names: [a, b, c]}
nodes:
  sfo2: {site: sfo, url: redis://10.0.0.2:6390}
  sfo1:
    site: sfo
    url: redis://10.0.0.1:6390
    hold: [3, 1]
    redis: [redis://127.0.0.1:6379, redis://127.0.0.1:6380/2]
  fra1: {site: fra, url: "redis://[::1]:6390", redis-cluster: [redis://10.2.0.5:7000]}
password_file: pw
`

func parseIn(t *testing.T, text string) (*Topology, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Parse([]byte(text), filepath.Join(dir, "flock.yaml"))
}

func TestParse_good(t *testing.T) {
	got, err := parseIn(t, good)
	if err != nil {
		t.Fatal(err)
	}
	from := func(s string) series.Period {
		p, ok := series.Day.ParsePeriod([]byte(s))
		if !ok {
			t.Fatal(s)
		}
		return p
	}
	flockwide := address.Login{Password: "hunter2"}
	want := &Topology{
		Cluster: "prod", Keep: 2, Login: flockwide,
		Rings: []Ring{
			{From: from("2026-11-22"), Shards: 2, Hash: HashHost},
			{From: from("2026-12-01"), Shards: 3, Hash: HashCraigslist, Names: []string{"a", "b", "c"}},
		},
		Nodes: []Node{
			{
				Name: "fra1", Site: "fra", URL: "redis://[::1]:6390",
				RedisCluster: []string{"redis://10.2.0.5:7000"},
				Hold:         []int{1, 2, 3}, Login: flockwide,
			},
			{
				Name: "sfo1", Site: "sfo", URL: "redis://10.0.0.1:6390", Hold: []int{1, 3}, Login: flockwide,
				Redis: []string{"redis://127.0.0.1:6379", "", "redis://127.0.0.1:6380/2"},
			},
			{Name: "sfo2", Site: "sfo", URL: "redis://10.0.0.2:6390", Hold: []int{1, 2, 3}, Login: flockwide},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

// refusals gives two helpers: one makes a variant of the good file, one checks why and at which line it is refused.
func refusals(t *testing.T) (replace func(old, new string) string, f func(name, text string, want error, line string)) {
	replace = func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the good file", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	f = func(name, text string, want error, line string) {
		t.Run(name, func(t *testing.T) {
			_, err := parseIn(t, text)
			if !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
			var fe *FileError
			if !errors.As(err, &fe) {
				t.Fatalf("%v is no FileError", err)
			}
			if line != "" && !strings.Contains(err.Error(), "flock.yaml"+line+": ") {
				t.Fatalf("%v: want it at %s", err, line)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q has several lines", err)
			}
		})
	}
	return replace, f
}

func TestParse_refuses(t *testing.T) {
	replace, f := refusals(t)
	f("empty", "", ErrSyntax, "")
	f("not yaml", "a: [", ErrSyntax, "")
	f("list", "- 1\n", ErrSyntax, ":1")
	f("alias", replace("  sfo2: {site: sfo, url: redis://10.0.0.2:6390}",
		"  a: &x {url: redis://h:1}\n  b: *x"), ErrSyntax, ":9")
	f("unknown key", replace("keep: 2", "keeep: 2"), ErrUnknownKey, ":3")
	f("unknown ring key", replace("hash: host", "hush: host"), ErrUnknownKey, ":5")
	f("unknown node key", replace("    site: sfo", "    sight: sfo"), ErrUnknownKey, ":10")
	f("twice", replace("keep: 2", "keep: 2\nkeep: 3"), ErrDuplicateKey, ":4")
	f("node twice", replace("  sfo2:", "  sfo1:"), ErrDuplicateKey, ":9")
	f("no cluster", replace("cluster: prod\n", ""), ErrMissing, "")
	f("bad cluster", replace("prod", `"a b"`), ErrValue, ":1")
	f("period", replace("period: day", "period: week"), ErrValue, ":2")
	f("layout", replace("period: day", "layout: 2006"), ErrValue, ":2")
	f("period against layout", replace("period: day", "period: day\nlayout: 2006010215"), ErrPeriod, ":3")
	f("keep 0", replace("keep: 2", "keep: 0"), ErrKeep, ":3")
	f("keep word", replace("keep: 2", "keep: two"), ErrValue, ":3")
}

// TestParse_login: what it takes to log in is the flock's, or the node's own.
func TestParse_login(t *testing.T) {
	text := strings.Replace(good, "site: sfo, url: redis://10.0.0.2:6390",
		"url: rediss://10.0.0.2:6390, auth: {user: u, password_file: own}", 1)
	text = strings.Replace(text, "url: redis://10.0.0.1:6390", "url: unix:///run/dunlin.sock", 1)
	text = strings.Replace(text, "redis://127.0.0.1:6379", "unix:///run/redis.sock?db=3", 1)
	got, err := parseIn(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Node("sfo2"); n.URL != "rediss://10.0.0.2:6390" ||
		n.Login != (address.Login{User: "u", Password: "mine"}) {
		t.Errorf("%+v", n)
	}
	if n := got.Node("sfo1"); n.URL != "unix:///run/dunlin.sock" || n.Redis[0] != "unix:///run/redis.sock?db=3" ||
		n.Login != (address.Login{Password: "hunter2"}) {
		t.Errorf("%+v", n)
	}
	_, f := refusals(t)
	tls := func(in string) string { return good + "tls: {" + in + "}\n" }
	f("no such file", tls("ca_file: none"), ErrTLS, ":16")
	f("no certificate", tls("ca_file: pw"), ErrTLS, ":16")
	f("no key", tls("cert_file: pw"), ErrTLS, ":16")
	f("unknown", tls("verify: no"), ErrUnknownKey, ":16")
	f("no user", strings.Replace(good, "password_file: pw", "auth: {password_file: pw}", 1), ErrMissing, ":15")
	f("two", good+"auth: {user: u, password_file: pw}\n", ErrTwoPasswords, ":16")
	f("empty user", strings.Replace(good, "password_file: pw", "auth: {user: '', password_file: pw}", 1), ErrValue, ":15")
	f("secret in a url", strings.Replace(good, "10.0.0.2:6390", "u:verysecret@10.0.0.2:6390", 1), ErrURL, ":8")
	_, err = parseIn(t, strings.Replace(good, "10.0.0.2:6390", "u:verysecret@10.0.0.2:6390", 1))
	if strings.Contains(err.Error(), "verysecret") {
		t.Errorf("%v", err)
	}
	f("db of a front door", strings.Replace(good, "redis://10.0.0.2:6390", "unix:///a?db=1", 1), ErrURL, ":8")
}

func TestParse_refusesRingsAndNodes(t *testing.T) {
	replace, f := refusals(t)
	f("no rings", "cluster: x\nnodes: {}\n", ErrMissing, "")
	f("empty rings", "cluster: x\nrings: []\n", ErrMissing, ":2")
	f("rings not a list", "cluster: x\nrings: {}\n", ErrSyntax, ":2")
	f("no from", replace("from: 2026-11-22, ", ""), ErrMissing, ":5")
	f("bad from", replace("2026-11-22", "2026-11-31"), ErrValue, ":5")
	f("descending", replace("2026-12-01", "2026-11-01"), ErrRings, ":6")
	f("same from", replace("2026-12-01", "2026-11-22"), ErrRings, ":6")
	f("hash", replace("hash: host", "hash: md5"), ErrValue, ":5")
	f("shards", replace("shards: 2", "shards: 0"), ErrShards, ":5")
	f("many shards", replace("shards: 2", "shards: 2000"), ErrShards, ":5")
	f("no names", replace(", names: [a, b, c]", ""), ErrNoNames, ":6")
	f("few names", replace("[a, b, c]", "[a, b]"), ErrNames, ":6")
	weights := func(w string) string { return replace("[a, b, c]", "[a, b, c], weights: "+w) }
	f("few weights", weights("[1, 2]"), ErrWeights, ":6")
	f("weight 0", weights("[1, 2, 0]"), ErrWeights, ":6")
	f("weight 101", weights("[1, 2, 101]"), ErrWeights, ":6")
	f("weight word", weights("[1, 2, x]"), ErrValue, ":6")
	f("weights of hosts", replace("hash: host", "hash: host, weights: [1, 1]"), ErrWeights, ":5")
	f("same names", replace("[a, b, c]", "[a, b, a]"), ErrNames, ":6")
	f("no url", replace(", url: redis://10.0.0.2:6390", ""), ErrMissing, ":8")
	f("no port", replace("10.0.0.2:6390", "10.0.0.2"), ErrURL, ":8")
	f("scheme", replace("redis://10.0.0.2:6390", "http://10.0.0.2:6390"), ErrURL, ":8")
	f("path", replace("10.0.0.2:6390", "10.0.0.2:6390/1"), ErrURL, ":8")
	f("same url", replace("redis://10.0.0.1:6390", "redis://10.0.0.2:6390"), ErrDuplicateURL, ":9")
	f("same redis", replace("6380/2", "6379"), ErrDuplicateURL, ":13")
	f("redis is the front door", replace("redis://127.0.0.1:6379,", "redis://10.0.0.1:6390,"), ErrDuplicateURL, ":13")
	f("node name", replace("  sfo2:", `  "sfo,2":`), ErrNode, ":8")
	f("hold twice", replace("[3, 1]", "[3, 3]"), ErrHold, ":12")
	f("hold what is not", replace("[3, 1]", "[3, 4]"), ErrHold, ":12")
	f("hold none", replace("[3, 1]", "[]"), ErrHold, ":12")
	f("redis count", replace("[3, 1]", "[3, 1, 2]"), ErrRedisCount, ":13")
	f("both stores", replace("hold: [3, 1]", "redis-cluster: [redis://a:1]"), ErrTwoStores, "")
	f("no password", replace("password_file: pw", "password_file: none"), ErrPassword, ":15")
	f("no holder", "cluster: x\nrings: [{from: 2026-11-22, shards: 2}]\nnodes:\n  a: {url: redis://h:1, hold: [1]}\n",
		ErrNoHolder, ":3")
}

func TestParse_keepsSecretsOutOfErrors(t *testing.T) {
	_, err := parseIn(t, strings.Replace(good, "10.0.0.2:6390", "me:geheim@10.0.0.2:6390", 1))
	if !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "geheim") {
		t.Fatal(err)
	}
}

func TestParse_hourlyFrom(t *testing.T) {
	text := "cluster: x\nperiod: hour\nrings: [{from: 2026-11-22}, {from: 2026-11-22T05}]\n" +
		"nodes: {a: {url: 'redis://h:1'}}\n"
	got, err := Parse([]byte(text), "x")
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Layout.PeriodString(got.Rings[0].From); s != "2026-11-22T00" {
		t.Fatal(s)
	}
	if s := got.Layout.PeriodString(got.Rings[1].From); s != "2026-11-22T05" {
		t.Fatal(s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {}\n: 1"))
	f.Add([]byte("cluster: !!binary x\nrings: [{from: 2026-11-22, shards: 1e3}]\nnodes: {a: {url: 'redis://h:1'}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		topo, err := Parse(data, filepath.Join(t.TempDir(), "x"))
		if err != nil {
			var fe *FileError
			if !errors.As(err, &fe) {
				t.Fatalf("%v is no FileError", err)
			}
			return
		}
		for shard := 1; shard <= topo.Shards(); shard++ {
			if len(topo.Holders(shard)) == 0 {
				t.Fatalf("shard %d has no holder", shard)
			}
		}
		if s := topo.ShardOf([]byte("2026-11-22:h:m")); s < 1 || s > topo.Shards() {
			t.Fatalf("shard %d of %d", s, topo.Shards())
		}
	})
}
