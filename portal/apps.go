package portal

import (
	"github.com/hookgate/hookgate/sender"
)

// listApps shows all applications, for who may see more than one.
func listApps(v *visit) (response, error) {
	list, err := v.Sender.Applications(v.ctx, v.paging())
	if err != nil {
		return nil, err
	}
	return v.show("apps", "Applications", listing(v, list))
}

// perPage is how many rows a list shows.
const perPage = 50

// paging is which page of a list the query asks for.
func (v *visit) paging() sender.Page { return v.pagingBy("at") }

// pagingBy is paging of one of several lists of a page, by its parameter of the query.
func (v *visit) pagingBy(name string) sender.Page {
	return sender.Page{Limit: perPage, Iterator: v.query(name)}
}

// list is a page of a list, and where the pages beside it are.
type list[T any] struct {
	Rows []T
	// Newer and Older are queries; empty if there is no such page.
	Newer, Older string
}

// listing is a page of a list with the links to those beside it, which keep what else the
// query says.
func listing[T any](v *visit, l sender.List[T]) *list[T] { return listingBy(v, "at", l) }

// listingBy is listing of what [visit.pagingBy] has asked for.
func listingBy[T any](v *visit, name string, l sender.List[T]) *list[T] {
	out := &list[T]{Rows: l.Data}
	at := v.query(name)
	backward := len(at) > 0 && at[0] == '-'
	to := func(iterator string) string {
		q := v.r.URL.Query()
		q.Set(name, iterator)
		q.Del("done")
		return "?" + q.Encode()
	}
	if at != "" && (!backward || !l.Done) && l.PrevIterator != "" {
		out.Newer = to(l.PrevIterator)
	}
	if (backward || !l.Done) && l.Iterator != "" {
		out.Older = to(l.Iterator)
	}
	return out
}
