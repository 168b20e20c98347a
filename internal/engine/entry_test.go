package engine

import (
	"testing"
	"unsafe"
)

// TestEntry_size: there is one for each series and period, of two cache lines.
func TestEntry_size(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n != 128 {
		t.Errorf("%d bytes", n)
	}
}
