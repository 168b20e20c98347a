package dunlin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestShared(t *testing.T) {
	r := redistest.Start(t)
	cfg := Config{URL: r.URL, Timeout: 5 * time.Second}
	first, err := Shared("metrics", cfg)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Shared("metrics", cfg)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Shared("others", cfg)
	if err != nil {
		t.Fatal(err)
	}
	if first.core != second.core || first.core == other.core {
		t.Fatal("one instance a tag is wanted")
	}
	differs := cfg
	differs.Timeout, differs.Site = time.Second, "sfo"
	_, err = Shared("metrics", differs)
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "[Site Timeout]") {
		t.Fatal(err)
	}
	for range 3 { // only once does it count
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := second.Write(t.Context(), sequence(0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	again, err := Shared("metrics", differs) // nobody holds it: another config is as good
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Shared("bad", Config{Timeout: -1}); !errors.Is(err, ErrConfig) || shared.byTag["bad"] != nil {
		t.Fatal(err)
	}
}
