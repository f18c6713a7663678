// Package store keeps events safe: it commits them with their keys and deliveries
// in one transaction, remembers what became of them, and forgets them when it may.
//
// An event is written once. Its delivery, one for each destination, is a narrow
// row that changes; its attempts are only added to:
//
//	events ── 1:1 ── payloads        what arrived
//	   └───── 1:n ── deliveries      where it has to go, and how far that is
//	                     └── 1:n ── attempts
//
// Everything that is written goes through one goroutine, the committer, which puts
// what waits into one transaction: many callers, one fsync. Nobody is told that
// anything is stored before that fsync has returned.
//
// What differs between databases is behind [Database]: package sqlite has one that a
// process has for itself, package postgres one that several share. There a delivery
// bears the number of who has claimed it, which is what [Standing] is about.
// Times are stored as milliseconds since 1970, UTC.
package store
