package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is a process that is started again whenever it ends.
type child struct {
	name         string
	argv         []string
	logPath      string
	out          io.Writer
	restartAfter time.Duration

	mu  sync.Mutex // protects cmd
	cmd *exec.Cmd  // nil while it is not running
}

// Run runs the process until ctx ends, then ends it: SIGTERM, after 5 s SIGKILL.
func (c *child) Run(ctx context.Context) error {
	for {
		err := c.runOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(c.out, "%s ended (%v); it starts again in %s\n", c.name, err, c.restartAfter)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.restartAfter):
		}
	}
}

func (c *child) runOnce(ctx context.Context) error {
	log, err := os.OpenFile(c.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.argv[0], err)
	}
	c.set(cmd)
	defer c.set(nil)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return fmt.Errorf("exit status 0")
}

func (c *child) set(cmd *exec.Cmd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cmd = cmd
}

// pid is the process, 0 while it is not running.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// kill ends the process at once.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil {
		_ = c.cmd.Process.Kill() // it has ended already: as wished
	}
}
