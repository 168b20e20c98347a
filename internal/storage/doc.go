// Package storage is a node's directory: the log, the period files, and how they become points in memory again.
//
// # What it is
//
// A Dir owns the directory of one node while it runs. It has the log that shards append to (package wal), writes
// checkpoints (checkpoint.go): what the stores hold, in files by period and shard, after which the older log is kept
// for peers only; loads all of it at the start (load.go); and removes the files of dropped periods. Verify (verify.go)
// reads a directory and says what is wrong with it. Backup (backup.go) links files into a directory of their own.
//
//	lock  floor  checkpoint
//	log/00000017-<run>.log
//	periods/2026-11-22/3-00000002-<run>.chunks   full chunks of shard 3, only ever appended to by the run that made it
//	periods/2026-11-22/3-00000003-<run>.open     open chunks of shard 3 as of a checkpoint
//
// All files are frames (package frame). docs/format says the bytes; docs/adr/011-log-checkpoint-period-files.md why.
//
// # Where it sits
//
// Above engine, shard, wal and replog; under node, which opens it and tells it when to end.
//
// # Invariants
//
// Everything on disk is a part of a set of points: reading a file twice, in another order, or one that is out of date
// adds nothing wrong. No file is needed to start. Nothing is removed before what replaces it is fsynced; a file that
// was damaged is kept as *.bad. The floor is durable before files of a dropped period go.
//
// # What it does not do
//
// It admits no points and answers no commands; it does not know peers.
package storage
