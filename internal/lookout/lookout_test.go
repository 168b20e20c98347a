package lookout

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// other is a node that says what it is told to.
type other struct {
	net.Listener
	mu    sync.Mutex // protects what follows
	ahead time.Duration
	infos int // how often it was asked for INFO
	conns []net.Conn
}

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newOther(t *testing.T, ahead time.Duration) *other {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &other{Listener: ln, ahead: ahead}
	t.Cleanup(o.end)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.conns = append(o.conns, c)
			o.mu.Unlock()
			go o.serve(c)
		}
	}()
	return o
}

// end is the death of the node.
func (o *other) end() {
	o.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.conns {
		c.Close()
	}
}

func (o *other) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		var args, size int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &args); err != nil {
			return
		}
		words := make([]string, args)
		for i := range words {
			if _, err := fmt.Fscanf(in, "$%d\r\n%s\r\n", &size, &words[i]); err != nil {
				return
			}
		}
		fmt.Fprint(c, o.reply(strings.Join(words, " ")))
	}
}

func (o *other) reply(cmd string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	switch cmd {
	case "TIME":
		return "*2\r\n" + bulk(fmt.Sprint(now.Add(o.ahead).Unix())) + bulk("0")
	case "INFO dunlin peers":
		o.infos++
		return bulk(fmt.Sprintf("# Dunlin\r\ndunlin_written:%d\r\n\r\n# Peers\r\n"+
			"peer_a:state=following,up=true,lag_ms=7,complete=12\r\n"+
			"peer_b:state=unreachable,up=false,lag_ms=9\r\n", 1000*o.infos))
	}
	return "+OK\r\n"
}

func TestLookout(t *testing.T) {
	others := []*other{newOther(t, time.Second), newOther(t, -3*time.Second), newOther(t, 9*time.Second)}
	topo := &ring.Topology{Nodes: []ring.Node{{Name: "self"}}}
	for i, o := range others {
		topo.Nodes = append(topo.Nodes, ring.Node{Name: fmt.Sprint("n", i), URL: "redis://" + o.Addr().String()})
	}
	clock := now
	l, err := New(topo, &topo.Nodes[0], func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Skew() != nil || l.Peers() != 3 {
		t.Fatalf("before the first look: skew %v, %d peers", l.Skew(), l.Peers())
	}
	for range 2 * infoEvery {
		l.RunOnce(t.Context())
	}
	if s := l.Skew(); s == nil || *s != time.Second {
		t.Errorf("skew %v, want the median of 1 s, -3 s and 9 s", s)
	}
	v := l.Views()["n1"]
	if !v.Up || v.Number("dunlin_written") != 3000 || v.Lags()["a"] != 7 || v.Lags()["b"] != CutOff ||
		v.Peers()["a"]["complete"] != 12 {
		t.Errorf("%+v, lags %v", v, v.Lags())
	}
	if others[1].infos != 3 {
		t.Errorf("it was asked for INFO %d times in %d looks", others[1].infos, 2*infoEvery)
	}
	clock = clock.Add(10 * time.Second)
	for range infoEvery {
		l.RunOnce(t.Context())
	}
	if v := l.Views()["n1"]; v.Rate != 100 {
		t.Errorf("1000 points more in 10 s: %v a second", v.Rate)
	}

	others[0].end()
	l.RunOnce(t.Context())
	v = l.Views()["n0"]
	if v.Up || v.Err == "" || v.Rate != 0 || v.Number("dunlin_written") != 4000 {
		t.Errorf("of one that is away: %+v", v)
	}
	if s := l.Skew(); s == nil || *s != -13*time.Second {
		t.Errorf("skew %v, want the lower of -13 s and -1 s", s)
	}
}
