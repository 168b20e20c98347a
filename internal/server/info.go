package server

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/account"
)

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// cmdInfo: INFO [section …]. The names are Redis' where the meaning is.
func cmdInfo(c *call) {
	all := c.srv.infoSections(c)
	if c.srv.cfg.Info != nil {
		all = append(all, c.srv.cfg.Info()...)
	}
	all = slices.DeleteFunc(all, func(s account.Section) bool { return !c.wants(s) })
	c.w.BulkString(account.Text(all))
}

func (c *call) wants(s account.Section) bool {
	if len(c.args) == 1 {
		return !s.OnDemand
	}
	return slices.ContainsFunc(c.args[1:], func(a []byte) bool {
		return is(a, strings.ToLower(s.Name)) || is(a, "all") || is(a, "everything") || is(a, "default") && !s.OnDemand
	})
}

// infoSections is what the front door knows itself, and what the shards and the limits say.
func (s *Server) infoSections(c *call) []account.Section {
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
	own := []account.Section{
		{Name: "Server", Fields: [][2]string{
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
		{Name: "Clients", Fields: [][2]string{
			{"connected_clients", itoa(n.Connected)},
			{"maxclients", itoa(s.account.MaxClients)},
			{"blocked_clients", "0"},
			{"client_buffers", itoa(n.Held)},
		}},
	}
	s.countPlain()
	return append(own, s.account.Sections(c.ctx, [][2]string{
		{"total_connections_received", itoa(n.Accepted)},
		{"total_commands_processed", itoa(s.commands.Load())},
		{"rejected_connections", itoa(n.Rejected)},
		{"protocol_errors", itoa(n.ProtocolErrors)},
	})...)
}
