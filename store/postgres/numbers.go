package postgres

import (
	"context"

	"github.com/hookgate/hookgate/store"
)

const numbersQuery = `SELECT nextval('event_numbers') FROM generate_series(1, ?)`

// Numbers come from a sequence, which follows the clock.
func (d *Database) Numbers(_ context.Context, tx *store.Tx, n int) ([]int64, error) {
	numbers := make([]int64, 0, n)
	err := tx.Query(numbersQuery, []any{n}, func(scan func(...any) error) error {
		var number int64
		err := scan(&number)
		numbers = append(numbers, number)
		return err
	})
	return numbers, err
}
