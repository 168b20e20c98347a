package dunlin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestClient_Range_takesTheNodeThatIsComplete asks three nodes that are behind their peers to different degrees.
func TestClient_Range_takesTheNodeThatIsComplete(t *testing.T) {
	f := func(wantValue string, wantPartial bool, replies ...string) {
		t.Helper()
		var urls []string
		for i, behind := range replies {
			n := newFake(t, func(args []string) string {
				switch {
				case behind == "loading" && args[0] != "INFO":
					return "-LOADING not yet\r\n"
				case args[0] != "INFO":
					member := fmt.Sprintf("1795348800:%d", i+1)
					return fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", len(member), member)
				case behind == "redis":
					return "$0\r\n\r\n"
				}
				text := "# Peers\r\nbehind_ms:" + behind + "\r\npeer_x:y\r\n"
				return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
			})
			urls = append(urls, n.url())
		}
		topo := flock(1, urls...)
		for i := range topo.Nodes {
			topo.Nodes[i].Site = "far"
		}
		topo.Nodes[0].Site = "near"
		c := openClient(t, Config{Topology: topo, Site: "near", Node: "a"})
		points, err := c.Range(t.Context(), Query{"h", "m", noon, noon})
		if len(points) != 1 || !strings.Contains(wantValue, points[0].Value) || errors.Is(err, ErrPartial) != wantPartial ||
			err != nil && !wantPartial {
			t.Errorf("%v: %v, %v, want %s", replies, points, err, wantValue)
		}
		p, ok, err := c.Newest(t.Context(), "h", "m")
		if !ok || !strings.Contains(wantValue, p.Value) || errors.Is(err, ErrPartial) != wantPartial {
			t.Errorf("%v: %v, %v, want %s", replies, p, err, wantValue)
		}
	}
	f("1", false, "0", "0", "0")
	f("1", false, "500", "0", "0")
	f("2", false, "60000", "0", "60000")
	f("23", false, "-1", "0", "100")
	f("2", true, "60000", "50000", "-1")
	f("1", true, "-1", "-1", "loading")
	f("3", false, "loading", "loading", "0")
	f("3", true, "loading", "loading", "99999")
	f("1", false, "redis", "redis", "redis")
	f("1", false, "99999") // nobody else is to be asked
}

func TestClient_Range_nobodyCanAnswer(t *testing.T) {
	f := newFake(t, func([]string) string { return "-LOADING not yet\r\n" })
	c := openClient(t, Config{Topology: flock(1, f.url(), "redis://127.0.0.1:1")})
	if points, err := c.Range(t.Context(), Query{"h", "m", noon, noon}); !errors.Is(err, ErrUnavailable) || points != nil {
		t.Fatal(points, err)
	}
}
