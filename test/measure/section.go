package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// section is a part of the page that one measurement owns.
type section struct {
	name string
	text string // Markdown
}

// pageHead begins a page that does not exist yet.
const pageHead = `# Benchmarks

Every figure here was printed by the command that stands above it, on the machine and with the versions named there.
Figures of two servers in one table come from one run. Each section is replaced when its command runs again.
`

// pageOrder is the order of the sections.
var pageOrder = []string{"standard", "disk", "flock", "seed", "redis", "mariadb"}

func markers(name string) (begin, end string) {
	return "<!-- begin " + name + " -->\n", "<!-- end " + name + " -->\n"
}

// replaceSection puts a section in its place in the page and leaves the rest as it is.
func replaceSection(path string, s *section) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the page: %w", err)
	}
	page, err := withSection(string(text), s)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func withSection(page string, s *section) (string, error) {
	if page == "" {
		page = pageHead
	}
	begin, end := markers(s.name)
	body := begin + strings.TrimSpace(s.text) + "\n" + end
	from := strings.Index(page, begin)
	to := strings.Index(page, end)
	switch {
	case from < 0 && to < 0:
		at := insertAt(page, s.name)
		return strings.TrimRight(page[:at], "\n") + "\n\n" + strings.TrimRight(body+"\n"+page[at:], "\n") + "\n", nil
	case from < 0 || to < from:
		return "", fmt.Errorf("the markers of section %s are damaged", s.name)
	}
	return page[:from] + body + page[to+len(end):], nil
}

// insertAt is where a new section goes: before the first of those that come after it.
func insertAt(page, name string) int {
	after := false
	for _, other := range pageOrder {
		begin, _ := markers(other)
		if i := strings.Index(page, begin); after && i >= 0 {
			return i
		}
		after = after || other == name
	}
	return len(page)
}

// table makes a Markdown table.
func table(header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	line(append([]string{"---"}, slicesOf("---:", len(header)-1)...))
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

func slicesOf(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

// machine names date, processor, system and versions in a line of Markdown.
func (m *measurement) machine(programs ...string) string {
	parts := []string{
		time.Now().UTC().Format(time.DateOnly), fmt.Sprintf("%d × %s", runtime.NumCPU(), processor()),
		firstLine("uname", "-sr"),
	}
	for _, p := range programs {
		arg := "--version"
		if p == m.dunlin {
			arg = "version"
		}
		parts = append(parts, shortVersion(firstLine(p, arg)))
	}
	if m.commit != "" {
		parts = append(parts, "commit "+m.commit)
	}
	return strings.Join(parts, " · ")
}

// presentCommit names what is measured; changes of the docs do not count.
func presentCommit() string {
	commit := firstLine("git", "rev-parse", "--short", "HEAD")
	if firstLine("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs") != "" {
		commit += " and changes"
	}
	return commit
}

// shortVersion leaves out what redis-server adds: checksum, allocator, build.
func shortVersion(s string) string {
	s, _, _ = strings.Cut(s, " sha=")
	return strings.ReplaceAll(s, " v=", " ")
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstLine(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
