package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/tui"
)

var errNotDone = errors.New("nothing was done")

func dropCmd() *cobra.Command {
	var to nodeTarget
	var yes bool
	cmd := &cobra.Command{
		Use:   "drop [--url URL] PERIOD",
		Short: "Drop a period and what is older, on all nodes",
		Long: "Show what a node holds of a period and of those before it, ask, and tell the node to drop them. Nodes on\n" +
			"the engine tell each other, one that is away when it comes back; tell a node on Redis itself. Nothing brings\n" +
			"back what was dropped. Only periods before the current one can be.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.withNode(func(c rueidis.Client) error {
				preview, err := previewDrop(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				if err := confirm(cmd, preview, yes); err != nil {
					return err
				}
				n, err := order(cmd.Context(), c, "DN.DROP", args[0]).AsInt64()
				if err == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "dropped: %d keys on this node\n", n)
				}
				return err
			})
		},
	}
	to.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func forgetCmd() *cobra.Command {
	var to nodeTarget
	var yes bool
	var from, until string
	cmd := &cobra.Command{
		Use:   "forget [--url URL] [--from TIME --to TIME] HOST|HOST:METRIC",
		Short: "Forget the points of a host or of one series, on all nodes",
		Long: "Show how much a node holds of a host, or of one series, ask, and tell the node to forget it: everything up\n" +
			"to now, or what lies between two times. What is written later stays. Nodes on the engine tell each other,\n" +
			"one that is away when it comes back; nodes on Redis, which it names, keep theirs. Nothing brings back what was\n" +
			"forgotten. The host is written as in keys: web1%3A9100 is web1:9100.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			span, err := spanArgs(from, until)
			if err != nil {
				return err
			}
			words := append([]string{args[0]}, span...)
			return to.withNode(func(c rueidis.Client) error {
				preview, err := order(cmd.Context(), c, "DN.FORGET", append(words, "PREVIEW")...).ToString()
				if err != nil {
					return err
				}
				text := fmt.Sprintf("%s on this node: %s\n", tui.Safe(args[0]), preview)
				if err := confirm(cmd, text, yes); err != nil {
					return err
				}
				n, err := order(cmd.Context(), c, "DN.FORGET", words...).AsInt64()
				if err == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "forgotten: %d points on this node\n", n)
				}
				return err
			})
		},
	}
	to.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&from, "from", "", "RFC 3339, such as 2026-11-22T13:00:00Z, or seconds since 1970")
	cmd.Flags().StringVar(&until, "to", "", "the same; not in the future")
	return cmd
}

func floorCmd() *cobra.Command {
	var to nodeTarget
	cmd := &cobra.Command{
		Use:   "floor [--url URL] [accept]",
		Short: "Show the oldest period that lives on a node, or vouch for its clock",
		Long: "Show a node's floor, the oldest period that lives, what its clock asks for, and why it does not follow\n" +
			"where it does not. With accept, vouch for the node's clock: the floor goes where the clock says, and what\n" +
			"peers say was dropped and forgotten is taken over. Points go by that.",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"accept"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.withNode(func(c rueidis.Client) error {
				text, err := order(cmd.Context(), c, "DN.FLOOR", args...).ToString()
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), tui.Safe(strings.ReplaceAll(text, ",", " ")))
				}
				return err
			})
		},
	}
	to.add(cmd)
	return cmd
}

func (t *nodeTarget) withNode(fn func(c rueidis.Client) error) error {
	c, err := t.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(c)
}

func order(ctx context.Context, c rueidis.Client, cmd string, args ...string) rueidis.RedisResult {
	return c.Do(ctx, c.B().Arbitrary(cmd).Args(args...).Build())
}

// previewDrop says what a node holds of a period and of those before it.
func previewDrop(ctx context.Context, c rueidis.Client, period string) (string, error) {
	periods, err := order(ctx, c, "DN.PERIODS").AsStrSlice()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range periods {
		if p > period || len(p) != len(period) {
			continue
		}
		d, err := order(ctx, c, "DN.DIGEST", p).ToArray()
		if err != nil || len(d) < 2 {
			return "", fmt.Errorf("look at %s: %w", p, err)
		}
		keys, _ := d[0].AsInt64()
		points, _ := d[1].AsInt64()
		fmt.Fprintf(&b, "%s on this node: %d keys, %d points\n", tui.Safe(p), keys, points)
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "this node holds nothing of %s and before\n", tui.Safe(period))
	}
	return b.String(), nil
}

// confirm shows what goes, and asks.
func confirm(cmd *cobra.Command, preview string, yes bool) error {
	if _, err := io.WriteString(cmd.OutOrStdout(), preview); err != nil || yes {
		return err
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), "This can not be undone. Go on? [y/N] "); err != nil {
		return err
	}
	line, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return fmt.Errorf("%w (--yes does not ask)", errNotDone)
	}
	return nil
}

// spanArgs gives two times in seconds, or nothing.
func spanArgs(from, to string) ([]string, error) {
	if from == "" && to == "" {
		return nil, nil
	}
	if from == "" {
		from = "0"
	}
	if to == "" {
		to = strconv.FormatInt(time.Now().Unix(), 10)
	}
	var out []string
	for _, text := range []string{from, to} {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			text = strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
		}
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, usageError{fmt.Errorf("time %q: want 2026-11-22T13:00:00Z, or seconds since 1970", text)}
		}
		out = append(out, text)
	}
	return out, nil
}
