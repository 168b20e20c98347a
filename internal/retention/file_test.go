package retention

import (
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
)

func TestParseFile(t *testing.T) {
	data := AppendFile(nil, series.Day, 20780)
	if p, err := ParseFile(series.Day, data); err != nil || p != 20780 {
		t.Errorf("parse what append wrote: %d, %v", p, err)
	}
	if _, err := ParseFile(series.Hour, data); err == nil {
		t.Error("a floor of another layout was taken")
	}
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if p, err := ParseFile(series.Day, bad); err == nil {
			t.Errorf("byte %d damaged: taken as %d", i, p)
		}
	}
}
