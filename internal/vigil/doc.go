// Package vigil keeps the Go runtime's monitor thread from falling asleep and being woken again with every write.
//
// # What it is
//
// The runtime has one monitor thread. It sleeps while all processors (the Ps of the scheduler) are idle; a system call
// that may block, as every write to a file may, wakes it, and then it looks every 20 µs until all are idle again. A
// node that answers batches of 50 µs with one write each pays a fifth of all its CPU for that (docs/adr/015). While
// such writes are noted, a Vigil holds one processor, which it has added, with a system call that the runtime takes for
// work: the monitor stays awake and, finding nothing to do, looks every 10 ms at most.
//
// # Where it sits
//
// Beside the log: wal tells it of writes. The command makes one for the process.
//
// # Invariants
//
// The processor that is held is one more than there were, so nobody has fewer. It is held for 5 ms at a time, and given
// back at once to whoever stops the world, whose signal ends the call. It is idle while there are fewer than 300 writes
// a second: being woken costs less then. How many processors there are is for the runtime to say, unless somebody has
// set GOMAXPROCS: where the CPU limit of a container changes, that is followed within 30 s.
//
// # What it does not do
//
// It is only for Linux; elsewhere Run just waits.
package vigil
