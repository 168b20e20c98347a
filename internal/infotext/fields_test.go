package infotext

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := Parse("# Peers\r\npeer_a:state=following,up=true,lag_ms=31\r\n\r\n# Dunlin\r\nurl:redis://h:1\r\nempty:\r\n")
	want := Fields{"peer_a": "state=following,up=true,lag_ms=31", "url": "redis://h:1", "empty": ""}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
	pairs := Pairs(got["peer_a"] + ",odd,x=a=b")
	if d := cmp.Diff(Fields{"state": "following", "up": "true", "lag_ms": "31", "x": "a=b"}, pairs); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
	for name, want := range map[string]int64{"lag_ms": 31, "state": 0, "nobody": 0} {
		if n := pairs.Number(name); n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
}
