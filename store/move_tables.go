package store

// movedTable is one of this package's tables, as it is moved.
type movedTable struct {
	name    string
	key     string // in the order of which it is read
	columns []movedColumn
}

// movedColumn is a column, and what it holds.
type movedColumn struct {
	name  string
	holds content
}

type content int

const (
	number content = iota
	words
	flag
	octets   // never NULL
	optional // bytes, or NULL
	nobody   // a number that is 0 in the new place: nobody has claimed anything there
)

var (
	movedEvents = movedTable{"events", "seq", []movedColumn{
		{"seq", number},
		{"source", words},
		{"origin", words},
		{"id", words},
		{"type", words},
		{"scheme", words},
		{"stamp", number},
		{"received", number},
		{"size", number},
		{"keep", number},
		{"place", optional},
		{"body", optional},
	}}
	movedPayloads = movedTable{"payloads", "seq", []movedColumn{
		{"seq", number}, {"sum", number}, {"head", octets}, {"body", octets},
	}}
	movedDeliveries = movedTable{"deliveries", "event, n", []movedColumn{
		{"event", number},
		{"n", number},
		{"destination", words},
		{"state", number},
		{"step", number},
		{"attempts", number},
		{"armed", number},
		{"due", number},
		{"last", number},
		{"hurried", number},
		{"settled", number},
		{"replay", flag},
		{"reason", words},
		{"owner", nobody},
	}}
	movedAttempts = movedTable{"attempts", "event, n, number", []movedColumn{
		{"event", number},
		{"n", number},
		{"number", number},
		{"started", number},
		{"took", number},
		{"outcome", words},
		{"status", number},
		{"error", words},
		{"response", optional},
		{"destination", words},
		{"by_hand", number},
	}}
	movedPauses = movedTable{"pauses", "destination", []movedColumn{{"destination", words}, {"since", number}}}
	movedJobs   = movedTable{"jobs", "id", []movedColumn{
		{"id", words},
		{"kind", words},
		{"source", words},
		{"since", number},
		{"until", number},
		{"state", words},
		{"total", number},
		{"done", number},
		{"skipped", number},
		{"cursor_at", number},
		{"cursor_seq", number},
		{"created", number},
		{"updated", number},
		{"destination", words},
		{"once", number},
		{"filter", optional},
	}}
)

func (t *movedTable) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// expressions are the columns as they are read.
func (t *movedTable) expressions() []string {
	read := t.names()
	for i, c := range t.columns {
		if c.holds == nobody {
			read[i] = "0"
		}
	}
	return read
}

// row returns what a row is scanned into, and what makes values of that: always the same
// ones, which change with the row.
func (t *movedTable) row(clean func(string) string) (into []any, values func() []any) {
	into, row := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.holds {
		case number, nobody:
			into[i] = new(int64)
		case words:
			into[i] = new(string)
		case flag:
			into[i] = new(bool)
		case octets, optional:
			into[i] = new([]byte)
		}
	}
	return into, func() []any {
		for i, c := range t.columns {
			switch v := into[i].(type) {
			case *int64:
				row[i] = *v
			case *string:
				row[i] = clean(*v)
			case *bool:
				row[i] = *v
			case *[]byte:
				if row[i] = *v; c.holds == octets { // what is empty is no NULL
					row[i] = blob(*v)
				}
			}
		}
		return row
	}
}
