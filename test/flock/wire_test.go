//go:build linux

package flock

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// doorPort is that of every front door: each node has an address of its own.
const doorPort = "6390"

// net is the network of a fleet: a namespace for each node, all on one bridge with the tests. Packets are lost by a
// route of their own that leads to a neighbour who is not there, so whoever sends them is told nothing.
type network struct {
	number int // of the fleet
}

func (w network) bridge() string         { return fmt.Sprintf("br%d", w.number) }
func (w network) space(i int) string     { return fmt.Sprintf("f%dn%d", w.number, i) }
func (w network) address(i int) string   { return fmt.Sprintf("10.77.%d.%d", w.number, i+1) }
func (w network) doorOf(i int) string    { return w.address(i) + ":" + doorPort }
func (w network) nowhere() (addr string) { return w.address(252) }

// make makes it, for so many nodes.
func (w network) make(nodes int) error {
	lines := []string{
		"link add " + w.bridge() + " type bridge",
		"addr add " + w.address(253) + "/24 dev " + w.bridge(),
		"link set " + w.bridge() + " up",
	}
	for i := range nodes {
		ns := w.space(i)
		lines = append(lines,
			"netns add "+ns,
			"link add "+ns+" type veth peer name eth0 netns "+ns,
			"link set "+ns+" master "+w.bridge()+" up",
			"-n "+ns+" addr add "+w.address(i)+"/24 dev eth0",
			"-n "+ns+" link set eth0 up",
			"-n "+ns+" link set lo up",
			"-n "+ns+" route add default via "+w.nowhere()+" table 99",
			"-n "+ns+" neigh add "+w.nowhere()+" lladdr 02:00:00:00:00:99 nud permanent dev eth0",
		)
	}
	return ip(lines...)
}

// unmake ends it.
func (w network) unmake(nodes int) {
	for i := range nodes {
		_ = ip("netns del " + w.space(i)) // the whole network ends with this process in any case
	}
	_ = ip("link del " + w.bridge())
}

// way is what a node asks of another, over connections that the first has opened.
type way struct{ from, to int }

// requests names the packets of a way that carry what is asked, answers those that come back.
func (w network) requests(l way) string {
	return "-n " + w.space(l.from) + " rule %s to " + w.address(l.to) + " ipproto tcp dport " + doorPort + " lookup 99"
}

func (w network) answers(l way) string {
	return "-n " + w.space(l.to) + " rule %s to " + w.address(l.from) + " ipproto tcp sport " + doorPort + " lookup 99"
}

// lose begins to lose packets, find ends it.
func lose(packets string) error { return ip(fmt.Sprintf(packets, "add")) }
func find(packets string) error { return ip(fmt.Sprintf(packets, "del")) }

// thin makes all that two nodes send each other go through a device of its own, as slow as that: bits per second, as
// tc writes them. The tests' own packets go beside it.
func (w network) thin(a, b int, rate string) error {
	for _, l := range []way{{a, b}, {b, a}} {
		ns := w.space(l.from)
		err := ip(
			"link add t"+ns+" type veth peer name eth1 netns "+ns,
			"link set t"+ns+" master "+w.bridge()+" up",
			"-n "+ns+" link set eth1 up",
			"-n "+ns+" route add "+w.address(l.to)+" dev eth1 src "+w.address(l.from)+" table 98",
			"-n "+ns+" rule add to "+w.address(l.to)+" lookup 98",
		)
		if err != nil {
			return err
		}
		shape := "-n " + ns + " qdisc add dev eth1 root tbf rate " + rate + " burst 1600 limit 30000"
		if err := run("tc", strings.Fields(shape)...); err != nil {
			return err
		}
	}
	return nil
}

// sent is how many bytes have left node i through its thin device.
func (w network) sent(i int) (bytes int, err error) {
	text, err := exec.Command("ip", "netns", "exec", w.space(i), "cat", "/sys/class/net/eth1/statistics/tx_bytes").Output()
	if err != nil {
		return 0, fmt.Errorf("read what was sent: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// ip runs lines of ip.
func ip(lines ...string) error {
	for _, line := range lines {
		if err := run("ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}

func run(program string, args ...string) error {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}
