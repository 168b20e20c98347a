package replog

import (
	"fmt"
	"testing"

	"github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/series"
)

// benchHosts are the hosts of a benchmark, written host by host as agents do.
const benchHosts = 500

// frameBytes is what a frame adds to a record of a few hundred bytes.
const frameBytes = 8

type benchSeries struct {
	name  []byte
	named Named
}

// bench gives the series of the standard mix, and the values of some ticks: by tick, by series.
func bench(ticks int) (all []benchSeries, values [][][]byte) {
	f := fleet.New(fleet.Config{Hosts: benchHosts, Metrics: fleet.PerHost, Tick: 10, Seed: 1})
	for h := range benchHosts {
		for m := range fleet.PerHost {
			all = append(all, benchSeries{name: fmt.Appendf(nil, "bench-%05d:%s", h, f.Name(m))})
		}
	}
	for range ticks {
		var row [][]byte
		for h := range benchHosts {
			f.Step(h)
			for m := range fleet.PerHost {
				row = append(row, f.AppendValue(nil, h, m))
			}
		}
		values = append(values, row)
	}
	return all, values
}

// BenchmarkRecorder writes the standard mix in batches of one host, 20 points. One operation is one point; a checkpoint
// makes all names be spelled again every 100 ticks.
func BenchmarkRecorder(b *testing.B) {
	all, values := bench(16)
	r := NewRecorder()
	bytes, points := 0, 0
	b.ReportAllocs()
	for i := 0; i < b.N; {
		tick := i / len(all)
		if i%(100*len(all)) == 0 {
			r.NewEpoch()
		}
		row := values[tick%len(values)]
		for at := 0; at < len(all) && i < b.N; at += fleet.PerHost {
			r.Begin()
			for j := at; j < at+fleet.PerHost; j++ {
				pt := series.Point{TS: 1795348800000 + 10_000*int64(tick), Value: row[j]}
				r.Point(&all[j].named, all[j].name, &pt)
			}
			bytes += len(r.Record(Head{Shard: 1, Seq: Seq(i)})) + frameBytes
			points += fleet.PerHost
			i += fleet.PerHost
		}
	}
	b.ReportMetric(float64(bytes)/float64(points), "bytes/point")
}

// BenchmarkReader reads what BenchmarkRecorder writes. One operation is one point.
func BenchmarkReader(b *testing.B) {
	all, values := bench(16)
	r := NewRecorder()
	var recs [][]byte
	for tick, row := range values {
		for at := 0; at < len(all); at += fleet.PerHost {
			r.Begin()
			for j := at; j < at+fleet.PerHost; j++ {
				pt := series.Point{TS: 1795348800000 + 10_000*int64(tick), Value: row[j]}
				r.Point(&all[j].named, all[j].name, &pt)
			}
			recs = append(recs, append([]byte(nil), r.Record(Head{Shard: 1, Seq: 1})...))
		}
	}
	var d Dict
	var in Reader
	n := 0
	b.ReportAllocs()
	for i := 0; i < b.N; i += fleet.PerHost {
		if in.Reset(recs[n%len(recs)]) != nil {
			b.Fatal("corrupt")
		}
		for in.Next(&d) {
		}
		n++
	}
}
