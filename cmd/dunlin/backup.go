package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/redis/rueidis"
	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/restore"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/storage"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// nodeTarget is the one node that a command is for.
type nodeTarget struct {
	url, passwordFile string
}

func (t *nodeTarget) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.url, "url", "redis://127.0.0.1:6390", "the node")
	cmd.Flags().StringVar(&t.passwordFile, "password-file", "", "file with the node's password")
}

func (t *nodeTarget) dial() (rueidis.Client, error) {
	opt, err := rueidis.ParseURL(t.url)
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	if t.passwordFile != "" {
		if opt.Password, err = ring.ReadPassword(t.passwordFile); err != nil {
			return nil, err
		}
	}
	opt.DisableCache, opt.ForceSingleClient = true, true
	opt.ConnWriteTimeout = time.Hour // a backup takes as long as it takes
	return rueidis.NewClient(opt)
}

func backupCmd() *cobra.Command {
	var to nodeTarget
	cmd := &cobra.Command{
		Use:   "backup [--url URL] NAME",
		Short: "Make a running node write a backup of its points",
		Long: "Make a running engine node write a backup NAME below the --backup.path it was started with. Files are\n" +
			"linked, not copied, where the file system can. The backup is a storage directory: check it with dunlin\n" +
			"verify, unite it with a running node with dunlin restore, or start a node on a copy of it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.withNode(func(c rueidis.Client) error {
				text, err := order(cmd.Context(), c, "DN.BACKUP", args[0]).ToString()
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				}
				return err
			})
		},
	}
	to.add(cmd)
	return cmd
}

func restoreCmd() *cobra.Command {
	var to nodeTarget
	cmd := &cobra.Command{
		Use:   "restore [--url URL] DIR",
		Short: "Unite the points of a backup with a running node",
		Long: "Read a backup, or the storage directory of a node that is not running, and write its points to a node.\n" +
			"It is a union: what the node has stays, repeating it is harmless, several backups may be restored one\n" +
			"after the other. Points below the node's floor are refused, and counted.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.withNode(func(c rueidis.Client) error {
				w := &storage.Walker{FS: fsx.OS{}, Path: args[0]}
				done := tui.ShowBytes(os.Stderr, "restoring", &w.Progress)
				sum, err := restore.Run(cmd.Context(), c, w)
				if done(); err == nil {
					_, err = io.WriteString(cmd.OutOrStdout(), sum.String())
				}
				return err
			})
		},
	}
	to.add(cmd)
	return cmd
}
