package ring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parser walks the YAML tree by hand, so that every complaint has its line.
type parser struct {
	file string
}

func (p *parser) fail(n *yaml.Node, err error, format string, args ...any) error {
	line := 0
	if n != nil {
		line = n.Line
	}
	if format != "" {
		err = fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...))
	}
	return &FileError{File: p.file, Line: line, Err: err}
}

// field is a key of a mapping with its value.
type field struct {
	key, value *yaml.Node
}

// fields reads a mapping. Keys outside of known are refused.
func (p *parser) fields(n *yaml.Node, what, known string) (map[string]field, error) {
	all, err := p.pairs(n, what)
	if err != nil {
		return nil, err
	}
	knowns := strings.Fields(known)
	out := make(map[string]field, len(all))
	for _, f := range all {
		name := f.key.Value
		if !slices.Contains(knowns, name) {
			return nil, p.fail(f.key, ErrUnknownKey, "%q in %s; known are %s", name, what, strings.Join(knowns, ", "))
		}
		out[name] = f
	}
	return out, nil
}

// pairs reads a mapping in the order of the file and refuses a key that comes twice.
func (p *parser) pairs(n *yaml.Node, what string) ([]field, error) {
	if n.Kind != yaml.MappingNode {
		return nil, p.fail(n, ErrSyntax, "%s must be a mapping (key: value)", what)
	}
	seen := map[string]bool{}
	out := make([]field, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, p.fail(k, ErrSyntax, "a key of %s must be a word", what)
		}
		if seen[k.Value] {
			return nil, p.fail(k, ErrDuplicateKey, "%q in %s", k.Value, what)
		}
		seen[k.Value] = true
		out = append(out, field{k, n.Content[i+1]})
	}
	return out, nil
}

func (p *parser) list(n *yaml.Node, what string) ([]*yaml.Node, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, p.fail(n, ErrSyntax, "%s must be a list", what)
	}
	return n.Content, nil
}

// text reads a scalar that is not empty, as the file spells it.
func (p *parser) text(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Value == "" || n.Tag == "!!null" {
		return "", p.fail(n, ErrValue, "%s must be a word", what)
	}
	for _, c := range n.Value {
		if c < 0x20 || c == 0x7f {
			return "", p.fail(n, ErrValue, "%s holds control characters", what)
		}
	}
	return n.Value, nil
}

func (p *parser) number(n *yaml.Node, what string) (int, error) {
	if n.Kind != yaml.ScalarNode {
		return 0, p.fail(n, ErrValue, "%s must be a number", what)
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		return 0, p.fail(n, ErrValue, "%s must be a whole number, not %q", what, n.Value)
	}
	return v, nil
}

func (p *parser) texts(n *yaml.Node, what string) ([]string, []*yaml.Node, error) {
	items, err := p.list(n, what)
	if err != nil {
		return nil, nil, err
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, err := p.text(item, "an entry of "+what)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, s)
	}
	return out, items, nil
}
