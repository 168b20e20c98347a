package proof

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Fields are what INFO replication says of the proof.
func (s Status) Fields() [][2]string {
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	fields := [][2]string{
		{"divergence_total", num(s.Divergence)},
		{"divergence_repaired_points", num(s.Repaired)},
		{"damaged_series", num(s.Damaged)},
		{"damaged_series_mended", num(s.Mended)},
		{"memory_reads", num(s.Reads)},
	}
	if s.Last != "" {
		fields = append(fields, [2]string{"divergence_last", s.LastAt.UTC().Format(time.RFC3339) + " " + s.Last})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		p, proven := s.Peers[name], "never"
		if !p.Proven.IsZero() {
			proven = p.Proven.UTC().Format(time.RFC3339)
		}
		fields = append(fields, [2]string{"proof_of_" + name, fmt.Sprintf(
			"proven_at=%s,looked_at=%s,hours_equal=%d,hours_moving=%d,hours_different=%d,shards_open=%d", proven,
			p.At.UTC().Format(time.RFC3339), p.Equal, p.Moving, p.Differ, p.Open)})
	}
	return fields
}
