package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/internal/resp"
)

// parameters are what CONFIG GET shows to tools that ask a Redis for it.
func (s *Server) parameters() map[string]string {
	return map[string]string{
		"save": "", "appendonly": "no", "appendfsync": "no", "maxmemory": itoa(s.cfg.Budget.Max()),
		"maxmemory-policy": s.cfg.Budget.Policy().String(),
		"databases":        itoa(s.cfg.Topology.Shards() + 1), "maxclients": itoa(s.maxClients()), "timeout": "0",
		"zset-max-listpack-entries": "128", "zset-max-listpack-value": "64",
		"zset-max-ziplist-entries": "128", "zset-max-ziplist-value": "64",
		"set-max-intset-entries": "512", "proto-max-bulk-len": "1048576",
	}
}

func (s *Server) maxClients() int {
	if n := s.cfg.Limits.MaxClients; n > 0 {
		return n
	}
	return resp.DefaultLimits().MaxClients
}

func cmdConfig(c *call) {
	sub := strings.ToLower(string(c.args[1]))
	switch n := len(c.args); {
	case sub == "get" && n >= 3:
		c.configGet()
	case sub == "set" && n >= 4 && n%2 == 0:
		c.configSet()
	case sub == "resetstat" && n == 2:
		c.srv.commands.Store(0)
		c.w.Simple("OK")
	case sub == "get" || sub == "set" || sub == "resetstat":
		c.w.Error("ERR wrong number of arguments for 'config|" + sub + "' command")
	default:
		c.w.Error(unknownSubcommand("CONFIG", c.args[1]))
	}
}

func (c *call) configGet() {
	all := c.srv.parameters()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, pattern := range c.args[2:] {
			if globMatch([]byte(strings.ToLower(string(pattern))), []byte(name)) {
				names = append(names, name)
				break
			}
		}
	}
	c.w.Map(len(names))
	for _, name := range names {
		c.w.BulkString(name)
		c.w.BulkString(all[name])
	}
}

// configSet changes the memory limit and its policy. Of everything else it takes what changes nothing, as tools that
// set up a Redis send it, and refuses the rest rather than to answer OK to what has no effect. All or nothing is set.
func (c *call) configSet() {
	known := c.srv.parameters()
	var sets []func()
	for i := 2; i < len(c.args); i += 2 {
		name, value := strings.ToLower(string(c.args[i])), strings.ToLower(string(c.args[i+1]))
		is, ok := known[name]
		set, err := c.srv.setting(name, value)
		switch {
		case !ok:
			c.w.Error("ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'")
			return
		case err == nil:
			sets = append(sets, set)
		case !errors.Is(err, errNoSetting):
			c.w.Error(fmt.Sprintf("ERR CONFIG SET failed (possibly related to argument '%s') - %v", name, err))
			return
		case !strings.EqualFold(is, value):
			c.w.Error(fmt.Sprintf("ERR CONFIG SET failed (possibly related to argument '%s') - it stays %q: only maxmemory "+
				"and maxmemory-policy can be set while a node runs, its flags and the topology file say the rest "+
				"(see dunlin node --help)", name, is))
			return
		}
	}
	for _, set := range sets {
		set()
	}
	c.w.Simple("OK")
}
