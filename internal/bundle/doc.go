// Package bundle holds points on their way, as text: what a client sends, queues and keeps on disk.
//
// # What it is
//
// Text checks one point and makes its timestamp, series and value. A Bundle is a run of such points in one piece of
// memory. It becomes one DN.MADD or DN.MADDT, or ZADDs for a server that knows neither, or the bytes of a record on
// disk, and back.
//
// # Where it sits
//
// Between the client's Point and the servers: series below, the client above.
//
// # Invariants
//
// What is in a Bundle passed the grammar of points. Adding a point allocates nothing once the memory is there. The
// arguments of a command refer to the Bundle's memory: it must not be reset before the command was written.
//
// # What it does not do
//
// It places nothing and sends nothing.
package bundle
