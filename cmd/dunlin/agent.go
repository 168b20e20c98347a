package main

import (
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/agent"
)

func agentCmd() *cobra.Command {
	var flags clientFlags
	var every time.Duration
	var host string
	cmd := &cobra.Command{
		Use:   "agent [--topology FILE] [--every 10s] [--host NAME]",
		Short: "Write this machine's metrics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return fmt.Errorf("--every %s: want 100ms or more", every)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			client, err := flags.open(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			a, err := agent.New(agent.Config{Client: client, Host: host, Every: every, Log: log})
			if err != nil {
				return err
			}
			err = a.Run(ctx)
			s := a.Stats()
			log.Info("agent ends", "stored", s.Stored, "refused", s.Refused, "dropped", s.Dropped, "undelivered", s.Queued)
			return err
		},
	}
	flags.add(cmd, 2*time.Second)
	cmd.Flags().DurationVar(&every, "every", 10*time.Second, "time between two measurements")
	cmd.Flags().StringVar(&host, "host", "", "name of this host (default the machine's)")
	return cmd
}
