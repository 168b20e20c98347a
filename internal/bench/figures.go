package bench

// Figure is one line of the table.
type Figure struct {
	Key      string    // in Report.Ratios
	Label    string    // with its unit
	Values   []float64 // of each server; 0 = not known
	Decimals int
	Ratio    float64 // how many times better the first server is; 0 = no comparison
}

// figure says how a line is made of a server's report. less: a smaller value is better; plain: it is not compared.
type figure struct {
	key, label  string
	decimals    int
	less, plain bool
	get         func(*ServerReport) float64
}

const mib = 1 << 20

// baseFigures are the lines of every report.
var baseFigures = []figure{
	{key: "points", label: "points a round", plain: true, get: func(s *ServerReport) float64 {
		return float64(s.Median.Points + s.Median.Repeated)
	}},
	{key: "seconds", label: "seconds a round", decimals: 2, plain: true, get: func(s *ServerReport) float64 {
		return s.Median.Seconds
	}},
	{key: "points_per_second", label: "points/s", get: func(s *ServerReport) float64 { return s.Median.PointsPerSecond }},
	{
		key: "server_cpu_seconds_per_million_points", label: "server CPU, s per million points", decimals: 3, less: true,
		get: func(s *ServerReport) float64 { return s.Median.CPUPerMillion },
	},
	{
		key: "batch_p50_us", label: "batch p50, µs", less: true,
		get: func(s *ServerReport) float64 { return s.Median.Batch.P50 },
	},
	{
		key: "batch_p99_us", label: "batch p99, µs", less: true,
		get: func(s *ServerReport) float64 { return s.Median.Batch.P99 },
	},
	{
		key: "used_bytes_per_point", label: "used memory, bytes per point", decimals: 2, less: true,
		get: func(s *ServerReport) float64 {
			return max(s.Memory.UsedPerPoint, 0)
		},
	},
	{
		key: "rss_bytes_per_point", label: "resident growth, bytes per point", decimals: 2, less: true,
		get: func(s *ServerReport) float64 {
			return max(s.Memory.RSSPerPoint, 0)
		},
	},
	{
		key: "rss_mib", label: "resident, MiB", decimals: 1, less: true,
		get: func(s *ServerReport) float64 {
			return float64(s.Memory.RSSAfter) / mib
		},
	},
	{
		key: "generator_busy", label: "generator CPU, cores", decimals: 2, plain: true,
		get: func(s *ServerReport) float64 {
			return s.Median.GeneratorBusy
		},
	},
}

// dropFigures are the lines about dropping a day.
var dropFigures = []struct {
	figure
	get func(*Drop) float64
}{
	{figure{key: "drop_ms", label: "drop a day: ms until the reply", decimals: 1, less: true}, func(d *Drop) float64 {
		return 1000 * d.Seconds
	}},
	{figure{key: "drop_settled_ms", label: "drop a day: ms until the CPU rests", plain: true}, func(d *Drop) float64 {
		return 1000 * d.Settled
	}},
	{figure{key: "drop_cpu_ms", label: "drop a day: server CPU, ms", less: true}, func(d *Drop) float64 {
		return 1000 * d.CPUSeconds
	}},
	{figure{key: "drop_quiet_p99_us", label: "probe before: p99, µs", plain: true}, func(d *Drop) float64 {
		return d.Quiet.P99
	}},
	{figure{key: "drop_probe_p99_us", label: "probe meanwhile: p99, µs", less: true}, func(d *Drop) float64 {
		return d.Probe.P99
	}},
	{figure{key: "drop_probe_max_us", label: "probe meanwhile: max, µs", less: true}, func(d *Drop) float64 {
		return d.Probe.Max
	}},
	{figure{key: "drop_rss_before_mib", label: "resident before, MiB", decimals: 1, plain: true}, func(d *Drop) float64 {
		return float64(d.RSSBefore) / mib
	}},
	{figure{key: "drop_rss_after_mib", label: "resident after, MiB", decimals: 1, less: true}, func(d *Drop) float64 {
		return float64(d.RSSAfter) / mib
	}},
}

// readKeys are the beginnings of the keys of readKinds' figures.
var readKeys = []string{"read_last", "read_hour", "read_day", "read_hot", "read_panel"}

// Figures are the lines of the table, in order.
func (r *Report) Figures() []Figure {
	var out []Figure
	for _, f := range baseFigures {
		out = append(out, r.figure(f))
	}
	if r.Load.Realtime {
		out = append(out, r.figure(figure{
			key: "behind_ms", label: "latest tick behind its time, ms", decimals: 1, plain: true,
			get: func(s *ServerReport) float64 { return s.Median.BehindMillis },
		}))
	}
	out = append(out, r.readFigures()...)
	if !r.has(func(s *ServerReport) bool { return s.Drop != nil }) {
		return out
	}
	for _, f := range dropFigures {
		f.figure.get = func(s *ServerReport) float64 {
			if s.Drop == nil {
				return 0
			}
			return f.get(s.Drop)
		}
		out = append(out, r.figure(f.figure))
	}
	return out
}

func (r *Report) has(f func(*ServerReport) bool) bool {
	for _, s := range r.Servers {
		if f(s) {
			return true
		}
	}
	return false
}

func (r *Report) readFigures() []Figure {
	var out []Figure
	for i, kind := range readKinds {
		if !r.has(func(s *ServerReport) bool { return len(s.Median.Reads) > i }) {
			continue
		}
		of := func(get func(*Read) float64) func(*ServerReport) float64 {
			return func(s *ServerReport) float64 {
				if len(s.Median.Reads) <= i {
					return 0
				}
				return get(&s.Median.Reads[i])
			}
		}
		for _, f := range []figure{
			{
				key: "_cpu_us", label: ": server CPU, µs a query", decimals: 1,
				get: of(func(x *Read) float64 { return x.CPUMicro }),
			},
			{key: "_p50_us", label: ": p50, µs", get: of(func(x *Read) float64 { return x.Latency.P50 })},
			{key: "_p99_us", label: ": p99, µs", get: of(func(x *Read) float64 { return x.Latency.P99 })},
		} {
			f.key, f.label, f.less = readKeys[i]+f.key, kind.name+f.label, true
			out = append(out, r.figure(f))
		}
	}
	return out
}

func (r *Report) figure(f figure) Figure {
	out := Figure{Key: f.key, Label: f.label, Decimals: f.decimals}
	for _, s := range r.Servers {
		out.Values = append(out.Values, f.get(s))
	}
	if len(out.Values) == 2 && !f.plain {
		out.Ratio = ratio(out.Values[0], out.Values[1], f.less)
	}
	return out
}

// ratio is how many times better a is than b; 0 where one is not known.
func ratio(a, b float64, less bool) float64 {
	switch {
	case a <= 0 || b <= 0:
		return 0
	case less:
		return b / a
	}
	return a / b
}
