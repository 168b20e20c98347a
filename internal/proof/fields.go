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
		{"damaged_series_now", num(int64(s.Hurt))},
		{"memory_reads", num(s.Reads)},
	}
	if s.Last != "" {
		fields = append(fields, [2]string{"divergence_last", s.LastAt.UTC().Format(time.RFC3339) + " " + s.Last})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		p := s.Peers[name]
		fields = append(fields, [2]string{"proof_of_" + name, fmt.Sprintf(
			"proven_at=%s,same_at=%s,looked_at=%s,hours_equal=%d,hours_moving=%d,hours_different=%d,shards_open=%d",
			instant(p.Proven), instant(p.Same), instant(p.At), p.Equal, p.Moving, p.Differ, p.Open)})
	}
	return fields
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}
