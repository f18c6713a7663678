package sender

import (
	"slices"
	"strings"
)

// Page says which part of a list is returned.
type Page struct {
	// Iterator is the id, or the name, behind which the page begins: one that a page
	// before has returned. With "-" before it the page ends in front of it. Empty for the
	// first page.
	Iterator string
	// Limit is how many are returned at most, from 1 to 250. Default: 50.
	Limit int
	// Ascending lists the oldest first.
	Ascending bool
}

// List is a page of a list.
type List[T any] struct {
	Data []T
	// Iterator is where the next page begins, and PrevIterator where the page before ends;
	// empty if Data is.
	Iterator, PrevIterator string
	// Done says that there is no more in the direction that was asked for.
	Done bool
}

const (
	defaultPage = 50
	maxPage     = 250
)

// cursor is a [Page] that has been read.
type cursor struct {
	at        string // what the page begins behind, or ends in front of; "" for the first
	backward  bool   // it ends in front of it
	limit     int
	ascending bool
}

// read checks a page. valid says which iterators there are.
func (p Page) read(valid func(string) bool) (c cursor, err error) {
	c = cursor{limit: p.Limit, ascending: p.Ascending}
	c.at, c.backward = strings.CutPrefix(p.Iterator, "-")
	switch {
	case p.Limit == 0:
		c.limit = defaultPage
	case p.Limit < 1 || p.Limit > maxPage:
		return cursor{}, invalidQuery("limit", "limit has to be from 1 to %d", maxPage)
	}
	if p.Iterator != "" && !valid(c.at) {
		return cursor{}, invalidQuery("iterator", "the iterator is none that a page has returned")
	}
	return c, nil
}

// sql is what bounds and orders a query by a column, and limits it to one more than
// the page has, by which is told whether there are more.
func (c cursor) sql(column string) (condition, order string, args []any) {
	comparison, direction := " < ?", " DESC"
	if c.ascending != c.backward {
		comparison, direction = " > ?", ""
	}
	if c.at != "" {
		condition, args = " AND "+column+comparison, []any{c.at}
	}
	return condition, " ORDER BY " + column + direction + " LIMIT ?", append(args, c.limit+1)
}

// listOf makes a page of what such a query has returned.
func listOf[T any](c cursor, data []T, id func(*T) string) List[T] {
	l := List[T]{Data: data, Done: len(data) <= c.limit}
	if !l.Done {
		l.Data = data[:c.limit]
	}
	if c.backward {
		slices.Reverse(l.Data)
	}
	if n := len(l.Data); n > 0 {
		l.Iterator, l.PrevIterator = id(&l.Data[n-1]), "-"+id(&l.Data[0])
	}
	return l
}
