package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/muster"
)

// TestFlock: the exit code says whether all is well, the JSON what is not.
func TestFlock(t *testing.T) {
	url, _ := runNode(t)
	flock := func(url string) (r muster.Report, err error) {
		var out bytes.Buffer
		root := rootCmd()
		root.SetArgs([]string{"flock", "--json", "--url", url})
		root.SetOut(&out)
		err = root.ExecuteContext(t.Context())
		if jsonErr := json.Unmarshal(out.Bytes(), &r); jsonErr != nil {
			t.Fatalf("%v: %s", jsonErr, out.Bytes())
		}
		return r, err
	}
	r, err := flock(url)
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); r, err = flock(url) {
		if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "just started") {
			t.Fatalf("%v, %+v", err, r)
		}
	}
	if err != nil || len(r.Nodes) != 1 || r.Nodes[0].Name != "n" || len(r.Nodes[0].Shards) != 2 || r.Problems != nil {
		t.Errorf("a node alone: %v, %+v", err, r)
	}
	r, err = flock("redis://127.0.0.1:1")
	if err == nil || len(r.Nodes) != 1 || r.Nodes[0].Error == "" || len(r.Problems) != 1 {
		t.Errorf("nobody there: %v, %+v", err, r)
	}
	if code := run([]string{"flock", "--url", "redis://127.0.0.1:1"}); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}
