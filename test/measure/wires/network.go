package wires

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Network gives each node a network namespace with two cables: one to a bridge that only the nodes are on, whose
// counters are the bytes between nodes, and one to this program, for writers and probes. Without root there is none:
// then all nodes are on loopback and their own counters have to do.
type Network struct {
	bridge string
	// Spaces are the names of the namespaces, by node.
	Spaces []string
}

// Open lays the cables for n nodes. nil without an error: not root, or no namespaces here.
func Open(n int) (*Network, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	id := strconv.Itoa(os.Getpid())
	w := &Network{bridge: "dnb" + id}
	if err := ip("link add " + w.bridge + " type bridge"); err != nil {
		return nil, nil // a container without bridges, say: loopback is as good as it gets
	}
	err := ip("link set " + w.bridge + " up")
	for i := range n {
		err = errors.Join(err, w.addNode(id, i))
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// addNode makes the namespace of node i. It listens on NodeIP; this program reaches that over the second cable, so
// what is written and asked from here does not pass the first.
func (w *Network) addNode(id string, i int) error {
	space := fmt.Sprintf("dn%s-%d", id, i)
	w.Spaces = append(w.Spaces, space)
	a, b := fmt.Sprintf("dna%s%d", id, i), fmt.Sprintf("dnc%s%d", id, i)
	for _, line := range []string{
		"netns add " + space,
		"link add " + a + " type veth peer name peers netns " + space,
		"link set " + a + " master " + w.bridge + " up",
		"-n " + space + " addr add " + w.NodeIP(i) + "/24 dev peers",
		"-n " + space + " link set peers up",
		"-n " + space + " link set lo up",
		"link add " + b + " type veth peer name control netns " + space,
		fmt.Sprintf("addr add 10.213.%d.1/30 dev %s", 90+i, b),
		fmt.Sprintf("-n %s addr add 10.213.%d.2/30 dev control", space, 90+i),
		"link set " + b + " up",
		"-n " + space + " link set control up",
		fmt.Sprintf("route add %s/32 via 10.213.%d.2 dev %s", w.NodeIP(i), 90+i, b),
	} {
		if err := ip(line); err != nil {
			return err
		}
	}
	return nil
}

// NodeIP is the address of node i.
func (w *Network) NodeIP(i int) string { return fmt.Sprintf("10.213.89.%d", i+1) }

// Bytes is what went over the cable between node i and its peers, both ways, everything counted.
func (w *Network) Bytes(i int) (received, sent int64, err error) {
	out, err := exec.Command("ip", "netns", "exec", w.Spaces[i], "cat", "/proc/net/dev").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("read counters of node %d: %w", i, err)
	}
	return parseDev(string(out), "peers")
}

// parseDev reads the counters of an interface from the text of /proc/net/dev.
func parseDev(text, name string) (received, sent int64, err error) {
	for line := range strings.Lines(text) {
		dev, counters, ok := strings.Cut(strings.TrimSpace(line), ":")
		if f := strings.Fields(counters); ok && dev == name && len(f) >= 9 {
			received, err1 := strconv.ParseInt(f[0], 10, 64)
			sent, err2 := strconv.ParseInt(f[8], 10, 64)
			return received, sent, errors.Join(err1, err2)
		}
	}
	return 0, 0, fmt.Errorf("no interface %s", name)
}

// Close takes everything away; cables go with their namespace.
func (w *Network) Close() {
	for _, space := range w.Spaces {
		_ = ip("netns del " + space)
	}
	_ = ip("link del " + w.bridge)
}

func ip(line string) error {
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}
