package frame

// Format is a kind of file.
type Format struct {
	Name            string
	Version, Oldest int // that is written, and the oldest that is read
}

// Formats are the files of a storage directory, docs/format.
func Formats() []Format {
	return []Format{
		{"log", Version, 1},
		{"chunks", Version, 1},
		{"open", Version, 1},
		{"checkpoint", 1, 1},
		{"floor", 1, 1},
		{"backup", 1, 1},
	}
}

// KindOf gives the kind of the files whose names end so: log, chunks or open.
func KindOf(ext string) Kind {
	switch ext {
	case "log":
		return "log "
	case "chunks":
		return "chnk"
	}
	return "open"
}
