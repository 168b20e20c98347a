package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/redis/rueidis"
	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/storage"
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
			c, err := to.dial()
			if err != nil {
				return err
			}
			defer c.Close()
			text, err := c.Do(cmd.Context(), c.B().Arbitrary("DN.BACKUP").Args(args[0]).Build()).ToString()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
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
			c, err := to.dial()
			if err != nil {
				return err
			}
			defer c.Close()
			r := &restorer{client: c, ctx: cmd.Context(), why: map[string]int64{}}
			return r.run(cmd.OutOrStdout(), args[0])
		},
	}
	to.add(cmd)
	return cmd
}

const (
	restoreBatch    = 512 // points of a command
	restorePipeline = 16  // commands under way
)

// restorer sends points.
type restorer struct {
	client  rueidis.Client
	ctx     context.Context
	args    []string // of the command that is being filled
	cmds    []rueidis.Completed
	stored  int64
	refused int64
	why     map[string]int64
}

func (r *restorer) run(out io.Writer, dir string) error {
	w := &storage.Walker{FS: fsx.OS{}, Path: dir, Point: r.point}
	done := showBytes(w, "restoring")
	err := w.Run(r.ctx)
	if err == nil {
		err = r.flush()
	}
	done()
	if err != nil {
		return fmt.Errorf("after %d points: %w (repeating it is harmless)", r.stored, err)
	}
	for _, why := range slices.Sorted(maps.Keys(r.why)) {
		if _, err := fmt.Fprintf(out, "%d refused: %s\n", r.why[why], why); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d points are on the node, %d refused, %d damaged places in the files\n", r.stored, r.refused,
		w.Damaged())
	return err
}

// point adds a point to the command.
func (r *restorer) point(name []byte, pt series.Point) error {
	r.args = append(r.args, string(series.AppendTime(nil, pt.TS, pt.Frac)), string(name), string(pt.Value))
	if len(r.args) < 3*restoreBatch {
		return nil
	}
	r.build()
	if len(r.cmds) < restorePipeline {
		return nil
	}
	return r.send()
}

func (r *restorer) build() {
	if len(r.args) > 0 {
		r.cmds = append(r.cmds, r.client.B().Arbitrary("DN.MADDT").Args(r.args...).Build())
		r.args = r.args[:0]
	}
}

func (r *restorer) flush() error {
	r.build()
	return r.send()
}

func (r *restorer) send() error {
	replies := r.client.DoMulti(r.ctx, r.cmds...)
	r.cmds = r.cmds[:0]
	for _, reply := range replies {
		if err := r.count(reply); err != nil {
			return err
		}
	}
	return nil
}

// count reads a reply: how many are stored or, when some are refused, an array of that and [index, why] of each.
func (r *restorer) count(reply rueidis.RedisResult) error {
	if n, err := reply.AsInt64(); err == nil {
		r.stored += n
		return nil
	}
	list, err := reply.ToArray()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("an empty reply")
	}
	n, err := list[0].AsInt64()
	if err != nil {
		return err
	}
	r.stored += n
	for _, pair := range list[1:] {
		p, err := pair.ToArray()
		if err != nil || len(p) != 2 {
			return errors.New("a reply that DN.MADDT does not give")
		}
		why, _ := p[1].ToString()
		r.why[why]++
		r.refused++
	}
	return nil
}
