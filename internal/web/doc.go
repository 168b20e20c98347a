// Package web is what a node serves over HTTP: the live page, the JSON behind it, health and metrics.
//
// # What it is
//
// A Server with the page (built from ui/ by package build, embedded from dist/), /api/v1/flock, hosts, metrics, series
// and stream (server-sent events), /-/healthy, /-/ready and /metrics. TLS and basic auth come from an exporter-toolkit
// file.
//
// # Where it sits
//
// Above query. What it shows of the flock is handed in as a function, so it knows neither shards nor syncers.
//
// # Invariants
//
// Host and metric names are hostile text: they leave as JSON and the page makes text nodes of them. A stream begins
// with a snapshot, so a page that was cut off is right again as soon as it is connected. A slow page costs one
// snapshot's memory at most: between two ticks changes are coalesced per series. Everything is read-only.
//
// # What it does not do
//
// It takes no points and evaluates no query language.
package web
