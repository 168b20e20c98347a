// Command measure runs whole flocks and servers on this machine and writes what they cost into docs/benchmarks.md.
//
// Each subcommand owns one section of that file, between two markers, and replaces that section only. What it starts
// it ends, by process id; network namespaces go with it. script/bench.sh calls it.
package main
