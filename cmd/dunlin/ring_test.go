package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// execute runs a command and gives what it printed.
func execute(t *testing.T, cmd *cobra.Command, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flock.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRingWhere_craigslist(t *testing.T) {
	data, err := os.ReadFile("../../internal/ring/testdata/ring_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Keys []struct {
			Key  *string
			Node string
		}
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, `cluster: x
layout: 20060102
rings:
  - from: 20120726
    hash: craigslist
    names: [redis_1, redis_2, redis_3, redis_4, redis_5, redis_6, redis_7, redis_8]
nodes:
  b: {url: redis://h:2}
  a: {url: redis://h:1}
`)
	args := []string{"where", "--topology", file, "--"}
	var want strings.Builder
	for _, k := range v.Keys {
		if k.Key != nil {
			args = append(args, *k.Key)
			number := strings.TrimPrefix(k.Node, "redis_")
			want.WriteString(*k.Key + "\t20120726\t" + number + "\t" + k.Node + "\ta,b\n")
		}
	}
	got, err := execute(t, ringCmd(), "", args...)
	if err != nil || got != want.String() {
		t.Fatalf("%v\ngot\n%swant\n%s", err, got, want.String())
	}
}

func TestRingWhere_anyKey(t *testing.T) {
	got, err := execute(t, ringCmd(), "", "where", "", "\xff\x00", "2026-11-22:h")
	if err != nil || strings.Count(got, "\n") != 3 || !strings.HasPrefix(got, "\t1970-01-01\t") {
		t.Fatalf("%q %v", got, err)
	}
}

func TestRingCheck_saysWhere(t *testing.T) {
	file := writeFile(t, "cluster: x\nkeeep: 1\n")
	_, err := execute(t, ringCmd(), "", "check", file)
	if err == nil || !strings.Contains(err.Error(), "flock.yaml:2: unknown key") {
		t.Fatal(err)
	}
}

func TestWrite_argumentsAndDeadNode(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := execute(t, writeCmd(), "h m 1 1\n", append([]string{"--url", "redis://127.0.0.1:1"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	f("want HOST METRIC VALUE", "h")
	f("want HOST METRIC VALUE", "h", "m", "1", "2", "3")
	f("timestamp", "h", "m", "1", "yesterday")
	f("no host", "", "m", "1")
	f("unavailable", "h", "m", "-1")
	f("unavailable")
}
