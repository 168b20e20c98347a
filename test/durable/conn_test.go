//go:build linux

package durable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/test/plain"
)

// dump gives all points of a node: key → member → nothing. Scores and ZCARD are checked on the way.
func dump(addr string) (map[string]map[string]bool, error) {
	c, err := plain.Dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	v, err := c.Do("KEYS", "*")
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("KEYS answers %v", v)
	}
	all := map[string]map[string]bool{}
	for len(list) > 0 {
		n := min(len(list), 100)
		var cmds [][]string
		for _, k := range list[:n] {
			cmds = append(cmds, []string{"ZRANGE", k.(string), "0", "-1", "WITHSCORES"}, []string{"ZCARD", k.(string)})
		}
		replies, err := c.Pipe(cmds)
		if err != nil {
			return nil, err
		}
		for i, k := range list[:n] {
			if all[k.(string)], err = members(replies[2*i], replies[2*i+1]); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
		}
		list = list[n:]
	}
	return all, nil
}

// members reads the replies of ZRANGE WITHSCORES and ZCARD of a key.
func members(ranged, card any) (map[string]bool, error) {
	list, ok := ranged.([]any)
	if !ok {
		return nil, fmt.Errorf("ZRANGE answers %v", ranged)
	}
	set := make(map[string]bool, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		member, score := list[i].(string), list[i+1].(string)
		ts, _, _ := strings.Cut(member, ":")
		if ts != score && number(ts) != number(score) {
			return nil, fmt.Errorf("member %q has score %s", member, score)
		}
		if set[member] {
			return nil, fmt.Errorf("member %q is there twice", member)
		}
		set[member] = true
	}
	if n, _ := card.(int64); int(n) != len(set) {
		return nil, fmt.Errorf("ZCARD answers %v, ZRANGE has %d members", card, len(set))
	}
	return set, nil
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return f
}
