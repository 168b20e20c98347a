package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if err := bundle("internal/web/ui", "internal/web/dist"); err != nil {
		fmt.Fprintln(os.Stderr, "build the page:", err)
		os.Exit(1)
	}
}

// bundle writes app.js, app.css and index.html to dist.
func bundle(ui, dist string) error {
	if _, err := os.Stat(filepath.Join(ui, "node_modules")); err != nil {
		return fmt.Errorf("%w\nrun this in the repository's root, after: npm ci --prefix %s", err, ui)
	}
	result := api.Build(api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{{InputPath: filepath.Join(ui, "src", "main.tsx"), OutputPath: "app"}},
		Outdir:              dist,
		Bundle:              true,
		Write:               true,
		Format:              api.FormatESModule,
		Target:              api.ES2022,
		JSX:                 api.JSXAutomatic,
		JSXImportSource:     "preact",
		MinifyWhitespace:    true,
		MinifyIdentifiers:   true,
		MinifySyntax:        true,
		LegalComments:       api.LegalCommentsEndOfFile,
		LogLevel:            api.LogLevelWarning,
	})
	if n := len(result.Errors); n > 0 {
		return fmt.Errorf("%d errors", n)
	}
	for _, name := range []string{"index.html", "favicon.svg"} {
		body, err := os.ReadFile(filepath.Join(ui, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dist, name), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
