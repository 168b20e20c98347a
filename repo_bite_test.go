package dunlin_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

const goodDoc = `// Package p is a thing.
//
// # What it is
//
// A thing.
//
// # Where it sits
//
// Here.
//
// # Invariants
//
// None.
//
// # What it does not do
//
// Much.
package p
`

// files are the texts of a small tree by path.
type files map[string]string

// bites are small trees that break one rule each, and what the rule must say.
var bites = []struct {
	rule  string
	files files
	want  string
}{
	{
		"imports",
		files{"internal/syncer/a.go": importing("syncer", "internal/engine")},
		"imports internal/engine",
	},
	{
		"imports",
		files{"internal/query/a.go": importing("query", "internal/server")},
		"imports internal/server",
	},
	{
		"imports",
		files{"internal/ingest/a.go": importing("ingest", "internal/engine")},
		"imports internal/engine",
	},
	{
		"imports",
		files{"client.go": importing("dunlin", "internal/engine")},
		"imports internal/engine",
	},
	{
		"imports",
		files{"internal/chunk/a.go": "package chunk\nimport _ \"" + modulePath + "\"\n"},
		"imports .",
	},
	{
		"imports",
		files{"internal/utils/a.go": "package utils\n"},
		"not in the import table",
	},
	{
		"root imports",
		files{"a.go": "package dunlin\nimport _ \"github.com/spf13/cobra\"\n"},
		"cobra",
	},
	{
		"root imports",
		files{"internal/ring/a.go": "package ring\nimport _ \"github.com/zeebo/xxh3\"\n"},
		"xxh3",
	},
	{
		"test only",
		files{"internal/node/a.go": importing("node", "internal/store/storetest")},
		"is for tests",
	},
	{
		"imports",
		files{"internal/store/storetest/a.go": importing("storetest", "internal/engine")},
		"imports internal/engine",
	},
	{
		"test only",
		files{"internal/node/a.go": importing("node", "internal/simtest")},
		"is for tests",
	},
	{
		"package docs",
		files{"a/x.go": "package a\n"},
		"0 package comments",
	},
	{
		"package docs",
		files{"p/doc.go": goodDoc, "p/x.go": "// Package p again.\npackage p\n"},
		"2 package comments",
	},
	{
		"package docs",
		files{"p/x.go": goodDoc},
		"belongs in doc.go",
	},
	{
		"package docs",
		files{"p/doc.go": "// Package p is short.\npackage p\n"},
		"# What it is",
	},
	{
		"package docs",
		files{"p/doc.go": strings.ReplaceAll(goodDoc, "Invariants", "Rules")},
		"# Invariants",
	},
	{
		"sizes",
		files{"a.go": "package a\nfunc f() {\n" + lines("\t_ = 1", 69) + "}\n"},
		"func f has 71 lines",
	},
	{
		"sizes",
		files{"a.go": "package a\n" + lines("", 800)},
		"801 lines",
	},
	{
		"sizes",
		files{"a.go": "package a // " + strings.Repeat("é", 110) + "\n"},
		"123 characters",
	},
	{"sizes", files{
		"a.go": "package a\n" + lines("", 699), "b.go": "package a\n" + lines("", 699),
		"c.go": "package a\n" + lines("", 699), "d.go": "package a\n" + lines("", 699),
		"e_test.go": "package a\n" + lines("", 699),
	}, "2800 lines without tests"},
	{
		"structs",
		files{"a.go": "package a\ntype t struct {\n" + lines("\ta, b int", 8) + "}\n"},
		"16 fields",
	},
	{
		"parameters",
		files{"a.go": "package a\nfunc f(a, b int, c string, d, e bool) {}\n"},
		"5 parameters",
	},
	{
		"init",
		files{"a.go": "package a\nfunc init() {}\n"},
		"func init",
	},
	{
		"go",
		files{"a.go": "package a\nfunc New() { go func() {}() }\n"},
		"New starts a goroutine",
	},
	{
		"go",
		files{"a.go": "package a\nfunc New() { f := func() { go g() }; f() }\nfunc g() {}\n"},
		"New starts",
	},
	{
		"go",
		files{"a.go": "package a\nimport \"sync\"\nfunc New(w *sync.WaitGroup) { w.Go(func() {}) }\n"},
		"New starts",
	},
	{
		"go",
		files{"a.go": "package a\nvar x = func() int { go f(); return 1 }()\nfunc f() {}\n"},
		"a package variable",
	},
	{
		"words",
		files{"a.go": "package a\n// TODO: later\n"},
		"do it",
	},
	{
		"words",
		files{"x.sh": "# FIXME\n"},
		"do it",
	},
	{
		"words",
		files{"docs/a.md": "see ../shared/design\n"},
		"not part of this repository",
	},
	{
		"words",
		files{"a.go": "package a\nconst p = \"/work/main\"\n"},
		"a path of one machine",
	},
	{
		"words",
		files{"ui/package-lock.json": `"resolved": "https://example.org/x.tgz"`},
		"lock file",
	},
	{
		"words",
		files{"Makefile": "\tGOPROXY=https://proxy.golang.org go build\n"},
		"registry",
	},
	{
		"words",
		files{"README.md": "as issue 2 says\n"},
		"ticket",
	},
	{
		"links",
		files{"README.md": "[the walk](ARCHITECTURE.md)\n"},
		"goes nowhere",
	},
	{
		"links",
		files{"docs/a.md": "see `internal/gone/x.go`\n"},
		"no file internal/gone/x.go",
	},
	{
		"names",
		files{"README.md": "`p.Gone`\n", "p/doc.go": goodDoc},
		"no p.Gone",
	},
	{
		"names",
		files{"README.md": "`p.T.Gone(ctx)`\n", "p/doc.go": goodDoc + "type T struct{ Here int }\n"},
		"no p.T.Gone",
	},
	{
		"tests",
		files{"docs/seed.md": "`TestGone`\n"},
		"no test TestGone",
	},
	{"tests", files{
		"docs/seed.md": "`TestHere/gone`\n",
		"a_test.go":    "package a\nimport \"testing\"\nfunc TestHere(t *testing.T) { t.Run(\"here\", nil) }\n",
	}, `no subtest "gone"`},
	{
		"dependencies",
		files{"a.go": "package a\nimport _ \"example.org/x/y\"\n"},
		"no row for example.org/x/y",
	},
	{
		"dependencies",
		files{"docs/dependencies.md": "| example.org/x | v1 |\n"},
		"example.org/x is not imported",
	},
	{
		"make",
		files{"Makefile": lines("t: ## words", 13)},
		"13 targets",
	},
}

func importing(pkg, dir string) string {
	return fmt.Sprintf("package %s\nimport _ %q\n", pkg, modulePath+"/"+dir)
}

func lines(s string, n int) string { return strings.Repeat(s+"\n", n) }

func mapTree(t *testing.T, texts files) *tree {
	t.Helper()
	m := fstest.MapFS{}
	for p, text := range texts {
		m[p] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := loadTree(m)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestRepo_rulesBite shows every rule a tree that breaks it.
func TestRepo_rulesBite(t *testing.T) {
	shown := map[string]bool{}
	for _, b := range bites {
		shown[b.rule] = true
		got := strings.Join(rules[b.rule](mapTree(t, b.files)), "\n")
		if !strings.Contains(got, b.want) {
			t.Errorf("%s: %q not found in %q", b.rule, b.want, got)
		}
	}
	for name := range rules {
		if !shown[name] {
			t.Errorf("no tree shows that the rule %q can fail", name)
		}
	}
	if got := closureFindings([]byte("example.org/x\n" + modulePath + "/internal/engine\n")); len(got) != 2 {
		t.Errorf("closure: two findings wanted, got %q", got)
	}
}

// TestRepo_rulesSpare shows every rule a tree that is right.
func TestRepo_rulesSpare(t *testing.T) {
	tr := mapTree(t, files{
		"internal/ring/doc.go": strings.ReplaceAll(goodDoc, "package p", "package ring"),
		"internal/ring/a.go": "package ring\n\nimport _ \"" + modulePath + "/internal/series\"\n\n" +
			"type T struct{ A int }\n\nfunc (t *T) Run() { f := func() { go g() }; f() }\n\nfunc g() {}\n" +
			"func (t *T) init() {}\n",
		"internal/ring/a_test.go": "package ring\n\nimport (\n\t\"testing\"\n\t_ \"" + modulePath +
			"/internal/engine\"\n)\n\n" +
			"func TestT(t *testing.T) { go g(); t.Run(\"a case\", nil) }\n",
		"README.md": "[docs](docs/a.md#here) `ring.T.A` `(*ring.T).Run` `ring.T` `TestT/a_case` `strings.Cut` " +
			"[out](https://example.org)\n```\n`TestGone` [x](gone)\n```\n",
		"docs/a.md": "`internal/ring/a.go` `internal/web/dist/app.js`\n",
		"Makefile":  "help: ## this list\n",
	})
	for name, r := range rules {
		if got := r(tr); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}
