package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
)

// Importer is a [Database] that a whole store can be copied into. Both methods are
// called while it is not open.
type Importer interface {
	Database
	// Vacant reports whether a store with some tables can be moved there, and changes
	// nothing: the database can hold a store, and neither does anybody use it nor is
	// anything stored there. If something is the error is an [OccupiedError].
	Vacant(ctx context.Context, tables []string) error
	// Import runs fill in one transaction, and commits it if fill returns no error. If
	// Import returns one nothing has changed, unless it is [ErrCommit]. Nobody else can
	// use the database meanwhile; what Vacant would refuse is refused. The tables have to
	// be there. Numbers that are given out afterwards are greater than those of all
	// events.
	Import(ctx context.Context, tables []string, fill func(Intake) error) error
}

// Intake is the transaction of an import.
type Intake interface {
	// Copy adds rows to a table in bulk, and returns how many. A row is used before the
	// next is asked for, and not kept.
	Copy(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error)
	// Query runs a query of the common SQL and calls row for each row.
	Query(ctx context.Context, query string, row func(scan func(...any) error) error) error
}

// ErrCommit says that the database did not answer to a commit.
var ErrCommit = errors.New("store: it is open whether the commit was made")

// OccupiedError says that a store cannot be moved to a database that has one.
type OccupiedError struct {
	// Table is the first that is not empty, and Rows is how many rows it has.
	Table string
	Rows  int64
}

// Error says so.
func (e *OccupiedError) Error() string {
	return fmt.Sprintf("store: there are %d %s already", e.Rows, e.Table)
}

// Moved is how far a move is.
type Moved struct {
	// Events is how many events are copied with all that belongs to them, and Bytes the
	// length of their payloads.
	Events, Bytes int64
	// Damaged is how many payloads are not what was stored: they are copied as they are,
	// with the checksum that says so.
	Damaged int64
	// Replaced is how many texts hold something that the new database does not take,
	// which is replaced by U+FFFD there.
	Replaced int64
}

// Inventory counts what there is to be moved to another database. A store that has
// tables, or columns, of which the reader does not know is refused, even if this
// release can work with it.
func (r *Reader) Inventory(ctx context.Context) (*Inventory, error) {
	at, err := r.versions(ctx)
	if err != nil {
		return nil, err
	}
	latest := make(map[string]int)
	for _, m := range slices.Concat(migrations, r.migrations) {
		latest[m.Component] = m.Version
	}
	for name, v := range at {
		if v.version != latest[name] {
			return nil, fmt.Errorf("%w: it has tables of %s at version %d, which this release cannot move; use the release that made them", ErrNewer, name, v.version)
		}
	}
	return takeInventory(ctx, r.others(at), r.ask)
}

// others are the tables of packages that have their own.
func (r *Reader) others(at map[string]version) (tables []string) {
	for _, m := range r.migrations {
		if at[m.Component].version >= m.Version {
			tables = append(tables, m.Tables...)
		}
	}
	return tables
}

// Tables are those that are moved from a store: the ones that [Importer] is asked for.
func (r *Reader) Tables() []string {
	tables := []string{"events", "payloads", "deliveries", "attempts", "pauses", "jobs"}
	for _, m := range r.migrations {
		tables = append(tables, m.Tables...)
	}
	return tables
}

func (r *Reader) ask(ctx context.Context, query string, row func(scan func(...any) error) error) error {
	return r.Query(ctx, query, nil, row)
}

func verbatim(text string) string { return text }

// Move copies all of a store that nobody writes to an empty database: with everything or
// not at all. Nothing is claimed there. What has arrived is counted and compared with the
// inventory that was taken before. The first is not changed, so that it must not be
// delivered from any more. Progress is told now and then, and must not block; nil if
// nobody wants to know.
func (r *Reader) Move(ctx context.Context, to Importer, all *Inventory, progress func(Moved)) (Moved, error) {
	if progress == nil {
		progress = func(Moved) {}
	}
	if err := to.Vacant(ctx, r.Tables()); err != nil {
		return Moved{}, err
	}
	if err := makeTables(ctx, to, r.migrations); err != nil {
		return Moved{}, err
	}
	m := &mover{from: r, text: to.Dialect().Text, progress: progress}
	if m.text == nil {
		m.text = verbatim
	}
	err := to.Import(ctx, r.Tables(), func(in Intake) error {
		m.to, m.Moved, m.last = in, Moved{}, 0 // numbers begin at 1
		if err := m.all(ctx); err != nil {
			return err
		}
		for _, table := range slices.Sorted(maps.Keys(all.Others)) {
			if err := m.other(ctx, table); err != nil {
				return err
			}
		}
		return m.verify(ctx, all)
	})
	if err != nil {
		return Moved{}, err
	}
	return m.Moved, nil
}

// makeTables makes the tables, as any gateway would.
func makeTables(ctx context.Context, to Database, more []Migration) error {
	s, err := Open(ctx, to, Options{Migrations: more})
	if err != nil {
		return err
	}
	return errors.Join(s.Trouble(), s.Close())
}

// What is moved in one go, at most: so often progress is told.
const (
	moveEvents = 2000
	moveBytes  = 8 << 20
)

// mover is a move under way.
type mover struct {
	Moved
	from     *Reader
	to       Intake
	text     func(string) string
	progress func(Moved)
	last     int64 // event
}

// all moves events with all that belongs to them, some at a time, and then the rest.
func (m *mover) all(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = m.some(ctx); err != nil {
			return err
		}
		m.progress(m.Moved)
	}
	for _, t := range []*movedTable{&movedPauses, &movedJobs} {
		if err := m.copy(ctx, t, "", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// some moves the next events, and reports whether there may be more.
func (m *mover) some(ctx context.Context) (more bool, err error) {
	after, events, size := m.last, int64(0), int64(0)
	err = m.copy(ctx, &movedEvents, "seq > ?", []any{after}, func(row []any) bool {
		m.last = row[0].(int64) //nolint:forcetypeassert // as it was scanned
		size += row[8].(int64)  //nolint:forcetypeassert // as it was scanned
		events++
		more = events == moveEvents || size >= moveBytes
		return !more
	})
	if err != nil {
		return false, err
	}
	upTo := m.last
	if !more { // whatever is left
		upTo = math.MaxInt64
	}
	err = m.copy(ctx, &movedPayloads, "seq > ? AND seq <= ?", []any{after, upTo}, m.payload)
	for _, t := range []*movedTable{&movedDeliveries, &movedAttempts} {
		if err == nil {
			err = m.copy(ctx, t, "event > ? AND event <= ?", []any{after, upTo}, nil)
		}
	}
	m.Events += events
	return more, err
}

// payload looks at a payload.
func (m *mover) payload(row []any) bool {
	sum, head, body := row[1].(int64), row[2].([]byte), row[3].([]byte) //nolint:forcetypeassert // as they were scanned
	if sum != checksum(head, body) {
		m.Damaged++
	}
	m.Bytes += int64(len(head) + len(body))
	return true
}

// copy copies rows of a table in the order of its key, until seen returns false for one.
func (m *mover) copy(ctx context.Context, t *movedTable, where string, args []any, seen func(row []any) bool) error {
	if where != "" {
		where = " WHERE " + where
	}
	query := "SELECT " + strings.Join(t.expressions(), ", ") + " FROM " + t.name + where + " ORDER BY " + t.key
	read := int64(0)
	copied, err := m.to.Copy(ctx, t.name, t.names(), func(yield func([]any, error) bool) {
		into, row := t.row(m.clean)
		err := m.from.Query(ctx, query, args, func(scan func(...any) error) error {
			if err := scan(into...); err != nil {
				return err
			}
			read++
			values := row()
			if goOn := seen == nil || seen(values); !yield(values, nil) || !goOn {
				return errEnough
			}
			return nil
		})
		if err != nil {
			yield(nil, err)
		}
	})
	if err == nil && copied != read {
		err = fmt.Errorf("%d rows were read, and %d written", read, copied)
	}
	if err != nil {
		return fmt.Errorf("copying %s up to event %d: %w", t.name, m.last, err)
	}
	return nil
}

// clean makes a text that the new database takes.
func (m *mover) clean(text string) string {
	taken := m.text(text)
	if taken != text {
		m.Replaced++
	}
	return taken
}

// verify counts what has arrived.
func (m *mover) verify(ctx context.Context, all *Inventory) error {
	there, err := takeInventory(ctx, slices.Collect(maps.Keys(all.Others)), m.to.Query)
	if err != nil {
		return err
	}
	if list := all.as(m.text).differences(there); len(list) > 0 {
		return fmt.Errorf("what was copied is not what was read, so nothing is kept of it: %s", strings.Join(list, "; "))
	}
	return nil
}
