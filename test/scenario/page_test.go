package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// browserScript gives a script of test/browser, when there is what it needs.
func browserScript(t *testing.T, name string) string {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "browser", name))
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(filepath.Dir(script), "node_modules", "playwright-core")
	if _, err := os.Stat(modules); err != nil {
		missing(t, "the browser driver is not installed (make deps): %v", err)
	}
	return script
}

// needPage gives the address of the third node's page, if the page is in the binary.
func (f *flock) needPage() string {
	f.t.Helper()
	page := fmt.Sprintf("http://127.0.0.1:%d/", f.ports.web+2)
	if text, err := fetch(page); err != nil || !strings.Contains(text, `id="app"`) {
		missing(f.t, "the page is not built into the binary (make web): %v %.200s", err, text)
	}
	return page
}

// TestPage_cutAndHeal: on the page of a node, a node that is cut off falls behind while both sides are written to; when
// it is healed the lag falls to zero, and the digests are said to be equal anew.
func TestPage_cutAndHeal(t *testing.T) {
	script := browserScript(t, "cut.mjs")
	f := startFlock(t, "engine")
	f.needPage()
	cmd := exec.Command("node", script, binary, f.dir, fmt.Sprint(f.ports.resp), fmt.Sprint(f.ports.web))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the page in Chromium: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
