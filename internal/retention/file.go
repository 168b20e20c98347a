package retention

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/dunlin-db/dunlin/internal/series"
)

// floorMagic begins the floor file: magic, version, then layout, period and the checksum of what precedes it.
const floorMagic = "dunlin-floor 1"

// AppendFile appends the floor file of a floor.
func AppendFile(dst []byte, l series.Layout, p series.Period) []byte {
	dst = fmt.Appendf(dst, "%s\n%s %s\n", floorMagic, l, l.PeriodString(p))
	return fmt.Appendf(dst, "%08x\n", crc32.ChecksumIEEE(dst))
}

// ParseFile reads what AppendFile gives. The error says what is wrong with the file.
func ParseFile(l series.Layout, data []byte) (series.Period, error) {
	lines := bytes.Split(data, []byte("\n"))
	if len(lines) != 4 || string(lines[0]) != floorMagic {
		return 0, errors.New("not a floor file of this version")
	}
	layout, period, ok := bytes.Cut(lines[1], []byte(" "))
	if !ok || string(layout) != l.String() {
		return 0, fmt.Errorf("it was written for layout %q, the topology says %q", layout, l)
	}
	p, ok := l.ParsePeriod(period)
	if !ok || !bytes.Equal(AppendFile(nil, l, p), data) {
		return 0, errors.New("checksum or period is wrong")
	}
	return p, nil
}
