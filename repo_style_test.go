package dunlin_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The walls of the style. What is typical is smaller; see CONTRIBUTING.md.
const (
	mostFuncLines    = 70
	mostFileLines    = 800
	mostPackageLines = 2500
	mostLineLength   = 120
	mostStructFields = 15
	mostParameters   = 4 // besides a context and the testing handle
)

// longFuncs may be longer than the wall: a flat switch or a table that only grows longer when it is cut up. By name,
// as directory + "." + function, so that every exemption is seen in review.
var longFuncs = []string{
	"internal/ring.TestParse_refuses",
}

func sizes(t *tree) []string {
	var bad []string
	perPackage := map[string]int{}
	for _, f := range t.files {
		lines := bytes.Count(f.text, []byte("\n"))
		if lines > mostFileLines {
			bad = append(bad, fmt.Sprintf("%s: %d lines, at most %d", f.path, lines, mostFileLines))
		}
		if !f.isTest() {
			perPackage[f.dir()] += lines
		}
		bad = append(bad, longLines(f)...)
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				bad = append(bad, t.longFunc(f, fn)...)
			}
		}
	}
	for dir, lines := range perPackage {
		if lines > mostPackageLines {
			bad = append(bad, fmt.Sprintf("%s: %d lines without tests, at most %d", dir, lines, mostPackageLines))
		}
	}
	return bad
}

func longLines(f *source) []string {
	var bad []string
	n := 0
	for line := range bytes.Lines(f.text) {
		n++
		if l := utf8.RuneCount(bytes.TrimRight(line, "\n")); l > mostLineLength {
			bad = append(bad, fmt.Sprintf("%s:%d: %d characters, at most %d", f.path, n, l, mostLineLength))
		}
	}
	return bad
}

func (t *tree) longFunc(f *source, fn *ast.FuncDecl) []string {
	lines := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1
	if lines <= mostFuncLines || slices.Contains(longFuncs, f.dir()+"."+fn.Name.Name) {
		return nil
	}
	return []string{fmt.Sprintf("%s: func %s has %d lines, at most %d", f.path, fn.Name.Name, lines, mostFuncLines)}
}

func structFields(t *tree) []string {
	var bad []string
	for _, f := range t.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if st, ok := n.(*ast.StructType); ok {
				if c := st.Fields.NumFields(); c > mostStructFields {
					bad = append(bad, fmt.Sprintf("%s: a struct of %d fields, at most %d",
						t.fset.Position(st.Pos()), c, mostStructFields))
				}
			}
			return true
		})
	}
	return bad
}

// parameters: five things passed in a row get mixed up; they want names, that is a Config.
func parameters(t *tree) []string {
	var bad []string
	for _, f := range t.files {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			c := 0
			for _, field := range fn.Type.Params.List {
				if !isHandle(field.Type) {
					c += max(1, len(field.Names))
				}
			}
			if c > mostParameters {
				bad = append(bad, fmt.Sprintf("%s: func %s has %d parameters, at most %d: use a Config",
					t.fset.Position(fn.Pos()), fn.Name.Name, c, mostParameters))
			}
		}
	}
	return bad
}

// isHandle: a context, or the handle of a test.
func isHandle(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && (x.Name == "testing" || x.Name == "rapid" || x.Name == "context")
}

func noInit(t *tree) []string {
	var bad []string
	for _, f := range t.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				bad = append(bad, fmt.Sprintf("%s: func init: say it in main, or in a constructor",
					t.fset.Position(fn.Pos())))
			}
		}
	}
	return bad
}

var runsName = regexp.MustCompile(`^(Run|run|Serve|serve|Accept|accept)`)

// goStatements: a goroutine is started inside a Run (or an accept loop) that waits for it; constructors start nothing.
// Starting one through the Go method of a group counts as well.
func goStatements(t *tree) []string {
	var bad []string
	for _, f := range t.files {
		if f.isTest() || strings.HasPrefix(f.dir(), "test/") {
			continue
		}
		for _, d := range f.ast.Decls {
			name := "a package variable"
			if fn, ok := d.(*ast.FuncDecl); ok {
				name = fn.Name.Name
			}
			if runsName.MatchString(name) {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if startsGoroutine(n) {
					bad = append(bad, fmt.Sprintf("%s: %s starts a goroutine; only Run, run*, serve*, accept* may",
						t.fset.Position(n.Pos()), name))
				}
				return true
			})
		}
	}
	return bad
}

func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

// ruleFiles hold the forbidden words themselves.
var ruleFiles = []string{"repo_style_test.go", "repo_bite_test.go"}

var forbidden = []struct {
	re  *regexp.Regexp
	why string
}{
	{regexp.MustCompile(`\b(TODO|FIXME|HACK|XXX)\b`), "do it, or leave it out"},
	{regexp.MustCompile(`\.\./shared`), "not part of this repository"},
	{regexp.MustCompile(`(^|[\s"'=(:])/(work|root|home/\w+)/`), "a path of one machine"},
	{
		regexp.MustCompile(`(proxy|sum)\.golang\.org|registry\.(npmjs|yarnpkg)\.|deb\.debian\.org|pypi\.org`),
		"the name of a package registry: leave it to the machine's settings",
	},
	{
		regexp.MustCompile(`"resolved":\s*"https?:`),
		"a lock file with addresses: npm install --omit-lockfile-registry-resolved",
	},
	{regexp.MustCompile(`(?i)\bissues?\s+#?\d+\b`), "the number of a ticket says nothing to a reader: say what it said"},
}

func forbiddenWords(t *tree) []string {
	var bad []string
	look := func(p string, text []byte) {
		n := 0
		for line := range bytes.Lines(text) {
			n++
			for _, w := range forbidden {
				if m := w.re.Find(line); m != nil {
					bad = append(bad, fmt.Sprintf("%s:%d: %q: %s", p, n, m, w.why))
				}
			}
		}
	}
	for _, f := range t.files {
		if !slices.Contains(ruleFiles, f.path) {
			look(f.path, f.text)
		}
	}
	for p, text := range t.texts {
		look(p, text)
	}
	return bad
}

// declared gives the names of a package: functions, types, variables, constants, and Type.Member for methods, struct
// fields and interface methods.
func declared(files []*source) map[string]bool {
	names := map[string]bool{}
	for _, f := range files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[methodPrefix(d)+d.Name.Name] = true
			case *ast.GenDecl:
				declaredIn(d, names)
			}
		}
	}
	return names
}

func declaredIn(d *ast.GenDecl, names map[string]bool) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, id := range spec.Names {
				names[id.Name] = true
			}
		case *ast.TypeSpec:
			names[spec.Name.Name] = true
			var members *ast.FieldList
			switch typ := spec.Type.(type) {
			case *ast.StructType:
				members = typ.Fields
			case *ast.InterfaceType:
				members = typ.Methods
			}
			if members == nil || d.Tok != token.TYPE {
				continue
			}
			for _, m := range members.List {
				for _, id := range m.Names {
					names[spec.Name.Name+"."+id.Name] = true
				}
			}
		}
	}
}

func methodPrefix(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	e := fn.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if ix, ok := e.(*ast.IndexExpr); ok {
		e = ix.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}
