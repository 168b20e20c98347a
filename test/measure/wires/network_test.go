package wires

import "testing"

func TestParseDev(t *testing.T) {
	text := "Inter-|   Receive  |  Transmit\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n" +
		" peers: 1700 20 0 0 0 0 0 0 900 10 0 0 0 0 0 0\n"
	in, out, err := parseDev(text, "peers")
	if err != nil || in != 1700 || out != 900 {
		t.Errorf("%d, %d, %v", in, out, err)
	}
	if _, _, err := parseDev(text, "eth0"); err == nil {
		t.Error("an interface that is not there")
	}
}
