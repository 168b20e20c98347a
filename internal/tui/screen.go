package tui

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// The sequences of a terminal that a Screen needs.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearAll   = "\x1b[2J"
	goHome     = "\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// Screen shows texts, each in the place of the one before. On what is no terminal they stand one behind the other.
type Screen struct {
	w     io.Writer
	size  func() (width, height int, ok bool) // ok = it is a terminal
	shown bool
}

// NewScreen makes a Screen on w.
func NewScreen(w io.Writer) *Screen {
	return &Screen{w: w, size: func() (int, int, bool) {
		f, ok := w.(*os.File)
		if !ok {
			return 0, 0, false
		}
		width, height, err := term.GetSize(int(f.Fd()))
		return width, height, err == nil
	}}
}

// Show shows a text. What does not fit is cut off.
func (s *Screen) Show(text string) error {
	width, height, ok := s.size()
	if !ok {
		if s.shown {
			text = "\n" + text
		}
		s.shown = true
		_, err := io.WriteString(s.w, text)
		return err
	}
	var b strings.Builder
	if !s.shown {
		b.WriteString(hideCursor + clearAll)
		s.shown = true
	}
	b.WriteString(goHome)
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(cut(line, width) + clearLine)
	}
	b.WriteString(clearBelow)
	_, err := io.WriteString(s.w, b.String())
	return err
}

// Close leaves the last text where it is, and gives the cursor back.
func (s *Screen) Close() {
	if _, _, ok := s.size(); ok && s.shown {
		_, _ = io.WriteString(s.w, showCursor+"\r\n") // the terminal is gone
	}
}

// cut gives the beginning of a line, so many characters at most.
func cut(line string, most int) string {
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	return string([]rune(line)[:most])
}
