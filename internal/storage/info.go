package storage

import (
	"strconv"
	"time"
)

// Persistence is the section of INFO.
func (d *Dir) Persistence() [][2]string {
	s := d.Status()
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	out := [][2]string{{"loading", flag(s.Loading)}, {"async_loading", flag(s.Loading)}}
	if s.Loading {
		out = append(out, [][2]string{
			{"loading_total_bytes", num(s.Total)},
			{"loading_loaded_bytes", num(s.Done)},
			{"loading_loaded_perc", strconv.FormatFloat(100*s.Share(), 'f', 2, 64)},
			{"loading_eta_seconds", num(int64(s.Left(d.cfg.Now().Sub(d.start.opened)) / time.Second))},
		}...)
	}
	last := "ok"
	if s.Err != nil {
		last = s.Err.Error()
	}
	durability, why := "ok", s.Degraded()
	if why != "" {
		durability = "degraded"
	}
	return append(append(out, [][2]string{
		{"rdb_bgsave_in_progress", "0"},
		{"aof_enabled", "1"},
		{"durability", durability},
		{"durability_why", why},
		{"fsync", d.cfg.Fsync.String()},
		{"log_records", num(s.Log.Records)},
		{"log_bytes", num(s.Log.Bytes)},
		{"log_segment", num(int64(s.Log.Segment))},
		{"log_unwritten_bytes", num(s.Log.Unwritten)},
		{"log_unsynced_bytes", num(s.Log.Unsynced)},
		{"log_oldest_unsynced_ms", num(s.Log.OldestUnsynced.Milliseconds())},
		{"log_oldest_unsynced_max_ms", num(s.Log.OldestUnsyncedMax.Milliseconds())},
		{"log_fsyncs", num(s.Log.Fsyncs)},
		{"log_fsync_last_ms", num(s.Log.FsyncLast.Milliseconds())},
		{"log_fsync_max_ms", num(s.Log.FsyncMax.Milliseconds())},
		{"log_fsync_errors", num(s.Log.FsyncErrors)},
		{"log_write_errors", num(s.Log.WriteErrors)},
		{"log_heals", num(s.Log.Heals)},
		{"checkpoints", num(s.Checkpoints)},
		{"checkpoint_failures", num(s.CheckpointFailures)},
		{"checkpoint_last", last},
		{"checkpoint_last_ms", num(s.Last.Took.Milliseconds())},
		{"checkpoint_last_bytes", num(s.Last.Bytes + s.Last.OpenBytes)},
		{"loaded_points", num(s.Points)},
		{"damaged_records", num(s.Damaged)},
		{"damaged_lost_points", num(s.Lost)},
		{"quarantined_files", num(s.Quarantined)},
		{"unread_files", num(s.Unread)},
	}...), d.shelf.Fields()...)
}
