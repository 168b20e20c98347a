package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Name is the file in a storage directory. It is text, docs/format/checkpoint.md.
const Name = "checkpoint"

const magic = "dunlin-checkpoint 1"

// ErrCorrupt is of a file that Parse can not read.
var ErrCorrupt = errors.New("not a checkpoint file of this version, or damaged")

// Manifest is what a checkpoint covers.
type Manifest struct {
	Segment uint64           // the log is needed from this segment on; 0 = nothing is known
	Files   map[string]int64 // path below the directory → bytes that are covered
}

// Append appends the file's text.
func (m Manifest) Append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "%s\nsegment %d\n", magic, m.Segment)
	for _, p := range slices.Sorted(maps.Keys(m.Files)) {
		dst = fmt.Appendf(dst, "file %d %s\n", m.Files[p], p)
	}
	return fmt.Appendf(dst, "%08x\n", crc32.ChecksumIEEE(dst))
}

// Parse reads the file's text. The error is ErrCorrupt.
func Parse(data []byte) (m Manifest, err error) {
	m.Files = map[string]int64{}
	body, sum, ok := cutLast(data)
	if !ok || fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) != sum {
		return Manifest{}, ErrCorrupt
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case i == 0 && line == magic:
		case i == 1 && word == "segment":
			m.Segment, err = strconv.ParseUint(rest, 10, 64)
		case i > 1 && word == "file":
			err = m.addFile(rest)
		default:
			err = ErrCorrupt
		}
		if err != nil {
			return Manifest{}, ErrCorrupt
		}
	}
	return m, nil
}

// addFile reads "bytes path".
func (m *Manifest) addFile(text string) error {
	size, name, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 || name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "..") {
		return ErrCorrupt
	}
	m.Files[name] = n
	return nil
}

// cutLast cuts the last line off.
func cutLast(data []byte) (body []byte, last string, ok bool) {
	if len(data) == 0 || data[len(data)-1] != '\n' {
		return nil, "", false
	}
	at := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	return data[:at], string(data[at : len(data)-1]), at > 0
}
