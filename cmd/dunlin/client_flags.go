package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// clientFlags are the flags of every command that talks to a flock as a client.
type clientFlags struct {
	topology     string
	url          string
	passwordFile string
	layout       string
	site         string
	node         string
	timeout      time.Duration
}

func (f *clientFlags) add(cmd *cobra.Command, timeout time.Duration) {
	fl := cmd.Flags()
	fl.StringVar(&f.topology, "topology", "", "topology file")
	fl.StringVar(&f.url, "url", "", "one node instead of a topology, redis://host:port (default redis://127.0.0.1:6390)")
	fl.StringVar(&f.passwordFile, "password-file", "", "with --url: file with the password")
	fl.StringVar(&f.layout, "layout", "", "with --url: how the flock writes periods (default 2006-01-02)")
	fl.StringVar(&f.site, "site", "", "ask nodes of this site first")
	fl.StringVar(&f.node, "node", "", "ask this node first of all")
	fl.DurationVar(&f.timeout, "timeout", timeout, "how long a node may take for a batch")
	cmd.MarkFlagsMutuallyExclusive("topology", "url")
}

func (f *clientFlags) open(ctx context.Context) (*dunlin.Client, error) {
	return f.openWith(ctx, dunlin.Config{})
}

// withClient calls fn with a client that it opens and closes.
func (f *clientFlags) withClient(ctx context.Context, fn func(c *dunlin.Client) error) error {
	c, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(c)
}

// printFound prints what a command found, as JSON or for people.
func printFound(cmd *cobra.Command, asJSON bool, found any, people func(io.Writer) error) error {
	if asJSON {
		return tui.JSON(cmd.OutOrStdout(), found)
	}
	return people(cmd.OutOrStdout())
}

// openWith opens a client with what the flags say and cfg says besides.
func (f *clientFlags) openWith(ctx context.Context, cfg dunlin.Config) (*dunlin.Client, error) {
	cfg.File, cfg.URL, cfg.Layout, cfg.Site, cfg.Node = f.topology, f.url, f.layout, f.site, f.node
	cfg.Timeout = f.timeout
	if f.passwordFile != "" {
		var err error
		if cfg.Password, err = ring.ReadPassword(f.passwordFile); err != nil {
			return nil, err
		}
	}
	return dunlin.Open(ctx, cfg)
}
