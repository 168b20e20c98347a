package storage

import "github.com/dunlin-db/dunlin/internal/frame"

// Format is a kind of file.
type Format struct {
	Name            string
	Version, Oldest int // that is written, and the oldest that is read
}

// Formats are the files of a directory, docs/format.
func Formats() []Format {
	return []Format{
		{"log", frame.Version, 1},
		{"chunks", frame.Version, 1},
		{"open", frame.Version, 1},
		{"checkpoint", 1, 1},
		{"floor", 1, 1},
		{"backup", 1, 1},
	}
}
