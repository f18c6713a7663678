package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// Database is an engine that can hold a store. Its methods are called as the
// comments say; none but those of Source, without Close, and Space is safe for
// concurrent use.
type Database interface {
	Source
	// Open connects and makes the database ready, but not the schema. After Close it
	// may be called again.
	Open(ctx context.Context) error
	// Writer is the one connection that writes. The committer alone uses it.
	Writer() *sql.Conn
	// Keys remembers which event holds a place.
	Keys() Keys
	// Number returns the first of n new sequence numbers. They grow, and never
	// come back, not even after a restart or from an older copy of the database.
	Number(ctx context.Context, tx *Tx, n int, now time.Time) (int64, error)
	// Load reads what the database keeps in memory, once the tables are there.
	Load(ctx context.Context) error
	// Space tells how much room there is.
	Space(ctx context.Context) (Space, error)
	// Yield makes room when the disk is full, for what makes more room: it gives up
	// what was set aside for that. It is called between transactions.
	Yield(ctx context.Context) error
	// Tidy is called between transactions, on the committer's goroutine; erased says
	// that nothing of what the last one deleted shall be left on the disk.
	Tidy(ctx context.Context, erased bool) error
	// Protect makes a checked copy before a migration and returns where it is.
	Protect(ctx context.Context, version int) (string, error)
}

// Keys finds the event that holds a place. It is used by the committer only,
// within its transaction.
type Keys interface {
	// Holders returns the events that hold the places.
	Holders(ctx context.Context, tx *Tx, places []Digest) (map[Digest]int64, error)
	// Changed tells that a transaction which took and gave up places is committed.
	Changed(taken map[Digest]int64, given []Digest)
	// Full reports whether no more can be taken.
	Full() bool
	// Len is how many places are taken; -1 if nobody counts.
	Len() int
}

// Space is how much room a database has, in bytes.
type Space struct {
	// Used is what is stored; Free is what can still be written, on the disk and
	// within the file. Free is -1 if nobody knows.
	Used, Free int64
}

// Dialect is how the SQL of a database differs from what this package writes,
// which is the common part, with ? for parameters.
type Dialect struct {
	// Integer is the type of 64 bits, Blob that of bytes.
	Integer, Blob string
	// Clustered ends the definition of a table whose rows lie in the order of
	// their key.
	Clustered string
	// Begin begins a transaction that writes.
	Begin string
	// Numbered says that parameters are $1, $2, …
	Numbered bool
}

// rebind writes a query in the dialect.
func (d Dialect) rebind(query string) string {
	if !d.Numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// schema writes a definition in the dialect.
func (d Dialect) schema(ddl string) string {
	return strings.NewReplacer("{int}", d.Integer, "{blob}", d.Blob, "{clustered}", d.Clustered).Replace(ddl)
}
