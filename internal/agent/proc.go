package agent

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxProc is how much of a file of /proc is read at most.
const maxProc = 8 << 20

// tcpStates are those of the kernel's tables, by number.
var tcpStates = [...]string{
	"", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack",
	"listen", "closing", "new_syn_recv",
}

// collectTCP counts connections by state, from the kernel's tables: asking per process would cost a hundred times more.
func collectTCP(proc string, out emit) {
	var counts [len(tcpStates)]uint64
	found := false
	for _, name := range []string{"/net/tcp", "/net/tcp6"} {
		table, err := readSome(proc + name)
		if err != nil {
			continue
		}
		found = true
		countStates(table, &counts)
	}
	for state, n := range counts {
		if found && tcpStates[state] != "" {
			out("tcp."+tcpStates[state], whole(n))
		}
	}
}

// countStates reads the fourth column of a table: "sl local_address rem_address st …", st in hexadecimal.
func countStates(table []byte, counts *[len(tcpStates)]uint64) {
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line[:min(len(line), 160)])
		if len(fields) < 4 {
			continue
		}
		if state, err := strconv.ParseUint(string(fields[3]), 16, 8); err == nil && state < uint64(len(counts)) {
			counts[state]++
		}
	}
}

// collectPressure gives the share of the last ten seconds in which something waited for CPU, memory or disk.
func collectPressure(proc string, out emit) {
	for _, what := range []string{"cpu", "memory", "io"} {
		text, err := readSome(proc + "/pressure/" + what)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line) // some avg10=0.12 avg60=0.05 avg300=0.01 total=123
			if len(fields) < 2 {
				continue
			}
			if v, ok := strings.CutPrefix(fields[1], "avg10="); ok {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					out("pressure."+what+"."+word(fields[0]), rounded(f, 2))
				}
			}
		}
	}
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	var b bytes.Buffer
	_, err = b.ReadFrom(io.LimitReader(f, maxProc))
	return b.Bytes(), err
}
