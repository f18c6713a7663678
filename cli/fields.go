package cli

import (
	"fmt"
	"io"
	"strings"
)

// writeFields writes what has a value, a line each.
func writeFields(w io.Writer, fields [][2]string) error {
	width := 0
	for _, field := range fields {
		width = max(width, len(field[0]))
	}
	var b strings.Builder
	for _, field := range fields {
		if field[1] != "" {
			fmt.Fprintf(&b, "%-*s  %s\n", width, field[0], safe(field[1]))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
