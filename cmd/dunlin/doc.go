// Command dunlin is the one binary: node, agent, demo and the tools. Flags, environment, exit codes and wiring live
// here and nowhere else.
package main
