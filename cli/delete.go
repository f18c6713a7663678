package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// delete deletes something, once a person on a terminal has agreed, or has said so
// before.
func (c *caller) delete(cmd *cobra.Command, what call, yes bool, question, done string) error {
	if !yes {
		agreed, err := c.host.confirm(cmd, question)
		if err != nil {
			return err
		}
		if !agreed {
			return errors.New("nothing was changed; say that you want it with --yes")
		}
	}
	answer, err := c.do(cmd.Context(), what, nil)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, done)
		return err
	})
}

// metadata are fields of what is kept with something, in the order of their names.
func metadata(m map[string]string) (fields [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fields = append(fields, [2]string{"metadata", name + "=" + m[name]})
	}
	return fields
}
