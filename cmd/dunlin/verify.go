package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/storage"
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
			done := showBytes(w, "reading")
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
	if _, err := fmt.Fprintf(out, "%d files, %d records, %d points, %d damaged\n", w.Files, w.Records, w.Points, n); err != nil {
		return err
	}
	if n > 0 {
		return errDamaged
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showBytes shows how far a walk is, on a terminal; done takes the bar away.
func showBytes(w *storage.Walker, what string) (done func()) {
	if !isTerminal(os.Stderr) {
		return func() {}
	}
	var bar *progressbar.ProgressBar
	w.Progress = func(n, total int64) {
		if bar == nil {
			bar = bytesBar(os.Stderr, what, total)
		}
		_ = bar.Set64(n)
	}
	return func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}

func bytesBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true))
}

// loadingNode is a node that says how far it is.
type loadingNode interface {
	Loading() (done, total int64, ok bool)
}

// loadBarEvery is how often the bar moves.
const loadBarEvery = 100 * time.Millisecond

// runLoadBar shows on a terminal how far loading is, until it is done or the node ends.
func runLoadBar(n loadingNode, w io.Writer, ended <-chan struct{}) {
	var bar *progressbar.ProgressBar
	t := time.NewTicker(loadBarEvery)
	defer t.Stop()
	for began := false; ; {
		done, total, loading := n.Loading()
		began = began || loading
		if loading && total > 0 {
			if bar == nil {
				bar = bytesBar(w, "loading", total)
			}
			_ = bar.Set64(done)
		}
		if began && !loading {
			break
		}
		select {
		case <-ended:
			return
		case <-t.C:
		}
	}
	if bar != nil {
		_ = bar.Clear()
	}
}
