package budget

import (
	"errors"
	"testing"
)

func TestParseSize(t *testing.T) {
	ram := func() (int64, error) { return 8 << 30, nil }
	f := func(text string, want int64) {
		t.Helper()
		if got, err := ParseSize(text, ram); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	f("0", 0)
	f("1048576", 1<<20)
	f("100mb", 100<<20)
	f("100 MB", 100<<20)
	f("100m", 100e6)
	f("1.5GiB", 3<<29)
	f("2g", 2e9)
	f("2GB", 2<<30)
	f("50%", 4<<30)
	f("12.5 %", 1<<30)
	for _, bad := range []string{"", "x", "-1", "1 pb", "101%", "9999999999tb", "1..2", "NaN", "%"} {
		if n, err := ParseSize(bad, ram); err == nil {
			t.Errorf("%q: %d", bad, n)
		}
	}
	if _, err := ParseSize("10%", func() (int64, error) { return 0, errSize }); !errors.Is(err, errSize) {
		t.Errorf("no RAM: %v", err)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"0", "60%", "1.5gib", "10kb", "-3", "1e9", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s, func() (int64, error) { return 1 << 40, nil }); err == nil && n < 0 {
			t.Errorf("%q: %d", s, n)
		}
	})
}

func TestRAM(t *testing.T) {
	if n, err := RAM(); err != nil || n < 16<<20 {
		t.Skipf("%d bytes, %v", n, err)
	}
	if n, err := memTotal("MemFree: 1 kB\nMemTotal:       2048 kB\n"); n != 2<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := memTotal("nothing"); err == nil {
		t.Error("no error without MemTotal")
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1536: "1.50K", 3 << 20: "3.00M", 1 << 40: "1.00T"} {
		if got := Human(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
