package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// Database is an engine that can hold a store. Its methods are called as the
// comments say; none but those of Source, without Close, and Space, Now and Standing
// is safe for concurrent use.
type Database interface {
	Source
	// Open connects and makes the database ready, but not the schema. After Close it
	// may be called again. An error that wraps [ErrUnavailable] or [ErrFailed] passes
	// by itself; others are for a person to mend.
	Open(ctx context.Context) error
	// Migrations are the tables that this database needs beside the common ones.
	Migrations() []Migration
	// Lock keeps other processes from migrating until unlock is called.
	Lock(ctx context.Context) (unlock func() error, err error)
	// Writer is the one connection that writes. The committer alone uses it.
	Writer() *sql.Conn
	// Keys remembers which event holds a place.
	Keys() Keys
	// Numbers returns n new sequence numbers, the least first. They grow, and never
	// come back, not even after a restart or from an older copy of the database. They
	// are near the microseconds since 1970.
	Numbers(ctx context.Context, tx *Tx, n int) ([]int64, error)
	// Load reads what the database keeps in memory, once the tables are there, and
	// takes its place among those that share it.
	Load(ctx context.Context) error
	// Now is the database's clock.
	Now() time.Time
	// Standing is that of this process.
	Standing() Standing
	// Space tells how much room there is.
	Space(ctx context.Context) (Space, error)
	// Warnings says why it may not keep what is acknowledged, in sentences for people.
	Warnings() []string
	// Yield makes room when the disk is full, for what makes more room: it gives up
	// what was set aside for that. It is called between transactions.
	Yield(ctx context.Context) error
	// Tidy is called between transactions, on the committer's goroutine; erased says
	// that nothing of what the last one deleted shall be left on the disk.
	Tidy(ctx context.Context, erased bool) error
	// Leave ends the standing: what is claimed is there for all at once.
	Leave(ctx context.Context) error
	// Protect makes a checked copy before a migration and returns where it is; an
	// empty path if that is for others to do.
	Protect(ctx context.Context, version int) (string, error)
}

// Standing is how a process stands among those that share its database. Each has a
// lease, which it renews; what it has claimed is claimed as long as the lease runs.
type Standing struct {
	// Shared says that other processes may use the database, too; if not, nothing below
	// matters.
	Shared bool
	// Owner is the number that its claims bear; 0 before it has one.
	Owner int64
	// Term counts the leases: what was claimed in an earlier one may be another's now.
	Term int64
	// Held says that the lease runs: for as long as a few seconds after it was last
	// looked at, nobody takes over what is claimed.
	Held bool
	// Leads says that this process does what is done once for all of them: jobs and
	// retention.
	Leads bool
	// Others is how many others share the database now, and Changes counts when they
	// became other ones: what one has claimed that is gone is there for all.
	Others, Changes int
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
	// Integer is the type of 64 bits, Blob that of bytes, and Ordered that of texts which
	// are in the order of their bytes.
	Integer, Blob, Ordered string
	// Clustered ends the definition of a table whose rows lie in the order of
	// their key.
	Clustered string
	// Begin begins a transaction that writes.
	Begin string
	// Numbered says that parameters are $1, $2, …
	Numbered bool
	// Text makes a text that the database takes of any; nil if it takes any.
	Text func(string) string
	// In is what follows an expression that has to be among the numbers of one
	// parameter, which List makes of them.
	In   string
	List func([]int64) any
	// Lock ends a query whose rows nobody else may change before the transaction ends.
	// It is empty where transactions run one at a time.
	Lock string
	// Claim claims pending deliveries, and returns all columns of each; empty where
	// there is nobody to be kept from them. Its parameters are the owner's number, the
	// destination, from and until when they are due, the owner's number, the events to leave
	// out, as List makes them, and how many.
	Claim string
	// Prepare says that the driver keeps no queries: those that are run often are worth
	// preparing.
	Prepare bool
	// Timeout is how long a transaction may take, and Patience how long a query beside
	// it; 0 for any time.
	Timeout, Patience time.Duration
	// Reopen is how long a failed store is left alone at most before it is tried again.
	Reopen time.Duration
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
	return strings.NewReplacer("{int}", d.Integer, "{blob}", d.Blob, "{text}", d.Ordered, "{clustered}", d.Clustered).Replace(ddl)
}

// wait is the context of what may take so long.
func wait(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if most <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, most)
}

// in writes that an expression is among the numbers of a list parameter.
func (d Dialect) in(expression string) string { return expression + " " + d.In }

// texts makes all texts among the arguments such that the database takes them.
func (d Dialect) texts(args []any) {
	if d.Text == nil {
		return
	}
	for i := range args {
		if text, ok := args[i].(string); ok {
			args[i] = d.Text(text)
		}
	}
}
