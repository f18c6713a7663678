// Package sqlite holds a store in one SQLite file, of which this process is the
// only writer: the keys are in memory, an advisory lock keeps other processes out.
//
// The journal is a write-ahead log with synchronous=FULL: a commit is an fsync of
// the log. Weaker settings have lost acknowledged events on power cuts, so they are
// read back and anything else is refused. The log is written back to the file by a
// connection of its own, beside the commits.
package sqlite
