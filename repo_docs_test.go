package dunlin_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A document that names a file, a function or a test is wrong the day that goes away; these rules notice.

var (
	mdLink  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeBit = regexp.MustCompile("`([^`\n]+)`")
	ourFile = regexp.MustCompile(`^\.?(internal|cmd|docs|script|test|tools|ci)/[\w./-]+$`)
	// goName is pkg.Name, pkg.Type.Member or pkg.Name(…), the package by its last path element.
	goName   = regexp.MustCompile(`^(?:\(?\*)?([a-z][a-z0-9]*)\.([A-Za-z]\w*)\)?(?:\.(\w+))?(?:\([^)]*\))?$`)
	testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z_]\w*(/[\w/.{},*-]+)?$`)
)

// docs calls fn with each Markdown file and its text outside fenced blocks.
func (t *tree) docs(fn func(p, text string)) {
	for p, text := range t.texts {
		if !strings.HasSuffix(p, ".md") {
			continue
		}
		var b strings.Builder
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
				continue
			}
			if !fenced {
				b.WriteString(line)
			}
		}
		fn(p, b.String())
	}
}

func (t *tree) exists(p string) bool {
	_, err := fs.Stat(t.fsys, path.Clean(p))
	return err == nil
}

// docLinks: links inside the repository resolve, and so do file names in code style.
func docLinks(t *tree) []string {
	var bad []string
	t.docs(func(p, text string) {
		for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if !t.exists(path.Join(path.Dir(p), target)) {
				bad = append(bad, fmt.Sprintf("%s: the link to %s goes nowhere", p, m[1]))
			}
		}
		for _, m := range codeBit.FindAllStringSubmatch(text, -1) {
			if ourFile.MatchString(m[1]) && !t.exists(strings.TrimSuffix(m[1], "/")) && !builtLater(m[1]) {
				bad = append(bad, fmt.Sprintf("%s: there is no file %s", p, m[1]))
			}
		}
	})
	return bad
}

// builtLater: named in documents, made by make.
func builtLater(p string) bool { return strings.HasPrefix(p, "internal/web/dist") }

// docNames: a Go name of a package of ours that a document mentions is declared there.
func docNames(t *tree) []string {
	packages := map[string]map[string]bool{}
	for _, files := range t.byDir(notTest) {
		if name := files[0].pkgName(); name != "main" {
			packages[name] = declared(files)
		}
	}
	var bad []string
	t.docs(func(p, text string) {
		for _, m := range codeBit.FindAllStringSubmatch(text, -1) {
			n := goName.FindStringSubmatch(m[1])
			if n == nil || notGo(n[2]) {
				continue
			}
			names, ours := packages[n[1]]
			full := n[2]
			if n[3] != "" {
				full += "." + n[3]
			}
			if ours && !names[full] {
				bad = append(bad, fmt.Sprintf("%s: there is no %s.%s", p, n[1], full))
			}
		}
	})
	return bad
}

// notGo: a file (`series.md`) looks like a name.
func notGo(name string) bool {
	switch name {
	case "go", "md", "sh", "mod", "sum", "json", "yaml", "yml", "txt", "mjs":
		return true
	}
	return false
}

// docTests: every test that a document names exists, the subtests by name as well.
func docTests(t *tree) []string {
	tests := map[string]string{}             // function → directory
	literals := map[string]map[string]bool{} // directory → string literals of its tests
	shared := map[string]bool{}              // string literals of the packages that hold tests for others
	for _, f := range t.files {
		if !f.isTest() {
			if support(f.dir()) {
				collectTests(f, tests, shared)
			}
			continue
		}
		if literals[f.dir()] == nil {
			literals[f.dir()] = map[string]bool{}
		}
		collectTests(f, tests, literals[f.dir()])
	}
	var bad []string
	t.docs(func(p, text string) {
		for _, m := range codeBit.FindAllStringSubmatch(text, -1) {
			if !testName.MatchString(m[1]) {
				continue
			}
			fn, subs, _ := strings.Cut(m[1], "/")
			dir, ok := tests[fn]
			if !ok {
				bad = append(bad, fmt.Sprintf("%s: there is no test %s", p, fn))
				continue
			}
			for _, sub := range strings.FieldsFunc(subs, func(r rune) bool { return strings.ContainsRune("/{},", r) }) {
				if sub != "*" && !literals[dir][sub] && !shared[sub] {
					bad = append(bad, fmt.Sprintf("%s: %s has no subtest %q", p, fn, sub))
				}
			}
		}
	})
	return bad
}

func collectTests(f *source, tests map[string]string, literals map[string]bool) {
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && testName.MatchString(fn.Name.Name) {
			tests[fn.Name.Name] = f.dir()
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				// Subtests are called by their name with spaces written as underscores.
				literals[strings.ReplaceAll(s, " ", "_")] = true
			}
		}
		return true
	})
}

// dependencyRow is a row of the tables in docs/dependencies.md: a Go module in its first cell.
var dependencyRow = regexp.MustCompile(`(?m)^\| ([a-z0-9.-]+\.[a-z]+/[^\s|]+)`)

// dependencyDocs: every module that is imported has its row, and every row is imported (or is a tool).
func dependencyDocs(t *tree) []string {
	const doc = "docs/dependencies.md"
	imported := map[string]string{}
	for _, f := range t.files {
		for _, spec := range f.ast.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			first, _, _ := strings.Cut(p, "/")
			if strings.Contains(first, ".") && !inModules(p, []string{modulePath}) {
				imported[p] = f.path
			}
		}
	}
	var bad, rows []string
	for _, m := range dependencyRow.FindAllStringSubmatch(string(t.texts[doc]), -1) {
		row := m[1]
		rows = append(rows, row)
		used := strings.Contains(string(t.texts["tools/go.mod"]), row)
		for p := range imported {
			used = used || inModules(p, []string{row})
		}
		if !used {
			bad = append(bad, fmt.Sprintf("%s: %s is not imported", doc, row))
		}
	}
	for p, by := range imported {
		if !inModules(p, rows) {
			bad = append(bad, fmt.Sprintf("%s: no row for %s, which %s imports", doc, p, by))
		}
	}
	return bad
}
