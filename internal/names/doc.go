// Package names gives every host:metric of a store a small number, and the number back to the next when it is free.
//
// # What it is
//
// A Table is a hash table of names to ids, what is known of each id, and pages with the text of the names. An id is an
// index: its owner keeps arrays by it. A name that is written after another is found by a guess, without the hash.
//
//	name ── slots: hash and id+1 ──► infos[id] ── at ──► text: page of names
//	                                    next: the id that was written after this one
//
// # Where it sits
//
// Under engine, which holds an id once for each period it is in. Its memory is counted and freed by slab.
//
// # Invariants
//
// One owner: nothing here locks. A name has one id and an id one name, while somebody holds it. Ids are dense: a new
// one is only given when none is free. An id that was free and is given again is of the next generation. Bytes of a
// name are good until the next call that changes something. Nothing that grows with the names holds pointers or lies
// in the Go heap, tables of pages aside.
//
// # What it does not do
//
// It does not read names, and it does not refuse one: limits are asked before.
package names
