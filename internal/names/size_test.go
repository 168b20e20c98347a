package names

import (
	"testing"
	"unsafe"
)

func TestNameInfo_size(t *testing.T) {
	if n := unsafe.Sizeof(nameInfo{}); n != 40 {
		t.Errorf("%d bytes", n)
	}
}
