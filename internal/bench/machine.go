package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// thisMachine reads what proc(5) says; what it does not stays empty.
func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Kernel: runtime.GOOS}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				m.CPU = strings.TrimSpace(v)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kib := strings.TrimSuffix(strings.TrimSpace(parseInfo(string(text))["MemTotal"]), " kB")
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
			m.Memory = n << 10
		}
	}
	return m
}

// allowedCPUs lists the CPUs this process may run on; "" where the system does not say.
func allowedCPUs() string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(parseInfo(string(text))["Cpus_allowed_list"])
}
