package tui

import (
	"strings"
	"testing"
)

func TestScreen(t *testing.T) {
	var b strings.Builder
	s := &Screen{w: &b, size: func() (int, int, bool) { return 5, 2, true }}
	f := func(text, want string) {
		t.Helper()
		b.Reset()
		if err := s.Show(text); err != nil || b.String() != want {
			t.Errorf("%q: %q, %v, want %q", text, b.String(), err, want)
		}
	}
	f("a\n", "\x1b[?25l\x1b[2J\x1b[Ha\x1b[K\x1b[J")
	f("äöüßéx\nsecond\nthird\n", "\x1b[Häöüßé\x1b[K\r\nsecon\x1b[K\x1b[J")
	b.Reset()
	if s.Close(); b.String() != "\x1b[?25h\r\n" {
		t.Errorf("at the end: %q", b.String())
	}
	s = NewScreen(&b)
	f("one\n", "one\n")
	f("two\n", "\ntwo\n")
	b.Reset()
	if s.Close(); b.Len() > 0 {
		t.Errorf("at the end on no terminal: %q", b.String())
	}
}
