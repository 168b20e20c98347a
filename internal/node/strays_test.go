package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// straysAcross are nodes a and b of two shards; a holds both, and with apart each holds one.
func straysAcross(t *testing.T, kind string, apart bool) *ring.Topology {
	t.Helper()
	a, b := freeAddr(t), freeAddr(t)
	topo := ring.Single("a", "redis://"+a, 2)
	topo.Nodes = append(topo.Nodes, ring.Node{Name: "b", Site: "far", URL: "redis://" + b, Hold: []int{2}})
	if apart {
		topo.Nodes[0].Hold = []int{1}
	}
	if kind == "redis" {
		topo.Nodes[0].Redis = []string{redistest.Start(t).URL, redistest.Start(t).URL}
	}
	return topo
}

// keyOf gives a series key of today that the ring places on a shard.
func keyOf(topo *ring.Topology, shard int, metric string) string {
	day := series.Day.PeriodString(series.Day.PeriodOf(time.Now().UnixMilli()))
	for i := 0; ; i++ {
		if key := fmt.Sprintf("%s:stray%d:%s", day, i, metric); topo.ShardOf([]byte(key)) == shard {
			return key
		}
	}
}

// TestNode_sweepsStrays: what SELECT i took though it belongs elsewhere is found on database 0, and stays where it is.
func TestNode_sweepsStrays(t *testing.T) {
	for _, kind := range []string{"engine", "redis"} {
		for _, apart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s apart=%t", kind, apart), func(t *testing.T) {
				topo := straysAcross(t, kind, apart)
				var addrs []string
				for _, node := range topo.Nodes {
					addrs = append(addrs, strings.TrimPrefix(node.URL, "redis://"))
				}
				a, stopA := start(t, Config{Topology: topo, Name: "a", RespAddr: addrs[0]})
				defer stopA()
				_, stopB := start(t, Config{Topology: topo, Name: "b", RespAddr: addrs[1]})
				defer stopB()
				key := keyOf(topo, 2, "cpu")
				k, _ := topo.Layout.ParseKey([]byte(key))
				first, _ := topo.Layout.Span(k.Period)
				for i, sec := range []int64{10, 10, 9, 11} { // a twin and a late one, too
					ts := first/1000 + sec
					add := fmt.Sprintf("ZADD %s %d %d:%d", key, ts, ts, i)
					got, err := sendAll(addrs[0], "SELECT 1", add, "ZCARD "+key)
					if want := []string{"+OK", ":1", fmt.Sprintf(":%d", i+1)}; err != nil || !slices.Equal(want, got) {
						t.Fatalf("%s: %q, %v", add, got, err)
					}
					await(t, "database 0 to find the stray points", func() error {
						got, err := sendAll(addrs[0], "ZCARD "+key)
						if err == nil && got[0] != fmt.Sprintf(":%d", i+1) {
							err = fmt.Errorf("ZCARD %s", got)
						}
						return err
					})
				}
				await(t, "the stray key to be counted", func() error {
					if s := a.status.Load(); s.strays() != 1 || s.Shards[0].Strays != 1 {
						return fmt.Errorf("%d stray keys", s.strays())
					}
					return nil
				})
				if info, err := send(addrs[0], "INFO dunlin"); err != nil || !strings.Contains(info, "dunlin_stray_keys:1\r\n") {
					t.Errorf("INFO: %q, %v", info, err)
				}
			})
		}
	}
}
