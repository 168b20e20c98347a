package main

import (
	"testing"
)

func TestRun_exitCodes(t *testing.T) {
	f := func(want int, args ...string) {
		t.Helper()
		if got := run(args); got != want {
			t.Errorf("dunlin %q: exit code %d, want %d", args, got, want)
		}
	}
	f(0, "version")
	f(2, "no-such-command")
	f(2, "node", "--no-such-flag")
	f(2, "node", "argument")
	f(2, "node", "--storage.fsync", "sometimes")
	f(2, "node", "--engine.max-memory", "much")
	f(2, "node", "--engine.max-memory-policy", "allkeys-lru")
	f(2, "node", "--engine.max-series-per-period", "-1")
	f(2, "demo", "--store", "stone")
	f(2, "bench", "flock", "--only", "nothing")
	f(1, "node", "--topology", "/does/not/exist")
	f(1, "demo", "status", "--dir", t.TempDir())
}

func TestBindEnv(t *testing.T) {
	cmd := nodeCmd()
	if err := cmd.ParseFlags([]string{"--name", "flag"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"DUNLIN_NAME": "env", "DUNLIN_RESP_LISTEN_ADDRESS": "127.0.0.1:1", "DUNLIN_REDIS_SWEEP_INTERVAL": "x",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if err := bindEnv(cmd.Flags(), lookup); err == nil {
		t.Error("a bad value in the environment was taken")
	}
	get := func(name string) string { return cmd.Flags().Lookup(name).Value.String() }
	if get("name") != "flag" || get("resp.listen-address") != "127.0.0.1:1" {
		t.Errorf("name %q, address %q", get("name"), get("resp.listen-address"))
	}
}

// TestProxy: a line carries bytes, a cut ends its connections and refuses new ones, healing restores it.
