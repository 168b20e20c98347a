package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/frame"
)

func versionCmd() *cobra.Command {
	formats := false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "dunlin %s %s %s/%s\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if err == nil && formats {
				for _, f := range frame.Formats() {
					if _, err = fmt.Fprintf(cmd.OutOrStdout(), "%-12s writes %d, reads %d to %d\n", f.Name, f.Version, f.Oldest,
						f.Version); err != nil {
						break
					}
				}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&formats, "formats", false, "also print the versions of the files it writes and reads")
	return cmd
}

// version is what the build knows about itself: the module's version or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "0.1.0-dev+" + s.Value[:12]
		}
	}
	return "0.1.0-dev"
}
