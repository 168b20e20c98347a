package engine

import (
	"testing"
	"unsafe"
)

// TestEntry_size: two cache lines, and no more.
func TestEntry_size(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n != 128 {
		t.Errorf("%d bytes", n)
	}
	if at := unsafe.Offsetof(entry{}.hi); at != 64 {
		t.Errorf("the second line begins at %d", at)
	}
}
