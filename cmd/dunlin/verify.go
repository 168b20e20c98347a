package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/storage"
	"github.com/dunlin-db/dunlin/internal/tui"
)

var errDamaged = errors.New("something is damaged; a node starts all the same, and its peers fill the gap")

func verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "Read every byte of a storage directory or a backup and say what is wrong",
		Long: "Read every byte of a storage directory, or of a backup, check all checksums and decode every point.\n" +
			"Nothing is changed; the node should not be running. The exit code is 1 when something is damaged: an\n" +
			"unfinished write at the end of a file, as a crash leaves it, is named and is no damage.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w := &storage.Walker{FS: fsx.OS{}, Path: args[0]}
			done := tui.ShowBytes(os.Stderr, "reading", &w.Progress)
			err := w.Run(cmd.Context())
			done()
			if err != nil {
				return err
			}
			return printFindings(cmd.OutOrStdout(), w)
		},
	}
}

func printFindings(out io.Writer, w *storage.Walker) error {
	for _, f := range w.Findings {
		mark := "DAMAGED"
		if f.Harmless {
			mark = "note   "
		}
		if _, err := fmt.Fprintf(out, "%s  %s\n", mark, f); err != nil {
			return err
		}
	}
	n := w.Damaged()
	_, err := fmt.Fprintf(out, "%d files, %d records, %d points, %d damaged\n", w.Files, w.Records, w.Points, n)
	if err != nil {
		return err
	}
	if n > 0 {
		return errDamaged
	}
	return nil
}
