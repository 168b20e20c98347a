package account

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/budget"
)

// Parameters are what CONFIG GET shows to tools that ask a Redis for it, by name in lower case.
func (n Node) Parameters() map[string]string {
	return map[string]string{
		"save": "", "appendonly": "no", "appendfsync": "no", "maxmemory": itoa(n.Budget.Max()),
		"maxmemory-policy": n.Budget.Policy().String(),
		"databases":        strconv.Itoa(n.Databases), "maxclients": strconv.Itoa(n.MaxClients), "timeout": "0",
		"zset-max-listpack-entries": "128", "zset-max-listpack-value": "64",
		"zset-max-ziplist-entries": "128", "zset-max-ziplist-value": "64",
		"set-max-intset-entries": "512", "proto-max-bulk-len": "1048576",
	}
}

// Configure is CONFIG SET name value name value …: it changes the memory limit and its policy. Of everything else it
// takes what changes nothing, as tools that set up a Redis send it, and refuses the rest rather than to answer OK to
// what has no effect. All or nothing is set. The error is the reply, code and all.
func (n Node) Configure(pairs [][]byte) error {
	known := n.Parameters()
	var sets []func()
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := strings.ToLower(string(pairs[i])), strings.ToLower(string(pairs[i+1]))
		is, ok := known[name]
		set, err := n.setting(name, value)
		switch {
		case !ok:
			return errors.New("ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'")
		case err == nil:
			sets = append(sets, set)
		case !errors.Is(err, errNoSetting):
			return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %w", name, err)
		case !strings.EqualFold(is, value):
			return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - it stays %q: only maxmemory "+
				"and maxmemory-policy can be set while a node runs, its flags and the topology file say the rest "+
				"(see dunlin node --help)", name, is)
		}
	}
	for _, set := range sets {
		set()
	}
	return nil
}

var errNoSetting = errors.New("no such setting")

// setting is a parameter that CONFIG SET can change; any other is errNoSetting.
func (n Node) setting(name, value string) (set func(), err error) {
	b := n.Budget
	switch name {
	case "maxmemory":
		bytes, err := budget.ParseSize(value, budget.RAM)
		return func() { b.SetMax(bytes) }, err
	case "maxmemory-policy":
		p, err := budget.ParsePolicy(value)
		return func() { b.SetPolicy(p) }, err
	}
	return nil, errNoSetting
}
