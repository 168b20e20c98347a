package agent

import (
	"context"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/sensors"
)

// procRoot is where the kernel's tables are, on Linux.
const procRoot = "/proc"

// emit takes one measured value.
type emit func(metric, value string)

// machine measures this machine. What can not be read is left out: not every kernel or container has everything.
type machine struct {
	last *cpu.TimesStat
}

func (m *machine) collect(ctx context.Context, out emit) {
	m.cpu(ctx, out)
	collectLoad(ctx, out)
	collectMemory(ctx, out)
	collectDisks(ctx, out)
	collectNetwork(ctx, out)
	collectTCP(procRoot, out)
	collectPressure(procRoot, out)
	collectTemperatures(ctx, out)
	if up, err := host.UptimeWithContext(ctx); err == nil {
		out("uptime", whole(up))
	}
}

// cpu gives the share of each mode since the last call, in percent of all cores.
func (m *machine) cpu(ctx context.Context, out emit) {
	out("cpu.count", strconv.Itoa(runtime.NumCPU()))
	all, err := cpu.TimesWithContext(ctx, false)
	if err != nil || len(all) == 0 {
		return
	}
	now, last := all[0], m.last
	m.last = &now
	if last == nil {
		return
	}
	modes := []struct {
		name      string
		now, last float64
	}{
		{"user", now.User, last.User},
		{"system", now.System, last.System},
		{"idle", now.Idle, last.Idle},
		{"nice", now.Nice, last.Nice},
		{"iowait", now.Iowait, last.Iowait},
		{"irq", now.Irq, last.Irq},
		{"softirq", now.Softirq, last.Softirq},
		{"steal", now.Steal, last.Steal},
	}
	total := 0.0
	for _, mode := range modes {
		total += max(mode.now-mode.last, 0)
	}
	if total <= 0 {
		return
	}
	for _, mode := range modes {
		out("cpu."+mode.name, rounded(100*max(mode.now-mode.last, 0)/total, 2))
	}
}

func collectLoad(ctx context.Context, out emit) {
	if avg, err := load.AvgWithContext(ctx); err == nil {
		out("load.1", rounded(avg.Load1, 2))
		out("load.5", rounded(avg.Load5, 2))
		out("load.15", rounded(avg.Load15, 2))
	}
	if misc, err := load.MiscWithContext(ctx); err == nil {
		out("processes.total", strconv.Itoa(misc.ProcsTotal))
		out("processes.running", strconv.Itoa(misc.ProcsRunning))
		out("processes.blocked", strconv.Itoa(misc.ProcsBlocked))
	}
}

func collectMemory(ctx context.Context, out emit) {
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		out("memory.total", whole(v.Total))
		out("memory.used", whole(v.Used))
		out("memory.available", whole(v.Available))
		out("memory.cached", whole(v.Cached))
		out("memory.used_percent", rounded(v.UsedPercent, 2))
	}
	if s, err := mem.SwapMemoryWithContext(ctx); err == nil {
		out("swap.total", whole(s.Total))
		out("swap.used", whole(s.Used))
	}
}

func collectDisks(ctx context.Context, out emit) {
	parts, err := disk.PartitionsWithContext(ctx, false)
	mounts := map[string]bool{"/": true} // in a container the root is no physical partition
	if err == nil {
		for _, p := range parts {
			mounts[p.Mountpoint] = true
		}
	}
	for mount := range mounts {
		u, err := disk.UsageWithContext(ctx, mount)
		if err != nil || u.Total == 0 {
			continue
		}
		name := "disk." + word(mount)
		out(name+".total", whole(u.Total))
		out(name+".used", whole(u.Used))
		out(name+".used_percent", rounded(u.UsedPercent, 1))
	}
	counters, err := disk.IOCountersWithContext(ctx)
	if err != nil {
		return
	}
	for device, c := range counters {
		if strings.HasPrefix(device, "loop") || strings.HasPrefix(device, "ram") {
			continue
		}
		name := "diskio." + word(device)
		out(name+".read_bytes", whole(c.ReadBytes))
		out(name+".write_bytes", whole(c.WriteBytes))
	}
}

func collectNetwork(ctx context.Context, out emit) {
	interfaces, err := net.IOCountersWithContext(ctx, true)
	if err != nil {
		return
	}
	var rx, tx, rxPackets, txPackets, failed uint64
	for _, c := range interfaces {
		name := "net." + word(c.Name)
		out(name+".rx_bytes", whole(c.BytesRecv))
		out(name+".tx_bytes", whole(c.BytesSent))
		if c.Name == "lo" {
			continue
		}
		rx, tx = rx+c.BytesRecv, tx+c.BytesSent
		rxPackets, txPackets = rxPackets+c.PacketsRecv, txPackets+c.PacketsSent
		failed += c.Errin + c.Errout
	}
	out("net.rx_bytes", whole(rx))
	out("net.tx_bytes", whole(tx))
	out("net.rx_packets", whole(rxPackets))
	out("net.tx_packets", whole(txPackets))
	out("net.errors", whole(failed))
}

// collectTemperatures gives what sensors there are. Some can not be read: the others come all the same.
func collectTemperatures(ctx context.Context, out emit) {
	all, _ := sensors.TemperaturesWithContext(ctx)
	seen := map[string]bool{}
	for _, s := range all {
		if name := "temperature." + word(s.SensorKey); s.SensorKey != "" && !seen[name] {
			seen[name] = true
			out(name, rounded(s.Temperature, 1))
		}
	}
}

// word makes a path or a device a word of a metric's name: / is root, /var/lib is var_lib.
func word(s string) string {
	s = strings.Trim(s, "/")
	if s == "" {
		return "root"
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}

func whole(n uint64) string { return strconv.FormatUint(n, 10) }

// rounded is the shortest text of f with at most so many decimals.
func rounded(f float64, decimals int) string {
	scale := math.Pow10(decimals)
	return strconv.FormatFloat(math.Round(f*scale)/scale, 'f', -1, 64)
}
