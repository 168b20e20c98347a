package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Kind says what a file holds.
type Kind string

const (
	// HeaderBytes is the size of a file's header.
	HeaderBytes = 32
	// Version is the one that is written.
	Version = 1
	// MaxRecord is the most bytes a record has.
	MaxRecord = 16 << 20
)

// The reasons why a file is not read at all.
var (
	ErrKind    = errors.New("the file is of another kind")
	ErrVersion = errors.New("the file is of a version that is not known here")
)

const magic = "\x89DUNLIN\n"

// Every frame begins with these. The second is a control byte, so no text of a point or a name holds both.
const mark0, mark1 = 0xD5, 0x0D

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendHeader appends the header of a file. kind has four bytes.
func AppendHeader(dst []byte, kind Kind, salt uint64) []byte {
	from := len(dst)
	dst = append(append(dst, magic...), kind...)
	dst = binary.LittleEndian.AppendUint16(dst, Version)
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, salt)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
	return binary.LittleEndian.AppendUint32(dst, 0)
}

// header is a header that was read.
type header struct {
	kind    Kind
	version int
	salt    uint64
}

// parseHeader reads a header; ok = false when it is damaged.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < HeaderBytes || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[28:]) != 0 ||
		binary.LittleEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
		return h, false
	}
	return header{
		Kind(b[8:12]), int(binary.LittleEndian.Uint16(b[12:])), binary.LittleEndian.Uint64(b[16:]),
	}, true
}

// SaltOf gives the salt of a file that begins with b; ok = false when its header is damaged.
func SaltOf(b []byte) (salt uint64, ok bool) {
	h, ok := parseHeader(b)
	return h.salt, ok
}

// seed is the checksum of the salt, which that of every frame goes on from.
func seed(salt uint64) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	return crc32.Checksum(b[:], castagnoli)
}

// Append appends the frame of a record, which has 1 to MaxRecord bytes.
func Append(dst []byte, salt uint64, rec []byte) []byte {
	if len(rec) == 0 || len(rec) > MaxRecord {
		panic("BUG: frame: a record of " + strconv.Itoa(len(rec)) + " bytes")
	}
	dst = append(dst, mark0, mark1)
	from := len(dst)
	dst = binary.AppendUvarint(dst, uint64(len(rec)))
	sum := crc32.Update(seed(salt), castagnoli, dst[from:])
	sum = crc32.Update(sum, castagnoli, rec)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, rec...)
}

// Name is how files are called: their number, their salt, and what they hold.
func Name(number, salt uint64, ext string) string {
	return fmt.Sprintf("%08d-%016x.%s", number, salt, ext)
}

// ParseName reads a name that Name made; prefix is what stands before it, up to and with a '-'.
func ParseName(name string) (prefix string, number, salt uint64, ext string, ok bool) {
	stem, ext, found := strings.Cut(name, ".")
	at := strings.LastIndexByte(stem, '-')
	if !found || at < 0 || len(stem)-at-1 != 16 {
		return "", 0, 0, "", false
	}
	salt, err := strconv.ParseUint(stem[at+1:], 16, 64)
	if err != nil {
		return "", 0, 0, "", false
	}
	stem = stem[:at]
	if at = strings.LastIndexByte(stem, '-'); at >= 0 {
		prefix = stem[:at+1]
	}
	number, err = strconv.ParseUint(stem[at+1:], 10, 64)
	if err != nil || prefix+Name(number, salt, ext) != name {
		return "", 0, 0, "", false
	}
	return prefix, number, salt, ext, true
}
