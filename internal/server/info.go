package server

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/store"
)

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// cmdInfo: INFO [section …]. The names are Redis' where the meaning is.
func cmdInfo(c *call) {
	all := c.srv.infoSections(c)
	if c.srv.cfg.Info != nil {
		all = append(all, c.srv.cfg.Info()...)
	}
	var b strings.Builder
	for _, s := range all {
		if !c.wants(s.Name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + s.Name + "\r\n")
		for _, f := range s.Fields {
			b.WriteString(f[0] + ":" + oneLine.Replace(f[1]) + "\r\n")
		}
	}
	c.w.BulkString(b.String())
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

func (c *call) wants(section string) bool {
	if len(c.args) == 1 {
		return true
	}
	return slices.ContainsFunc(c.args[1:], func(a []byte) bool {
		return is(a, strings.ToLower(section)) || is(a, "all") || is(a, "default") || is(a, "everything")
	})
}

func (s *Server) infoSections(c *call) []InfoSection {
	port := ""
	if addr := c.cl.conn.LocalAddr().String(); strings.Contains(addr, ":") {
		port = addr[strings.LastIndexByte(addr, ':')+1:]
	}
	name := ""
	if s.cfg.Self != nil {
		name = s.cfg.Self.Name
	}
	now := s.cfg.Clock()
	up := int64(now.Sub(s.started).Seconds())
	n := s.listener.Counts()
	return []InfoSection{
		{"Server", [][2]string{
			{"redis_version", redisVersion},
			{"redis_mode", "standalone"},
			{"dunlin_version", s.cfg.Version},
			{"dunlin_node", name},
			{"dunlin_cluster", s.cfg.Topology.Cluster},
			{"os", runtime.GOOS + " " + runtime.GOARCH},
			{"arch_bits", "64"},
			{"process_id", itoa(os.Getpid())},
			{"run_id", s.cfg.RunID},
			{"tcp_port", port},
			{"server_time_usec", itoa(now.UnixMicro())},
			{"uptime_in_seconds", itoa(up)},
			{"uptime_in_days", itoa(up / 86400)},
		}},
		{"Clients", [][2]string{
			{"connected_clients", itoa(n.Connected)},
			{"maxclients", itoa(s.maxClients())},
			{"blocked_clients", "0"},
			{"client_buffers", itoa(n.Held)},
		}},
		{"Memory", s.memoryInfo(c)},
		{"Persistence", [][2]string{
			{"loading", "0"},
			{"async_loading", "0"},
			{"rdb_bgsave_in_progress", "0"},
			{"aof_enabled", "0"},
		}},
		{"Stats", append([][2]string{
			{"total_connections_received", itoa(n.Accepted)},
			{"total_commands_processed", itoa(s.commands.Load())},
			{"rejected_connections", itoa(n.Rejected)},
			{"protocol_errors", itoa(n.ProtocolErrors)},
		}, append(s.shardCounts(), s.limitCounts()...)...)},
		{"Replication", [][2]string{{"role", "master"}, {"connected_slaves", "0"}}},
		{"Keyspace", s.keyspaceInfo(c)},
	}
}

func (s *Server) shardCounts() [][2]string {
	var points, pulled, merged, refused, below int64
	for _, id := range s.shards {
		c := s.held[id].sh.Counters()
		points, pulled, merged = points+c.Points, pulled+c.Pulled, merged+c.Merged
		refused, below = refused+c.Refused, below+c.BelowFloor
	}
	return [][2]string{
		{"points_written", itoa(points)},
		{"points_pulled", itoa(pulled)},
		{"points_merged", itoa(merged)},
		{"points_refused", itoa(refused)},
		{"points_below_floor", itoa(below)},
	}
}

// keyspaceInfo has a line a shard, database i as SELECT i.
func (s *Server) keyspaceInfo(c *call) [][2]string {
	var out [][2]string
	for _, id := range s.shards {
		var st store.Stats
		err := s.held[id].sh.View(func(from store.Store) (err error) {
			st, err = from.Stats(c.ctx)
			return err
		})
		switch {
		case err != nil:
			out = append(out, [2]string{"db" + itoa(id), "keys=0,expires=0,avg_ttl=0,state=unavailable"})
		case st.Series > 0 || st.Bytes > 0:
			out = append(out, [2]string{"db" + itoa(id), fmt.Sprintf("keys=%d,expires=0,avg_ttl=0,points=%d,bytes=%d",
				st.Series, st.Points, st.Bytes)})
		}
	}
	return out
}
