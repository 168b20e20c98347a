// Command build bundles the page: internal/web/ui becomes internal/web/dist, which package web embeds.
//
// # What it is
//
// esbuild as a library: one script, one style sheet, one HTML file. Run it from the repository's root after
// npm ci --prefix internal/web/ui.
//
// # Where it sits
//
// Beside the front end. No other package imports it, no binary of ours contains it.
//
// # Invariants
//
// The output is a function of ui/ and its lock file. No inline script or style: the page's policy forbids both.
//
// # What it does not do
//
// It installs nothing and checks no types (npm run check in ui/ does).
package main
