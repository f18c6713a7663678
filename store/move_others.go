package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// other moves a table that another package keeps, row by row. Nothing is known of it but
// that it holds integers, texts and bytes.
func (m *mover) other(ctx context.Context, table string) error {
	columns, err := m.from.columns(ctx, table)
	if err != nil {
		return err
	}
	row, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	_, err = m.to.Copy(ctx, table, columns, func(yield func([]any, error) bool) {
		err := m.from.Query(ctx, `SELECT "`+strings.Join(columns, `", "`)+`" FROM `+table, nil, func(scan func(...any) error) error {
			if err := scan(into...); err != nil {
				return err
			}
			for i, value := range row {
				if text, ok := value.(string); ok {
					row[i] = m.clean(text)
				}
			}
			if !yield(row, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil {
			yield(nil, err)
		}
	})
	if err != nil {
		return fmt.Errorf("copying %s: %w", table, err)
	}
	return nil
}

// columns returns the names of a table's columns.
func (r *Reader) columns(ctx context.Context, table string) ([]string, error) {
	if err := r.trouble(); err != nil {
		return nil, err
	}
	db := r.source.Readers()
	if db == nil {
		return nil, ErrClosed
	}
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0") //nolint:gosec // a name of a migration
	if err != nil {
		return nil, r.source.Classify(fmt.Errorf("reading the columns of %s: %w", table, err))
	}
	columns, err := rows.Columns()
	return columns, errors.Join(err, rows.Close(), rows.Err())
}
