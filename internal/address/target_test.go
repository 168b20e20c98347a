package address

import "testing"

func TestParse(t *testing.T) {
	f := func(in string, want Target) {
		t.Helper()
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	f("redis://h:1", Target{Network: "tcp", Addr: "h:1", Host: "h"})
	f("redis://h", Target{Network: "tcp", Addr: "h:6379", Host: "h"})
	f("redis://h:1/3", Target{Network: "tcp", Addr: "h:1", Host: "h", DB: 3})
	f("rediss://[::1]:1/", Target{Network: "tcp", Addr: "[::1]:1", Host: "::1", TLS: true})
	f("redis://[fe80::1]", Target{Network: "tcp", Addr: "[fe80::1]:6379", Host: "fe80::1"})
	f("unix:///run/redis.sock", Target{Network: "unix", Addr: "/run/redis.sock"})
	f("unix:///run/redis.sock?db=2", Target{Network: "unix", Addr: "/run/redis.sock", DB: 2})
	for _, bad := range []string{
		"", "h:1", "http://h:1", "redis://", "redis://h:0", "redis://h:99999", "redis://h:1/x", "redis://h:1/-1",
		"redis://h:1/01", "redis://u:p@h:1", "unix://h/x", "unix:x", "redis://h:1?db=1", "redis://h:1#x", "redis://%zz",
	} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("redis://[::1]:6390/3")
	f.Add("unix:///a?db=1")
	f.Add("rediss://:@")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s)
		if err == nil && (got.Addr == "" || got.DB < 0 || got.Network == "unix" == got.TLS && got.TLS) {
			t.Fatalf("%q: %+v", s, got)
		}
	})
}
