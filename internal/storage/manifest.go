package storage

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

// checkpointName is the file that says what the last checkpoint covers. It is text, docs/format/checkpoint.md.
const checkpointName = "checkpoint"

const manifestMagic = "dunlin-checkpoint 1"

var errManifest = errors.New("not a checkpoint file of this version, or damaged")

// manifest is what a checkpoint covers.
type manifest struct {
	segment uint64           // the log is needed from this segment on; 0 = nothing is known
	files   map[string]int64 // path → bytes that are covered
}

func (m manifest) append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "%s\nsegment %d\n", manifestMagic, m.segment)
	for _, p := range slices.Sorted(maps.Keys(m.files)) {
		dst = fmt.Appendf(dst, "file %d %s\n", m.files[p], p)
	}
	return fmt.Appendf(dst, "%08x\n", crc32.ChecksumIEEE(dst))
}

func parseManifest(data []byte) (m manifest, err error) {
	m.files = map[string]int64{}
	body, sum, ok := cutLast(data)
	if !ok || fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) != sum {
		return manifest{}, errManifest
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case i == 0 && line == manifestMagic:
		case i == 1 && word == "segment":
			m.segment, err = strconv.ParseUint(rest, 10, 64)
		case i > 1 && word == "file":
			err = m.addFile(rest)
		default:
			err = errManifest
		}
		if err != nil {
			return manifest{}, errManifest
		}
	}
	return m, nil
}

// addFile reads "bytes path".
func (m *manifest) addFile(text string) error {
	size, name, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 || name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "..") {
		return errManifest
	}
	m.files[name] = n
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
