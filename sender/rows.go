package sender

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
)

// rows runs a query and calls row for each row: in a transaction, or beside it.
type rows func(query string, args []any, row func(scan func(...any) error) error) error

// reading is for queries beside the transactions.
func (s *Sender) reading(ctx context.Context) rows {
	return func(query string, args []any, row func(scan func(...any) error) error) error {
		return s.Store.Query(ctx, query, args, row)
	}
}

// often is reading of what every request asks for: see [store.Reader.QueryOften].
func (s *Sender) often(ctx context.Context) rows {
	return func(query string, args []any, row func(scan func(...any) error) error) error {
		return s.Store.QueryOften(ctx, query, args, row)
	}
}

// one runs a query of at most one row, and reports whether there was one.
func (q rows) one(query string, args []any, into ...any) (found bool, err error) {
	err = q(query, args, func(scan func(...any) error) error {
		found = true
		return scan(into...)
	})
	return found && err == nil, err
}

// millis is how times are stored; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the inverse of millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// joined is how lists of names are stored: none has a comma.
func joined(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "," + strings.Join(names, ",") + ","
}

// split is the inverse of joined.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.Trim(text, ","), ",")
}

// object is how maps of texts are stored.
func object(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	text, _ := json.Marshal(m) // texts always can be
	return string(text)
}

// readObject is the inverse of object.
func readObject(text string) (map[string]string, error) {
	m := map[string]string{}
	return m, json.Unmarshal([]byte(text), &m)
}

// number is how truth is stored.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// now is when a transaction runs, as it is stored.
func now(tx *store.Tx) time.Time { return moment(millis(tx.Now)) }
