package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// controlCmd makes a subcommand that is sent to the running demo.
func controlCmd(use, short string, dir *string) *cobra.Command {
	verb, arg, _ := strings.Cut(use, " ")
	args := cobra.NoArgs
	if arg != "" {
		args = cobra.ExactArgs(1)
	}
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			line := strings.Join(append([]string{verb}, args...), " ")
			return askControl(cmd.Context(), demoDir(*dir), line, cmd.OutOrStdout())
		},
	}
}

func controlPath(dir string) string { return filepath.Join(dir, "control") }

// listenControl opens the demo's control socket. One that is alive means that another demo runs in this directory.
func listenControl(dir string) (net.Listener, error) {
	path := controlPath(dir)
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("a demo is running already (dunlin demo status); run another with --dir and other ports")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	return ln, nil
}

// askControl sends one line to the demo and prints its answer, whose first line is ok or what went wrong.
func askControl(ctx context.Context, dir, line string, out io.Writer) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", controlPath(dir))
	if err != nil {
		return fmt.Errorf("no demo answers in %s (start one with: dunlin demo): %w", dir, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return fmt.Errorf("ask the demo: %w", err)
	}
	r := bufio.NewReader(conn)
	verdict, err := r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("ask the demo: %w", err)
	}
	if verdict = strings.TrimSpace(verdict); verdict != "ok" {
		return errors.New(verdict)
	}
	_, err = io.Copy(out, r)
	return err
}

// serveControl answers the subcommands, one connection at a time.
func (d *demo) serveControl(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept control: %w", err)
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		line, err := bufio.NewReader(io.LimitReader(conn, 256)).ReadString('\n')
		if err == nil {
			answer, cmdErr := d.control(strings.Fields(line))
			if cmdErr != nil {
				answer = cmdErr.Error() + "\n"
			} else {
				answer = "ok\n" + answer
			}
			_, _ = io.WriteString(conn, answer)
		}
		conn.Close()
	}
}

// control executes one line.
func (d *demo) control(words []string) (string, error) {
	if len(words) == 1 && words[0] == "status" {
		return d.statusText(), nil
	}
	if len(words) != 2 {
		return "", errors.New("want: cut NODE, heal NODE, kill NODE or status")
	}
	n, err := d.plan.node(words[1])
	if err != nil {
		return "", err
	}
	switch words[0] {
	case "cut", "heal":
		for _, p := range d.cables {
			if p.From == n.name || p.To == n.name {
				p.SetCut(words[0] == "cut")
			}
		}
		return n.name + map[string]string{"cut": " is cut off\n", "heal": " is healed\n"}[words[0]], nil
	case "kill":
		n.child.kill()
		for _, c := range n.redisChildren {
			c.kill()
		}
		return fmt.Sprintf("%s is killed; it starts again in %s\n", n.name, d.plan.flags.restartAfter), nil
	}
	return "", fmt.Errorf("no command %q", words[0])
}

// statusText is the table of nodes.
func (d *demo) statusText() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSITE\tSTORE\tPID\tRESP\tPAGE\tLINES")
	for _, n := range d.plan.nodes {
		lines := "whole"
		for _, p := range d.cables {
			if (p.From == n.name || p.To == n.name) && p.IsCut() {
				lines = "cut"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\tredis://127.0.0.1:%d\thttp://127.0.0.1:%d/\t%s\n",
			n.name, n.site, n.store, n.child.pid(), n.resp, n.web, lines)
	}
	w.Flush()
	for _, n := range d.plan.nodes {
		if len(n.redisChildren) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s redis:", n.name)
		for i, c := range n.redisChildren {
			fmt.Fprintf(&b, " %d=pid %d", n.redis[i], c.pid())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
