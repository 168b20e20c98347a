package tui

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe gives s as it may stand on a terminal: text with control or invisible characters, or invalid UTF-8, is quoted.
func Safe(s string) string {
	if !utf8.ValidString(s) {
		return strconv.QuoteToASCII(s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && r != ' ' {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}

// Table writes rows in aligned columns, two blanks apart, the header first. Cells are made Safe. Cells that are all
// digits, '.', '-' and the like stand to the right.
func Table(w io.Writer, header []string, rows [][]string) error {
	widths := make([]int, len(header))
	numeric := make([]bool, len(header))
	all := append([][]string{header}, rows...)
	for r, row := range all {
		for i := range min(len(row), len(widths)) {
			cell := Safe(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			if r > 0 {
				numeric[i] = (r == 1 || numeric[i]) && isNumber(cell)
			}
		}
	}
	var b strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i := range min(len(row), len(widths)) {
			cell := Safe(row[i])
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if numeric[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func isNumber(s string) bool { return s == "" || strings.Trim(s, "0123456789.,-+%×") == "" }

// CSV writes rows as RFC 4180 says. Cells that a spreadsheet would run as a formula get an apostrophe in front; plain
// numbers stay as they are.
func CSV(w io.Writer, header []string, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = harmless(c)
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

func harmless(s string) string {
	if _, err := strconv.ParseFloat(s, 64); err == nil && s[0] != '+' {
		return s
	}
	s = Safe(s)
	if s != "" && strings.ContainsRune("=+-@\t\r|", rune(s[0])) {
		return "'" + s
	}
	return s
}
