package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// fillWithin is how long a fill may take.
const fillWithin = 10 * time.Minute

// copied are the tables of an event, the column by which its rows belong to it, and
// those that every event has of its own.
var copied = []struct {
	table, key string
	own        map[string]string
}{
	{"events", "seq", map[string]string{"seq": "g.seq", "id": "'msg_fill_' || g.seq", "place": "substr(sha256(int8send(g.seq) || t.place), 1, length(t.place))"}},
	{"payloads", "seq", map[string]string{"seq": "g.seq"}},
	{"deliveries", "event", map[string]string{"event": "g.seq", "owner": "0"}},
}

// fill puts n copies of the event that waits in a database into it, each under an id
// and a key of its own, and tidies up as a server does by itself in time. The rows are
// made on the server, in one statement a table: a gateway would take minutes for a
// million. No gateway may use the database.
func (c *cluster) fill(ctx context.Context, dsn string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	return c.use(ctx, dsn, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		if err := copyEvents(ctx, tx, n); err != nil {
			return errors.Join(fmt.Errorf("filling PostgreSQL: %w", err), tx.Rollback(ctx))
		}
		if err := tx.Commit(ctx); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
			return err
		}
		_, _ = conn.Exec(ctx, "CHECKPOINT") // not everybody may; then one falls into the measurement
		return nil
	})
}

func copyEvents(ctx context.Context, tx pgx.Tx, n int) error {
	var template int64
	if err := tx.QueryRow(ctx, `SELECT MIN(event) FROM deliveries WHERE state = 1 HAVING COUNT(*) > 0`).Scan(&template); err != nil {
		return fmt.Errorf("no event waits there: %w", err)
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TEMPORARY TABLE g ON COMMIT DROP AS SELECT nextval('event_numbers') AS seq FROM generate_series(1, %d)`, n)); err != nil {
		return err
	}
	for _, of := range copied {
		rows, err := tx.Query(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, of.table)
		if err != nil {
			return err
		}
		columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
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
		made, err := tx.Exec(ctx, fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM g, %[1]s t WHERE t.%[4]s = $1 ORDER BY g.seq`,
			of.table, strings.Join(columns, ", "), strings.Join(values, ", "), of.key), template)
		if err != nil {
			return err
		}
		if made.RowsAffected() != int64(n) {
			return fmt.Errorf("%d rows put into %s instead of %d", made.RowsAffected(), of.table, n)
		}
	}
	return nil
}
