package cli

import (
	"context"
	"fmt"
	"strings"
)

// demoRow is something that is done and takes a while, and what is promised for it.
type demoRow struct {
	does string // in words
	run  func(context.Context) (happened string, err error)
	want string
	rule string // the promise, in words
}

// rows does one after the other, prints each when it is done, and returns how many
// differ from the promise, with the reasons below.
func (d *demo) rows(ctx context.Context, rows []demoRow) (differing int, err error) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row.does))
	}
	var reasons strings.Builder
	for _, row := range rows {
		happened, err := row.run(ctx)
		if err != nil {
			return differing, fmt.Errorf("%s: %w", row.does, err)
		}
		mark := "✓"
		if happened != row.want {
			mark = "✗"
			differing++
			reasons.WriteString(differs(row.does, row.want, happened, row.rule))
		}
		if err := d.print("%s   %-*s   %s\n", mark, width, row.does, happened); err != nil {
			return differing, err
		}
	}
	return differing, d.print("%s", reasons.String())
}
