package ring

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dunlin-db/dunlin/internal/series"
)

const (
	maxFile      = 4 << 20 // bytes of a topology file
	maxShards    = 1024
	maxWeight    = 100
	defaultShard = 8 // the seed's eight processes
)

var clusterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Load reads and checks the topology file at path. Errors are *FileError or those of the file system.
func Load(path string) (*Topology, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open topology: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read topology %s: %w", path, err)
	}
	return Parse(data, path)
}

// Parse checks a topology file that was read already. file names it in errors, and password files are looked up
// relative to it. A file that is wrong anywhere is refused whole with a *FileError around one of this package's
// sentinels.
func Parse(data []byte, file string) (*Topology, error) {
	p := &parser{file: file}
	if len(data) > maxFile {
		return nil, p.fail(nil, ErrSyntax, "longer than %d bytes", maxFile)
	}
	root, err := p.document(data)
	if err != nil {
		return nil, err
	}
	f, err := p.fields(root, "the topology", "cluster period layout keep rings nodes "+loginKeys)
	if err != nil {
		return nil, err
	}
	t := &Topology{Keep: 2}
	for _, step := range []func(*Topology, *yaml.Node, map[string]field) error{
		p.cluster, p.layout, p.keep, p.rings, p.nodes, p.holders,
	} {
		if err := step(t, root, f); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (p *parser) document(data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, p.fail(nil, ErrSyntax, "%s", oneLine(err.Error()))
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, p.fail(nil, ErrSyntax, "the file is empty")
	}
	return doc.Content[0], nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *parser) cluster(t *Topology, root *yaml.Node, f map[string]field) error {
	c, ok := f["cluster"]
	if !ok {
		return p.fail(root, ErrMissing, "cluster: the flock's name")
	}
	if !clusterName.MatchString(c.value.Value) {
		return p.fail(c.value, ErrValue, "cluster must be 1 to 64 letters, digits, '.', '_' or '-'")
	}
	t.Cluster = c.value.Value
	return p.login(&t.Login, f)
}

func (p *parser) layout(t *Topology, _ *yaml.Node, f map[string]field) error {
	period, hasPeriod := f["period"]
	if hasPeriod {
		switch period.value.Value {
		case "day":
			t.Layout = series.Day
		case "hour":
			t.Layout = series.Hour
		default:
			return p.fail(period.value, ErrValue, "period must be day or hour, not %q", period.value.Value)
		}
	}
	layout, ok := f["layout"]
	if !ok {
		return nil
	}
	l, err := series.ParseLayout(layout.value.Value)
	if err != nil {
		return p.fail(layout.value, ErrValue, "%v", err)
	}
	if hasPeriod && l.Hourly() != t.Layout.Hourly() {
		return p.fail(layout.value, ErrPeriod, "period %s, layout %s", period.value.Value, l)
	}
	t.Layout = l
	return nil
}

func (p *parser) keep(t *Topology, _ *yaml.Node, f map[string]field) error {
	k, ok := f["keep"]
	if !ok {
		return nil
	}
	n, err := p.number(k.value, "keep")
	if err != nil {
		return err
	}
	if n < 1 || n > 100_000 {
		return p.fail(k.value, ErrKeep, "not %d", n)
	}
	t.Keep = n
	return nil
}
