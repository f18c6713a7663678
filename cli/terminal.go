package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// What senders and apps say is printed with everything escaped that a terminal
// might obey: an id could otherwise move the cursor, or hide what follows.

// safe returns text in one line without control characters, and without others that
// do not print.
func safe(text string) string { return escape(text, "") }

// safeLines is safe, but leaves line ends and tabs.
func safeLines(text string) string { return escape(text, "\n\t") }

func escape(text, leave string) string {
	plain := func(r rune, size int) bool {
		if r == utf8.RuneError && size == 1 {
			return false
		}
		return unicode.IsPrint(r) || strings.ContainsRune(leave, r)
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case plain(r, size):
			b.WriteString(text[i : i+size])
		case size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// safeJSON writes what does not print in a JSON text as JSON does: such characters
// stand within strings only. The result means the same.
func safeJSON(text []byte) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError:
			b.WriteRune(r) // also for bytes that are no UTF-8
		case unicode.IsPrint(r) || r == '\n':
			b.Write(text[i : i+size])
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
		i += size
	}
	return b.String()
}

// writeTable aligns rows, the first of which is the head.
func writeTable(w io.Writer, rows [][]string) error {
	var aligned strings.Builder
	table := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = safe(row[i])
		}
		if _, err := io.WriteString(table, strings.Join(row, "\t")+"\n"); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(aligned.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// isTerminal reports whether a person is at the other end of a stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// confirm asks a person on a terminal; who is none has not agreed.
func (h Host) confirm(cmd *cobra.Command, question string) (bool, error) {
	if !h.atTerminal(cmd.InOrStdin()) {
		return false, nil
	}
	cmd.PrintErr(question + " [y/N] ")
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && answer == "" {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

func (h Host) atTerminal(stream any) bool {
	if h.terminal != nil {
		return h.terminal(stream)
	}
	return isTerminal(stream)
}
