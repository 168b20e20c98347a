package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a mistake in how the command was called: exit code 2.
type usageError struct{ error }

func main() { os.Exit(run(os.Args[1:])) }

// run executes the command line and gives the exit code: 0 done, 1 failed, 2 called wrongly.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process at once, whatever still drains
	root := rootCmd()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "dunlin: "+text)
	}
	var usage usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		return 2
	}
	return 1
}

func rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "dunlin",
		Short: "A metrics store for what is happening now, in every data centre",
		Long: `Dunlin stores the last days of metrics of a fleet on any number of nodes. Every node takes writes and answers
reads over the Redis protocol; each holds its points in the engine or in Redis processes beside it.

Every flag can be given in the environment: --resp.listen-address as DUNLIN_RESP_LISTEN_ADDRESS.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return bindEnv(cmd.Flags(), os.LookupEnv)
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		nodeCmd(), demoCmd(), agentCmd(), writeCmd(), readCmd(), checkCmd(), flockCmd(), ringCmd(), benchCmd(),
		verifyCmd(), backupCmd(), restoreCmd(), dropCmd(), forgetCmd(), floorCmd(), versionCmd(),
	)
	for _, cmd := range root.Commands() {
		wrapArgs(cmd)
	}
	return root
}

// wrapArgs makes wrong arguments a usage error, in cmd and what is below it.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// bindEnv gives each flag that the command line does not name its value from the environment.
func bindEnv(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		value, ok := lookup(name)
		if !ok || f.Changed {
			return
		}
		if setErr := flags.Set(f.Name, value); setErr != nil {
			err = errors.Join(err, usageError{fmt.Errorf("environment %s: %w", name, setErr)})
		}
	})
	return err
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "DUNLIN_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
}
