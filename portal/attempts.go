package portal

import "github.com/hookgate/hookgate/sender"

// attemptTable is what the template "attempts" shows.
type attemptTable struct {
	Frame *frame
	Rows  []sender.Attempt
	// Names says what tells them apart: "endpoint" or "message".
	Names string
}

func newAttemptTable(f *frame, rows []sender.Attempt, names string) attemptTable {
	return attemptTable{f, rows, names}
}
