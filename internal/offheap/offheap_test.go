package offheap

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// resident is the process's resident set, bytes; the test is skipped where the system does not tell.
func resident(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm: ", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func TestAlloc_goesBackToTheSystem(t *testing.T) {
	const n = 64 << 20
	before, was := resident(t), Mapped()
	block := Alloc(n)
	b := block.Bytes
	if Mapped()-was != n {
		t.Errorf("%d bytes are mapped for %d", Mapped()-was, n)
	}
	if grown := resident(t) - before; grown > n/8 {
		t.Errorf("%d bytes became resident untouched", grown)
	}
	for i := 0; i < n; i += PageBytes {
		if b[i] != 0 {
			t.Fatal("not zeroed")
		}
		b[i] = 1
	}
	if grown := resident(t) - before; grown < n*7/8 {
		t.Errorf("%d bytes are resident of %d", grown, n)
	}
	block.Free()
	if left := resident(t) - before; left > n/8 || Mapped() != was {
		t.Errorf("%d bytes are resident and %d mapped after Free", left, Mapped()-was)
	}
}

func TestAlloc_sizes(t *testing.T) {
	for _, n := range []int{1, 63, 4096, small - 1, small, small + 1, 1 << 20} {
		block := Alloc(n)
		b := block.Bytes
		if len(b) != n || uintptr(unsafe.Pointer(&b[0]))%64 != 0 {
			t.Errorf("%d bytes at %p for %d", len(b), &b[0], n)
		}
		b[0], b[n-1] = 1, 1
		block.Free()
		block.Free() // nothing is left to free
	}
}

func TestAlloc_forgotten(t *testing.T) {
	was := Mapped()
	func() { Alloc(1 << 20).Bytes[0] = 1 }()
	deadline := time.Now().Add(10 * time.Second)
	for Mapped() != was {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes stay mapped that nobody has", Mapped()-was)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

func TestArena(t *testing.T) {
	was := Mapped()
	var a Arena
	var given [][]byte
	for i := range 3000 {
		n := 1 + i*37%9000
		if i == 2000 {
			n = lastRegion + 1
		}
		b := a.Take(n)
		if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(&b[0]))%64 != 0 {
			t.Fatalf("%d bytes at %p for %d", len(b), &b[0], n)
		}
		for j := range b {
			if b[j] != 0 {
				t.Fatalf("piece %d overlaps another or is not zeroed", i)
			}
			b[j] = byte(i) | 1
		}
		given = append(given, b)
	}
	for i, b := range given {
		for j := range b {
			if b[j] != byte(i)|1 {
				t.Fatalf("piece %d was written by another", i)
			}
		}
	}
	for _, r := range a.Release() {
		r.Free()
	}
	if Mapped() != was {
		t.Errorf("%d bytes are still mapped", Mapped()-was)
	}
	if b := a.Take(10); len(b) != 10 {
		t.Error("an Arena can not be used again")
	}
}
