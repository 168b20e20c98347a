package server

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// TestServer_poll: a poll brings the epoch, and of each key that changed the score, the sum and the newest point.
func TestServer_poll(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 2))
	c := dial(t, addr)
	c.want("DN.POLL 0 0 10", "-ERR SELECT a shard first\r\n")
	c.want("SELECT 1", "+OK\r\n")
	c.want("DN.POLL 0 0 10", "*3\r\n$2\r\ne1\r\n*0\r\n*0\r\n")
	c.want("DN.POLL -1 0 10", "-ERR value is not an integer or out of range\r\n")
	c.want("DN.POLL 0 0 x", "-ERR value is not an integer or out of range\r\n")
	want := writeLate(t, c)
	st := checkPoll(t, addr)
	d := storetest.DigestOf("test", storetest.Key("2026-11-22:h:m"), want)
	if st == nil || st.Hi != d.Hi || st.Lo != d.Lo || string(series.AppendMember(nil, st.Newest)) != "1795348700:1" {
		t.Errorf("the state that was told is %+v, want the digest %+v", st, d)
	}
}

// TestServer_pollOfAnOlderNode: who does not know DN.POLL is asked with commands of Redis, and tells no states.
func TestServer_pollOfAnOlderNode(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 2))
	c := dial(t, addr)
	c.want("SELECT 1", "+OK\r\n")
	writeLate(t, c)
	if st := checkPoll(t, forget(t, addr, "DN.POLL", "DN.NONE")); st != nil {
		t.Errorf("told a state: %+v", st)
	}
}

// writeLate writes three points of one key, one of them late, and gives them in order.
func writeLate(t *testing.T, c *testClient) (points []series.Point) {
	t.Helper()
	c.want("ZADD 2026-11-22:h:m 1795348700 1795348700:1 1795348600 1795348600:2", ":2\r\n")
	c.want("ZADD 2026-11-22:h:m 1795348500 1795348500:0.50", ":1\r\n")
	for _, m := range []string{"1795348500:0.50", "1795348600:2", "1795348700:1"} {
		pt, err := series.ParseMember([]byte(m))
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, pt)
	}
	return points
}

// checkPoll polls what writeLate wrote, and gives the state of the key.
func checkPoll(t *testing.T, addr string) *store.State {
	t.Helper()
	peer := store.DialPeer(store.PeerConfig{URL: "redis://" + addr, Shard: 1, Layout: series.Day, Cluster: "test"})
	defer func() {
		if err := peer.Close(); err != nil {
			t.Error(err)
		}
	}()
	epoch, list, late, err := peer.Poll(t.Context(), 0, 0, 10)
	if err != nil || epoch != "e1" || len(list) != 1 || len(late) != 1 {
		t.Fatalf("polled %q, %v, %v: %v", epoch, list, late, err)
	}
	if list[0].Key != "2026-11-22:h:m" || late[0].Key != "2026-11-22:h:m#2026-11-22T11" {
		t.Errorf("changed: %q, late %q", list[0].Key, late[0].Key)
	}
	_, after, lateAfter, err := peer.Poll(t.Context(), list[0].Score+1, late[0].Score+1, 10)
	if err != nil || len(after)+len(lateAfter) != 0 {
		t.Errorf("behind the newest there is %v, %v: %v", after, lateAfter, err)
	}
	return list[0].State
}

// forget gives the address of a server that knows a command under another name only.
func forget(t *testing.T, addr, name, other string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", addr)
			if err != nil {
				c.Close()
				return
			}
			go func() {
				_, _ = io.Copy(c, to)
				c.Close()
			}()
			go func() {
				buf := make([]byte, 1<<16)
				for {
					n, err := c.Read(buf)
					_, _ = to.Write(bytes.ReplaceAll(buf[:n], []byte(name), []byte(other)))
					if err != nil {
						to.Close()
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}
