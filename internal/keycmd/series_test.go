package keycmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSeries_refusesPointByPoint(t *testing.T) {
	n := naiveNode(t, 8)
	const key = "2026-11-22:a:x"
	n.want(t, "ZADD "+key+" 1795338000 1795338000:1 1795338001 1795338002:1 1795338003 1795338003:3",
		"-ERR 1 of 3 refused: the score and the member's timestamp are not the same instant in ms; the rest is stored\r\n")
	n.want(t, "ZRANGE "+key+" 0 -1", "*2\r\n"+bulk("1795338000:1")+bulk("1795338003:3"))
	n.want(t, "ZADD "+key+" 1795349460 1795349460:1",
		"-ERR 1 of 1 refused: its timestamp is more than 10 minutes ahead of this node's clock; the rest is stored\r\n")
	n.want(t, "ZADD "+key+" 1795338000 1795338000:1 abc 1795338005:1", "-ERR value is not a valid float\r\n")
	n.want(t, "ZCARD "+key, ":2\r\n")
	n.want(t, "ZADD 2026-13-22:a:x 1 1:1", "-ERR bad series key: no such date\r\n")
	n.want(t, "GET 2026-11-22:a", "-ERR bad series key: no host: want period:host:metric\r\n")
	n.want(t, "ZADD "+key+" XX 1795338000 1795338000:1",
		"-ERR ZADD XX on a series key: a point never changes, use ZADD KEY [NX] [CH] TS TS:VALUE\r\n")
	refused := int64(0)
	for _, s := range n.slots {
		refused += s.Shard.Counters().Refused
	}
	if refused != 2 {
		t.Errorf("%d points counted as refused, want 2", refused)
	}
}

func TestSeries_deletingBelowTheFloorIsZero(t *testing.T) {
	n := naiveNode(t, 8)
	n.want(t, "ZADD 2026-11-20:a:x 1795132800 1795132800:1", ":1\r\n")
	n.want(t, "SET plain v", "+OK\r\n")
	for _, s := range n.slots {
		if _, err := s.Shard.Drop(context.Background(), layoutDay.PeriodOf(noon.UnixMilli())); err != nil {
			t.Fatal(err)
		}
	}
	n.want(t, "DEL 2026-11-20:a:x plain", ":1\r\n")
	n.want(t, "ZREM 2026-11-20:a:x 1795132800:1", ":0\r\n")
	n.want(t, "ZREMRANGEBYRANK 2026-11-20:a:x 0 -1", ":0\r\n")
	n.want(t, "EXISTS 2026-11-20:a:x", ":0\r\n")
	n.want(t, "DEL 2026-11-22:a:x plain",
		"-ERR DEL on a series key: points are only dropped with their whole period, use DN.DROP PERIOD\r\n")
	n.want(t, "ZADD 2026-11-20:a:x 1795132800 1795132800:1",
		"-ERR 1 of 1 refused: its period is dropped (below the floor); the rest is stored\r\n")
}

func TestCheckSeries_hintsForEveryWriteButZAdd(t *testing.T) {
	for _, cmd := range Commands() {
		plainOnly := cmd.Flags&Write != 0 && cmd.Flags&AllSlots == 0 && cmd.Name != "zadd" && cmd.Name != "persist"
		if got := CheckSeries(cmd.Name, nil); (got != "") != plainOnly {
			t.Errorf("%s: refusal %q", cmd.Name, got)
		}
	}
	f := func(args, want string) {
		t.Helper()
		var raw [][]byte
		for _, a := range strings.Fields(args) {
			raw = append(raw, []byte(a))
		}
		if got := CheckSeries("zadd", raw); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("zadd %s: %q", args, got)
		}
	}
	f("key 1 1:1", "")
	f("key NX CH 1 1:1", "")
	f("key NX gt 1 1:1", "ZADD GT on a series key")
	f("key ch INCR 1 1:1", "ZADD INCR on a series key")
	f("key 1 XX", "")
	f("key", "")
}

func TestSeries_memoryAndObject(t *testing.T) {
	n := naiveNode(t, 8)
	n.want(t, "ZADD 2026-11-22:a:x 1795338000 1795338000:1", ":1\r\n")
	n.want(t, "MEMORY USAGE 2026-11-22:a:x", ":41\r\n")
	n.want(t, "MEMORY USAGE 2026-11-22:a:y", "$-1\r\n")
	n.want(t, "OBJECT ENCODING 2026-11-22:a:x", bulk("skiplist"))
	n.want(t, "PERSIST 2026-11-22:a:x", ":0\r\n")
	n.want(t, "SET k v", "+OK\r\n")
	if got := n.do(2, "MEMORY", "USAGE", "k", "SAMPLES", "5"); got[0] != ':' || got == ":0\r\n" {
		t.Errorf("MEMORY USAGE of a string: %q", got)
	}
}

// TestScan_givesWhateverStays walks with small counts while other keys come and go.
func TestScan_givesWhateverStays(t *testing.T) {
	n := naiveNode(t, 8)
	stay := map[string]bool{}
	for i := range 2000 {
		key := fmt.Sprintf("k%d", i)
		n.do(2, "SET", key, "v")
		if i%2 == 0 {
			stay[key] = true
		}
	}
	for i := range 100 {
		key := fmt.Sprintf("2026-11-22:h%d:x", i)
		n.do(2, "ZADD", key, "1795338000", "1795338000:1")
		stay[key] = true
	}
	seen := map[string]bool{}
	cursor, steps := "0", 0
	for {
		rep := parseReply(t, n.do(2, "SCAN", cursor, "COUNT", "7"))
		for _, p := range rep.parts[1].parts {
			seen[p.text] = true
		}
		n.do(2, "DEL", fmt.Sprintf("k%d", steps*2+1))
		n.do(2, "SET", fmt.Sprintf("new%d", steps), "v")
		steps++
		if cursor = rep.parts[0].text; cursor == "0" {
			break
		}
		if steps > 5000 {
			t.Fatal("SCAN does not end")
		}
	}
	for key := range stay {
		if !seen[key] {
			t.Fatalf("%s was there all the time and is not given", key)
		}
	}
	if steps < 100 {
		t.Errorf("%d steps for 2000 keys: COUNT is not respected", steps)
	}
}

func TestZScan_walksASeriesAndALargeSet(t *testing.T) {
	n := naiveNode(t, 1)
	var want []string
	for i := range 500 {
		m := fmt.Sprintf("%d:%d", 1795338000+i, i)
		n.do(2, "ZADD", "2026-11-22:a:x", fmt.Sprint(1795338000+i), m)
		n.do(2, "ZADD", "z", fmt.Sprint(i), m)
		n.do(2, "SADD", "s", m)
		want = append(want, m)
	}
	for _, cmd := range []struct {
		name, key string
		pair      int
	}{{"ZSCAN", "2026-11-22:a:x", 2}, {"ZSCAN", "z", 2}, {"SSCAN", "s", 1}} {
		var got []string
		for cursor := "0"; ; {
			rep := parseReply(t, n.do(2, cmd.name, cmd.key, cursor))
			for i := 0; i < len(rep.parts[1].parts); i += cmd.pair {
				got = append(got, rep.parts[1].parts[i].text)
			}
			if cursor = rep.parts[0].text; cursor == "0" {
				break
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s %s: %d members, want %d", cmd.name, cmd.key, len(got), len(want))
		}
	}
}

func TestCommands_refuseWhatNoSlotHolds(t *testing.T) {
	n := naiveNode(t, 8)
	n.slots = n.slots[:2]
	unavailable := 0
	for i := range 50 {
		if strings.HasPrefix(n.do(2, "SET", fmt.Sprintf("k%d", i), "v"), "-UNAVAIL shard ") {
			unavailable++
		}
	}
	if unavailable == 0 {
		t.Error("no key was refused although six shards are not held")
	}
}
