package load

// fillTicks is how many points of a series one command of a fill carries unless Shape.Pack says it. A server that puts
// each point where memory is free then has those together in memory, which no writer of live points brings about.
const fillTicks = 60

// filler encodes what a server holds before anything is measured: the ticks in blocks, each command the points of one
// series. The values are those that the generator would have sent one by one.
type filler struct {
	gen  *generator
	enc  *encoder
	last int      // ticks
	args [][]byte // per metric: its points, encoded as arguments
	at   int64    // newest timestamp of the block
}

// next fills b with the block of one host; without commands when the fill is done.
func (f *filler) next(b *Batch) {
	b.reset()
	g := f.gen
	if g.tick >= f.last {
		return
	}
	n := f.block()
	f.gather(n)
	for m := range f.args {
		f.command(b, int32(m), n)
	}
	if f.enc.form == Write {
		b.Bytes = f.enc.post.end(b.Bytes)
		b.Commands = 1
	}
	b.Points = n * len(f.args)
	if g.host++; g.host == g.last {
		g.host = g.first
		g.tick += n
	}
}

// block is the number of ticks of the next block: they lie in one day.
func (f *filler) block() int {
	g := f.gen
	second := g.second(g.tick)
	untilMidnight := (86400 - second%86400 + g.interval() - 1) / g.interval()
	pack := fillTicks
	if g.shape.Pack > 0 {
		pack = g.shape.Pack
	}
	return min(pack, f.last-g.tick, int(untilMidnight))
}

func (f *filler) gather(ticks int) {
	g := f.gen
	if f.args == nil {
		f.args = make([][]byte, g.shape.Metrics)
	}
	for m := range f.args {
		f.args[m] = f.args[m][:0]
	}
	host, tick := g.host, g.tick
	for i := range ticks {
		g.tick = tick + i
		g.points, g.text = g.points[:0], g.text[:0]
		g.ownNow()
		for j := range g.points {
			f.add(&g.points[j])
		}
	}
	g.host, g.tick = host, tick
}

func (f *filler) add(p *point) {
	args := f.args[p.metric]
	f.at = p.at
	switch f.enc.form {
	case Write:
		args = appendSample(args, p)
	case TSAdd, TSMAdd:
		args = f.enc.names.append(args, p.host, p.metric, p.at)
		args = appendMillis(args, f.enc.seconds(p.at))
		args = appendBulk(args, p.value)
	default:
		at := f.enc.seconds(p.at)
		args = appendBulk(args, at)
		args = appendMember(args, at, p.value)
	}
	f.args[p.metric] = args
}

func (f *filler) command(b *Batch, metric int32, points int) {
	e := f.enc
	host := int32(f.gen.host)
	switch e.form {
	case Write:
		r := e.post
		r.series = e.names.append(r.series[:0], host, metric, f.at)
		r.series = append(r.series, f.args[metric]...)
		r.flushSeries()
		return
	case TSAdd, TSMAdd:
		b.Bytes = appendHead(b.Bytes, 1+3*points, "TS.MADD")
	default:
		b.Bytes = appendHead(b.Bytes, 2+2*points, "ZADD")
		b.Bytes = e.keys.append(b.Bytes, host, metric, f.at)
	}
	b.Bytes = append(b.Bytes, f.args[metric]...)
	b.Commands++
	if e.form == ZADDJournal {
		e.member = e.names.append(e.member[:0], host, metric, f.at)
		e.journal(b, e.seconds(f.at))
	}
}
