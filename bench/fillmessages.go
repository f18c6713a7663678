package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

const (
	// filledOver is over which time filled messages were sent, up to now.
	filledOver = 48 * time.Hour
	// fillStep is how many messages one transaction makes.
	fillStep = 20_000
	// oddities is how many filled messages are odd, and how many others have failed at the
	// first endpoint.
	oddities = 20
)

// copies are of two messages that a gateway has delivered to ten endpoints.
type copies struct {
	common, odd int64 // their events' numbers
	n           int
	until       time.Time
}

// fill puts copies of messages into the store that they are in, with their deliveries and
// attempts, in one statement a table and step: each goes to the first endpoint, where few
// have failed, and to one of the others in turn, of which the second fails always. A
// gateway would take an hour for a million. None may use the store.
func (c copies) fill(ctx context.Context, file string) (err error) {
	s, err := store.Open(ctx, sqlite.New(file, 0), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for from := 0; from < c.n; from += fillStep {
		until := min(from+fillStep, c.n)
		if err := s.Do(ctx, func(tx *store.Tx) error { return c.copy(tx, from, until) }); err != nil {
			return fmt.Errorf("filling a store with messages: %w", err)
		}
	}
	return nil
}

// copied are its tables, and what the rows of each have of their own. The i-th message was
// sent at g.seq; t is the row that is copied.
func (c copies) copied() []copiedRows {
	every := max(c.n/oddities, 2)
	template := fmt.Sprintf("CASE WHEN g.i %% %d = 0 THEN %d ELSE %d END", every, c.odd, c.common)
	failed := fmt.Sprintf("(t.n = 1 OR t.n = 0 AND g.i %% %d = 1)", every)
	taken := "t.event = " + template + " AND (t.n = 0 OR t.n = 1 + g.i % 9)"
	or := func(bad, good string) string {
		return "CASE WHEN " + failed + " THEN " + bad + " ELSE " + good + " END"
	}
	return []copiedRows{
		{"events", "t.seq = " + template, map[string]string{"seq": "g.seq", "received": "g.seq / 1000", "place": "NULL"}, 1},
		{"payloads", "t.seq = " + template, map[string]string{"seq": "g.seq"}, 1},
		{"deliveries", taken, map[string]string{
			"event": "g.seq", "armed": "g.seq / 1000", "due": "g.seq / 1000", "last": "g.seq / 1000 + 1", "settled": "g.seq / 1000 + 20",
			"state": or("3", "t.state"), "reason": or("'exhausted'", "t.reason"),
		}, 2},
		{"attempts", taken, map[string]string{"event": "g.seq", "started": "g.seq / 1000 + 1", "status": or("500", "t.status"), "outcome": or("'5xx'", "t.outcome")}, 2},
	}
}

// copiedRows are the rows of a table: so many a message, which are chosen by a condition.
type copiedRows struct {
	table, where string
	own          map[string]string
	each         int
}

func (c copies) copy(tx *store.Tx, from, until int) error {
	step := filledOver.Microseconds() / int64(c.n)
	first := c.until.UnixMicro() - step*int64(c.n)
	for _, of := range c.copied() {
		columns, err := columnsOf(tx, of.table)
		if err != nil {
			return err
		}
		values := make([]string, len(columns))
		for i, column := range columns {
			values[i] = "t." + column
			if own, ok := of.own[column]; ok {
				values[i] = own
			}
		}
		for column := range maps.Keys(of.own) {
			if !slices.Contains(columns, column) {
				return fmt.Errorf("%s has no column %s", of.table, column)
			}
		}
		made, err := tx.Exec(fmt.Sprintf(`INSERT INTO %[1]s (%[2]s)
WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?), g AS (SELECT i, ? + i * ? AS seq FROM n)
SELECT %[3]s FROM g CROSS JOIN %[1]s t WHERE %[4]s`, of.table, strings.Join(columns, ", "), strings.Join(values, ", "), of.where), from, until-1, first, step)
		if err != nil {
			return err
		}
		if want := int64(of.each * (until - from)); made != want {
			return fmt.Errorf("%d rows put into %s instead of %d", made, of.table, want)
		}
	}
	return nil
}

func columnsOf(tx *store.Tx, table string) (columns []string, err error) {
	err = tx.Query("SELECT name FROM pragma_table_info(?)", []any{table}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		columns = append(columns, name)
		return err
	})
	return columns, err
}
