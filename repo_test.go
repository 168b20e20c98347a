package dunlin_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// The rules of this repository, as tests. A rule is a function over the whole tree, so that the same function can be
// shown a small tree that breaks it (TestRepo_rulesBite): a rule that can not fail proves nothing.

const modulePath = "github.com/dunlin-db/dunlin"

// source is one Go file.
type source struct {
	path string // slash-separated, from the root
	text []byte
	ast  *ast.File
}

func (s *source) dir() string     { return path.Dir(s.path) }
func (s *source) isTest() bool    { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) pkgName() string { return s.ast.Name.Name }

// tree is what the rules look at.
type tree struct {
	fsys  fs.FS
	fset  *token.FileSet
	files []*source
	texts map[string][]byte // every other text file: docs, scripts, front end, build files
}

// rule looks at a tree and says what breaks it, one line each.
type rule func(t *tree) []string

var rules = map[string]rule{
	"imports":      importTable,
	"root imports": rootImports,
	"test only":    testOnlyPackages,
	"package docs": packageDocs,
	"sizes":        sizes,
	"structs":      structFields,
	"parameters":   parameters,
	"init":         noInit,
	"go":           goStatements,
	"words":        forbiddenWords,
	"links":        docLinks,
	"names":        docNames,
	"tests":        docTests,
	"make":         makeTargets,
	"dependencies": dependencyDocs,
}

func TestRepo(t *testing.T) {
	tr, err := loadTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range rules {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			findings := r(tr)
			slices.Sort(findings)
			for _, finding := range slices.Compact(findings) {
				t.Error(finding)
			}
		})
	}
}

// skipDirs hold what is built, downloaded or recorded: none of it is ours to style.
var skipDirs = []string{".git", "node_modules", "dist", "bin", "tmp", "testdata", "dunlin-data"}

// textFiles are the endings (or whole names) of files that are read as text.
var textFiles = []string{
	".md", ".sh", ".ts", ".tsx", ".mjs", ".js", ".json", ".css", ".html", ".yaml", ".yml", ".mod", "Makefile", "run",
	".lua", ".gitignore",
}

func loadTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet(), texts: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skipDirs, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		return t.load(p)
	})
	return t, err
}

func (t *tree) load(p string) error {
	isGo := strings.HasSuffix(p, ".go")
	isText := slices.ContainsFunc(textFiles, func(end string) bool { return strings.HasSuffix(p, end) })
	if !isGo && !isText {
		return nil
	}
	text, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	if !isGo {
		t.texts[p] = text
		return nil
	}
	f, err := parser.ParseFile(t.fset, p, text, parser.ParseComments)
	if err != nil {
		return err
	}
	t.files = append(t.files, &source{p, text, f})
	return nil
}

// byDir groups the Go files that pass keep by their directory.
func (t *tree) byDir(keep func(*source) bool) map[string][]*source {
	dirs := map[string][]*source{}
	for _, f := range t.files {
		if keep(f) {
			dirs[f.dir()] = append(dirs[f.dir()], f)
		}
	}
	return dirs
}

func notTest(s *source) bool { return !s.isTest() }

// nested says that a directory belongs to a nested module, which has imports of its own.
func (t *tree) nested(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := t.texts[dir+"/go.mod"]; ok {
			return true
		}
	}
	return false
}

// mayImport is the import table of the design: what a package may import of ours, tests aside. "*" = everything.
var mayImport = map[string]string{
	".":                   "series ring address upstream bundle spool keyspec",
	"internal/address":    "",
	"internal/upstream":   "address",
	"internal/bundle":     "series",
	"internal/retention":  "series",
	"internal/orders":     "series edict shard retention peering",
	"internal/keyspec":    "",
	"internal/spool":      "fsx",
	"internal/series":     "",
	"internal/ring":       "series address",
	"internal/resp":       "sock",
	"internal/sock":       "",
	"internal/server":     "resp series ring shard keyspace store keycmd zseries batch reply budget account wal",
	"internal/reply":      "resp series store",
	"internal/batch":      "resp series ring shard keyspace store keycmd wal",
	"internal/keycmd":     "resp series ring shard keyspace store zseries",
	"internal/zseries":    "resp series keyspace store",
	"internal/account":    "budget shard store",
	"internal/edict":      "series varint",
	"internal/mend":       "series store",
	"internal/shard":      "series edict mend store wal replog replica grid chunkrec",
	"internal/strays":     "ring series shard store",
	"internal/replica":    "series replog",
	"internal/store":      "series journal address",
	"internal/engine":     "series dirent chunk store fsx budget slab names replog chunkrec marks late grid stream",
	"internal/dirent":     "slab",
	"internal/grid":       "series store",
	"internal/stream":     "chunk store series",
	"internal/chunkrec":   "series chunk store replog grid",
	"internal/marks":      "slab store",
	"internal/late":       "store",
	"internal/names":      "offheap slab store replog",
	"internal/slab":       "offheap budget",
	"internal/budget":     "series store",
	"internal/offheap":    "",
	"internal/chunk":      "decimal varint",
	"internal/varint":     "",
	"internal/decimal":    "",
	"internal/keyspace":   "",
	"internal/fsx":        "",
	"internal/frame":      "",
	"internal/vigil":      "",
	"internal/wal":        "fsx frame",
	"internal/storage":    "chunkrec engine evidence frame fsx manifest replog series shard store wal",
	"internal/manifest":   "",
	"internal/evidence":   "fsx",
	"internal/infotext":   "",
	"internal/gentle":     "",
	"internal/scrub":      "frame fsx gentle manifest",
	"internal/replog":     "series varint",
	"internal/journal":    "series",
	"internal/syncer":     "series ring journal shard store replog",
	"internal/watermark":  "replog",
	"internal/archive":    "frame fsx replog",
	"internal/exchange":   "series shard store replog replica grid chunkrec",
	"internal/peering":    "series edict watermark shard store replog replica grid varint archive exchange",
	"internal/proof":      "series shard store replog replica gentle grid peering exchange",
	"internal/door":       "peering store address sock",
	"internal/lookout":    "door infotext ring",
	"internal/ingest":     "series",
	"internal/query":      ". series ring store",
	"internal/web":        "query ingest",
	"internal/fleet":      "",
	"internal/agent":      ". fleet",
	"internal/advise":     ". ring series",
	"internal/check":      ". advise infotext ring",
	"internal/muster":     ". infotext ring tui",
	"internal/node":       "*",
	"internal/load":       "fleet",
	"internal/bench":      ". query fleet load tui",
	"internal/tui":        ". query",
	"internal/flockbench": "cable door fleet infotext load",
	"internal/restore":    "series storage",
	"internal/cable":      "",
	"internal/simtest":    "*",
	"cmd/dunlin":          "*",

	"internal/web/build": "", // a tool of the build
}

// support says that a package exists for tests only: simtest, and internal/X/Ytest below the package X.
func support(dir string) bool {
	below := strings.Count(dir, "/") == 2 && strings.HasSuffix(dir, "test")
	return below || dir == "internal/simtest" || strings.HasPrefix(dir, "test/")
}

// importsOf gives what a package may import; X/Ytest may import X and what X may.
func importsOf(dir string) (allowed string, known bool) {
	if allowed, known = mayImport[dir]; known || !support(dir) {
		return allowed, known
	}
	parent := path.Dir(dir)
	allowed, known = mayImport[parent]
	return allowed + " " + strings.TrimPrefix(parent, "internal/"), known
}

func importTable(t *tree) []string {
	var bad []string
	for dir, files := range t.byDir(notTest) {
		if t.nested(dir) || strings.HasPrefix(dir, "test/") {
			continue
		}
		allowed, known := importsOf(dir)
		if !known {
			bad = append(bad, dir+": the package is not in the import table (repo_test.go, mayImport)")
			continue
		}
		for _, f := range files {
			for _, imp := range ourImports(f) {
				short := strings.TrimPrefix(imp, "internal/")
				if allowed != "*" && !slices.Contains(strings.Fields(allowed), short) {
					bad = append(bad, fmt.Sprintf("%s: imports %s, allowed: %q", f.path, imp, allowed))
				}
			}
		}
	}
	return bad
}

// ourImports gives the imported packages of this module as directories, "." for the root.
func ourImports(f *source) []string {
	var dirs []string
	for _, spec := range f.ast.Imports {
		p := strings.Trim(spec.Path.Value, `"`)
		if p == modulePath {
			dirs = append(dirs, ".")
		} else if rest, ok := strings.CutPrefix(p, modulePath+"/"); ok {
			dirs = append(dirs, rest)
		}
	}
	return dirs
}

// rootThirdParty are the modules a program that uses the client gets: these three and what they need.
var rootThirdParty = []string{
	"github.com/redis/rueidis", "github.com/cespare/xxhash/v2", "go.yaml.in/yaml/v4",
}

// rootIndirect are the modules that the three themselves bring along.
var rootIndirect = []string{"golang.org/x/sys"}

// rootImports holds the packages of the public client to the libraries above, file by file.
func rootImports(t *tree) []string {
	var bad []string
	client := []string{
		".", "internal/series", "internal/ring", "internal/upstream", "internal/bundle", "internal/spool",
		"internal/fsx", "internal/keyspec",
	}
	for _, f := range t.files {
		if f.isTest() || !slices.Contains(client, f.dir()) {
			continue
		}
		for _, spec := range f.ast.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			first, _, _ := strings.Cut(p, "/")
			std := !strings.Contains(first, ".")
			if !std && !inModules(p, append(rootThirdParty, modulePath)) {
				bad = append(bad, fmt.Sprintf("%s: the client may not import %s", f.path, p))
			}
		}
	}
	return bad
}

func inModules(pkg string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return pkg == m || strings.HasPrefix(pkg, m+"/") })
}

// TestRepo_clientClosure asks the go command what the client really links.
func TestRepo_clientClosure(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, bad := range closureFindings(out) {
		t.Error(bad)
	}
}

func closureFindings(listed []byte) []string {
	ours := []string{
		modulePath, modulePath + "/internal/series", modulePath + "/internal/ring", modulePath + "/internal/address",
		modulePath + "/internal/upstream", modulePath + "/internal/bundle", modulePath + "/internal/spool",
		modulePath + "/internal/fsx", modulePath + "/internal/keyspec",
	}
	var bad []string
	for _, p := range strings.Fields(string(listed)) {
		if !slices.Contains(ours, p) && !inModules(p, rootThirdParty) && !inModules(p, rootIndirect) {
			bad = append(bad, "the client links "+p)
		}
	}
	return bad
}

// testOnlyPackages: what exists for tests is imported by tests, and by other such packages, only.
func testOnlyPackages(t *tree) []string {
	var bad []string
	for _, f := range t.files {
		if f.isTest() || support(f.dir()) {
			continue
		}
		for _, imp := range ourImports(f) {
			if support(imp) {
				bad = append(bad, fmt.Sprintf("%s: imports %s, which is for tests", f.path, imp))
			}
		}
	}
	return bad
}

var docHeadings = []string{"# What it is", "# Where it sits", "# Invariants", "# What it does not do"}

// packageDocs: one package comment per package, in doc.go, with the four headings (commands need none).
func packageDocs(t *tree) []string {
	var bad []string
	for dir, files := range t.byDir(notTest) {
		var docs []*source
		for _, f := range files {
			if f.ast.Doc != nil {
				docs = append(docs, f)
			}
		}
		if len(docs) != 1 {
			bad = append(bad, fmt.Sprintf("%s: %d package comments, want one, in doc.go", dir, len(docs)))
			continue
		}
		d := docs[0]
		if path.Base(d.path) != "doc.go" {
			bad = append(bad, d.path+": the package comment belongs in doc.go")
		}
		if d.pkgName() == "main" || strings.HasPrefix(dir, "test/") || dir == "tools" {
			continue
		}
		text, at := d.ast.Doc.Text(), 0
		for _, h := range docHeadings {
			i := strings.Index(text[at:], h+"\n")
			if i < 0 {
				bad = append(bad, fmt.Sprintf("%s: no heading %q (or not in this order)", d.path, h))
				break
			}
			at += i
		}
	}
	return bad
}

// makeTargets: make help stays on one screen, one line a target.
func makeTargets(t *tree) []string {
	const most = 12
	listed := 0
	for line := range bytes.Lines(t.texts["Makefile"]) {
		if !bytes.HasPrefix(line, []byte("\t")) && bytes.Contains(line, []byte(":")) && bytes.Contains(line, []byte("## ")) {
			listed++
		}
	}
	if listed > most || listed == 0 {
		return []string{fmt.Sprintf("Makefile: make help lists %d targets, want 1 to %d", listed, most)}
	}
	return nil
}
