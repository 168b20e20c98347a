package budget

import (
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
)

// Resident is the resident set of this process, bytes; false where the system does not tell.
func Resident() (int64, bool) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}

// GoHeap is what the Go runtime has, bytes: none of it is the stores' own memory.
type GoHeap struct {
	Objects int64 // living and not yet swept
	InUse   int64 // spans with objects
	Stacks  int64
	Total   int64 // all that the runtime has from the system
}

// ReadGoHeap asks the runtime, without stopping it.
func ReadGoHeap() GoHeap {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	n := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return GoHeap{Objects: n(0), InUse: n(0) + n(1), Stacks: n(2), Total: n(3) - n(4)}
}
