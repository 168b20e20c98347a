package budget

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// units as Redis writes them: kb is 1024 bytes, k is 1000.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
	"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

var errSize = errors.New("want bytes, with kb, mb, gb (powers of 1024) or k, m, g (of 1000), or a percentage of RAM")

// ParseSize reads a number of bytes: 1048576, 512mb, 1.5GiB, or 60% of the memory that ram gives. 0 is 0.
func ParseSize(text string, ram func() (int64, error)) (int64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	digits := len(s) - len(strings.TrimLeft(s, "0123456789."))
	n, err := strconv.ParseFloat(s[:digits], 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: %w", text, errSize)
	}
	unit := strings.TrimSpace(s[digits:])
	if unit == "%" {
		if n > 100 {
			return 0, fmt.Errorf("size %q: %w", text, errSize)
		}
		all, err := ram()
		if err != nil {
			return 0, fmt.Errorf("size %q: %w", text, err)
		}
		return int64(float64(all) / 100 * n), nil
	}
	by, ok := units[unit]
	switch {
	case !ok || n*float64(by) > math.MaxInt64/2:
		return 0, fmt.Errorf("size %q: %w", text, errSize)
	case n == math.Trunc(n):
		return int64(n) * by, nil
	}
	return int64(n * float64(by)), nil
}

// RAM is the memory this process can have, bytes: the machine's, or its control group's where that is less.
func RAM() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the size of memory: %w", err)
	}
	total, err := memTotal(string(data))
	if err != nil {
		return 0, err
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				total = min(total, n)
			}
		}
	}
	return total, nil
}

func memTotal(meminfo string) (int64, error) {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return kib << 10, nil
			}
		}
	}
	return 0, errors.New("read the size of memory: no MemTotal in /proc/meminfo")
}

// Human writes bytes as Redis does in its human fields: 1.50M.
func Human(n int64) string {
	f := float64(n)
	for _, u := range []string{"B", "K", "M", "G"} {
		if f < 1024 {
			if u == "B" {
				return strconv.FormatInt(n, 10) + "B"
			}
			return strconv.FormatFloat(f, 'f', 2, 64) + u
		}
		f /= 1024
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + "T"
}
