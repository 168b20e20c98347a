package engine

import (
	"fmt"
	"testing"
	"time"

	mix "github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// hosts writes the standard mix host by host, as agents do.
type hosts struct {
	f    *mix.Fleet
	keys [][]byte
	puts []store.Put // of one tick
	text []byte
}

func newHosts(n int) *hosts {
	h := &hosts{f: mix.New(mix.Config{Hosts: n, Metrics: mix.PerHost, Tick: 10, Seed: 1})}
	for i := range n {
		for m := range mix.PerHost {
			h.keys = append(h.keys, fmt.Appendf(nil, "bench-%05d:%s", i, h.f.Name(m)))
		}
	}
	h.puts = make([]store.Put, len(h.keys))
	return h
}

// fill makes the puts of a tick.
func (h *hosts) fill(tick int) {
	h.text = h.text[:0]
	ts := testDay + 10_000*int64(tick)
	for i := range h.puts {
		host, m := i/mix.PerHost, i%mix.PerHost
		if m == 0 {
			h.f.Step(host)
		}
		at := len(h.text)
		h.text = append(series.AppendTime(h.text, ts, 0), ':')
		value := len(h.text)
		h.text = h.f.AppendValue(h.text, host, m)
		h.puts[i] = store.Put{
			Series: h.keys[i], Member: h.text[at:], TS: ts, Period: storetest.Layout.PeriodOf(ts), ValueAt: uint8(value - at),
		}
	}
}

func recorded() (*Store, *replog.Recorder) {
	rec := replog.NewRecorder()
	return New(Config{
		Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: time.Now, Shard: 1, Recorder: rec,
	}), rec
}

// BenchmarkStore_Put_recorder puts the same points, in batches of one host, into a store with a recorder and one
// without, in turn: it reports both, ns a point. One operation is a tick of 500 hosts.
func BenchmarkStore_Put_recorder(b *testing.B) {
	plain := newStore()
	with, rec := recorded()
	h := newHosts(500)
	var took [2]time.Duration
	points, seq := 0, replog.Seq(0)
	for i := range b.N {
		h.fill(i % 8640)
		if i%8640 == 0 {
			plain = newStore()
			with, rec = recorded()
		}
		for n := range 2 {
			began := time.Now()
			for at := 0; at < len(h.puts); at += mix.PerHost {
				some := h.puts[at : at+mix.PerHost]
				if n == i%2 {
					plain.Put(some)
					continue
				}
				rec.Begin()
				with.Put(some)
				for rec.Len() > 0 {
					seq++
					rec.Record(replog.Head{Shard: 1, Seq: seq})
				}
			}
			which := 0
			if n != i%2 {
				which = 1
			}
			took[which] += time.Since(began)
		}
		points += len(h.puts)
	}
	b.ReportMetric(float64(took[0])/float64(points), "ns/point-plain")
	b.ReportMetric(float64(took[1])/float64(points), "ns/point-recorded")
}

// BenchmarkStore_Replay replays ticks of 500 hosts. One operation is one point.
func BenchmarkStore_Replay(b *testing.B) {
	s, _ := recorded()
	h := newHosts(500)
	for i := 0; i < b.N; i += len(h.puts) {
		b.StopTimer()
		tick := i / len(h.puts) % 8640
		if tick == 0 {
			s, _ = recorded()
		}
		h.fill(tick)
		b.StartTimer()
		for at := 0; at < len(h.puts); at += 128 {
			s.Replay(func() { s.Put(h.puts[at:min(at+128, len(h.puts))]) })
		}
	}
}

// BenchmarkStore_Save walks a period of 500 hosts with 720 points each of which nothing was written, loads what it
// gave into another store, and walks again with nothing but open chunks to write.
func BenchmarkStore_Save(b *testing.B) {
	s, _ := recorded()
	h := newHosts(500)
	const n = 720
	for tick := range n {
		h.fill(tick)
		s.Put(h.puts)
	}
	points := float64(n * len(h.puts))
	pid := storetest.Layout.PeriodOf(testDay)
	var save, again, loading time.Duration
	var full, open [][]byte
	fullBytes, openBytes := 0, 0
	for range b.N {
		s.Unsave(pid)
		full, open, fullBytes, openBytes = full[:0], open[:0], 0, 0
		var mem []byte
		keep := func(to *[][]byte, sum *int) func([]byte) {
			return func(rec []byte) {
				at := len(mem)
				mem = append(mem, rec...)
				*to = append(*to, mem[at:len(mem):len(mem)])
				*sum += len(rec)
			}
		}
		toFull, toOpen := keep(&full, &fullBytes), keep(&open, &openBytes)
		began := time.Now()
		var at SaveAt
		for s.Save(pid, &at, toFull, toOpen) {
		}
		save += time.Since(began)

		began, at = time.Now(), SaveAt{}
		for s.Save(pid, &at, func([]byte) {}, func([]byte) {}) {
		}
		again += time.Since(began)

		other, _ := recorded()
		began = time.Now()
		load(b, other, true, open...)
		load(b, other, true, full...)
		loading += time.Since(began)
	}
	runs := float64(b.N)
	b.ReportMetric(runs*float64(fullBytes+openBytes)/1e6/save.Seconds(), "save-MB/s")
	b.ReportMetric(float64(save)/runs/points, "save-ns/point")
	b.ReportMetric(runs*float64(openBytes)/1e6/again.Seconds(), "open-MB/s")
	b.ReportMetric(runs*points/loading.Seconds()/1e6, "load-Mpoints/s")
	b.ReportMetric(float64(fullBytes+openBytes+frame*(len(full)+len(open)))/points, "bytes/point")
}

// frame is what a file adds to a record.
const frame = 8
