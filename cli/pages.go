package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

// paging is how much of a list is read.
type paging struct {
	limit    int
	all      bool
	iterator string
}

func (p *paging) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&p.limit, "limit", 50, "How many at most")
	flags.BoolVar(&p.all, "all", false, "All there are")
	flags.StringVar(&p.iterator, "iterator", "", "Go on where an earlier list ended")
}

// check reports flags that do not go together.
func (p *paging) check(cmd *cobra.Command) error {
	switch {
	case p.all && cmd.Flags().Changed("limit"):
		return errors.New("--all and --limit do not go together")
	case p.limit < 1:
		return errors.New("--limit: at least 1")
	}
	return nil
}

// apiPage is a page of a list, or several in one.
type apiPage struct {
	Data     []json.RawMessage `json:"data"`
	Iterator *string           `json:"iterator"`
	Done     bool              `json:"done"`
}

// mostPerPage is the API's bound.
const mostPerPage = 250

// list reads as many pages as it takes. One that has looked for long enough may have
// nothing, and yet not be the last.
func (c *caller) list(ctx context.Context, what call, p paging) (apiPage, error) {
	all := apiPage{Data: []json.RawMessage{}}
	query := what.query
	for {
		q := map[string][]string{"limit": {strconv.Itoa(mostPerPage)}}
		if !p.all {
			q["limit"] = []string{strconv.Itoa(min(p.limit-len(all.Data), mostPerPage))}
		}
		for name, values := range query {
			q[name] = values
		}
		if p.iterator != "" {
			q["iterator"] = []string{p.iterator}
		}
		what.query = q
		var page apiPage
		if _, err := c.do(ctx, what, &page); err != nil {
			return all, err
		}
		all.Data, all.Done = append(all.Data, page.Data...), page.Done
		if page.Iterator != nil {
			all.Iterator = page.Iterator
		}
		switch {
		case page.Done || !p.all && len(all.Data) >= p.limit:
			return all, nil
		case page.Iterator == nil || *page.Iterator == p.iterator:
			return all, fmt.Errorf("%s lists pages that do not end", c.base)
		}
		p.iterator = *page.Iterator
	}
}

// printPage writes a list as JSON if that is asked for, else as a table, and says how to
// see what it does not have.
func printPage[T any](cmd *cobra.Command, c *caller, page apiPage, none string, head []string, row func(*T) []string) error {
	document, err := json.Marshal(page)
	if err != nil {
		return err
	}
	return c.print(cmd, document, func(w io.Writer) error {
		if len(page.Data) == 0 {
			_, err := fmt.Fprintln(w, none)
			return err
		}
		rows := [][]string{head}
		items, err := decodeAll[T](page.Data)
		if err != nil {
			return err
		}
		for i := range items {
			rows = append(rows, row(&items[i]))
		}
		if err := writeTable(w, rows); err != nil || page.Done || page.Iterator == nil {
			return err
		}
		_, err = fmt.Fprintf(w, "There are more: add --iterator %s, or --all.\n", safe(*page.Iterator))
		return err
	})
}

func decodeAll[T any](raw []json.RawMessage) ([]T, error) {
	items := make([]T, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &items[i]); err != nil {
			return nil, fmt.Errorf("reading item %d of the list: %w", i+1, err)
		}
	}
	return items, nil
}
