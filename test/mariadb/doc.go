// Command mariadb measures what the flock of 2012 would cost a MariaDB: the server that was too slow then.
//
// It is a module of its own, so that the driver is no dependency of the product. script/mariadb.sh starts a server for
// it, in a directory of its own, and puts what it prints into docs/benchmarks.md.
package main
