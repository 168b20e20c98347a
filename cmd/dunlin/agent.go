package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/agent"
)

func agentCmd() *cobra.Command {
	var flags clientFlags
	var cfg agent.Config
	var spool string
	var limits dunlin.Limits
	cmd := &cobra.Command{
		Use:   "agent [--topology FILE] [--every 10s] [--host NAME]",
		Short: "Write this machine's metrics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Every < 100*time.Millisecond {
				return fmt.Errorf("--every %s: want 100ms or more", cfg.Every)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			client, err := flags.openWith(ctx, dunlin.Config{Spool: spool, Limits: limits})
			if err != nil {
				return err
			}
			cfg.Client = client
			cfg.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			a, err := agent.New(cfg)
			if err != nil {
				return errors.Join(err, client.Close())
			}
			if flags.topology != "" {
				defer runReloads(client, cfg.Log)()
			}
			err = errors.Join(a.Run(ctx), client.Close())
			s := client.Stats()
			cfg.Log.Info("agent ends", "stored", s.Stored, "refused", s.Refused, "dropped", s.Dropped, "spooled", s.Spooled)
			return err
		},
	}
	flags.add(cmd, 2*time.Second)
	f := cmd.Flags()
	f.DurationVar(&cfg.Every, "every", 10*time.Second, "time between two measurements")
	f.StringVar(&cfg.Host, "host", "", "name of this host (default the machine's)")
	f.StringVar(&spool, "spool.path", "", "directory for points that neither a node nor memory takes (default none)")
	f.Int64Var(&limits.Spool, "spool.max-bytes", 256<<20, "size of the spool; beyond it its oldest points are dropped")
	f.IntVar(&limits.Queue, "queue.max-points", 200_000, "points in memory; beyond it they are spooled or dropped")
	return cmd
}

// runReloads reads the topology file again at each SIGHUP, until the function that it gives is called.
func runReloads(client *dunlin.Client, log *slog.Logger) (end func()) {
	hangup, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for range hangup {
			if err := client.Reload(); err != nil {
				log.Warn("the topology stays as it was", "err", err)
				continue
			}
			log.Info("topology read again", "nodes", len(client.Topology().Nodes))
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-ended
	}
}
