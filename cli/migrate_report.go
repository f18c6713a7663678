package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/store"
)

// migration is what migrate prints.
type migration struct {
	From       string `json:"from"`
	To         string `json:"to"`
	DryRun     bool   `json:"dry_run,omitempty"`
	Events     int64  `json:"events"`
	Payloads   int64  `json:"payloads"`
	Bytes      int64  `json:"bytes"` // of the payloads
	Deliveries int64  `json:"deliveries"`
	Pending    int64  `json:"pending"`
	Delivered  int64  `json:"delivered"`
	Dead       int64  `json:"dead"`
	Attempts   int64  `json:"attempts"`
	Pauses     int64  `json:"pauses"`
	Jobs       int64  `json:"jobs"`
	// Damaged is how many payloads were not what was stored.
	Damaged int64 `json:"damaged"`
	// Replaced is how many texts hold what PostgreSQL does not take.
	Replaced int64   `json:"replaced_texts"`
	Seconds  float64 `json:"seconds"`
	// Renamed is the new name of the file; empty if it has its old one.
	Renamed string `json:"renamed,omitempty"`
}

func newMigration(from, to string, all *store.Inventory) *migration {
	return &migration{
		From: from, To: to, Events: all.Events, Payloads: all.Payloads, Bytes: all.Bytes, Deliveries: all.Deliveries,
		Pending: all.In(store.Pending), Delivered: all.In(store.Delivered), Dead: all.In(store.Dead),
		Attempts: all.Attempts, Pauses: all.Pauses, Jobs: all.Jobs,
	}
}

func (r *migration) print(cmd *cobra.Command, m *migrate) error {
	if m.json {
		return encodeJSON(cmd.OutOrStdout(), r)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), r.text())
	return err
}

func (r *migration) text() string {
	var b strings.Builder
	if r.DryRun {
		fmt.Fprintf(&b, "%s would be moved to %s:\n", events(r.Events), safe(r.To))
	} else {
		fmt.Fprintf(&b, "Moved %s to %s in %s, counted and compared:\n", events(r.Events), safe(r.To), short(time.Duration(r.Seconds*float64(time.Second))))
	}
	for _, field := range []struct {
		name string
		n    int64
	}{{"pending", r.Pending}, {"delivered", r.Delivered}, {"dead", r.Dead}, {"attempts", r.Attempts}, {"pauses", r.Pauses}, {"jobs", r.Jobs}} {
		fmt.Fprintf(&b, "  %-9s  %d\n", field.name, field.n)
	}
	fmt.Fprintf(&b, "  %-9s  %d, %s\n", "payloads", r.Payloads, humanize.IBytes(uint64(r.Bytes)))
	if r.Damaged > 0 {
		fmt.Fprintf(&b, "Damaged in the file already: %d payloads. They are copied as they are, and cannot be delivered.\n", r.Damaged)
	}
	if r.Replaced > 0 {
		fmt.Fprintf(&b, "Texts with what PostgreSQL does not take, which is U+FFFD there: %d.\n", r.Replaced)
	}
	switch {
	case r.DryRun:
		b.WriteString("Nothing was changed.\n")
		return b.String()
	case r.Renamed != "":
		fmt.Fprintf(&b, "The file is now %s.\n", safe(r.Renamed))
	default:
		fmt.Fprintf(&b, "The file is still %s: a gateway that is started on it delivers what is pending a second time.\n", safe(r.From))
	}
	fmt.Fprintf(&b, "Next: in the global block webhooks of the Caddyfile write\n\n\tstore postgres {env.%s}\n\ninstead of store sqlite, and start the gateways.\n", dsnVariable)
	return b.String()
}

// redrawEvery is how often the line on a terminal is drawn at most.
const redrawEvery = 100 * time.Millisecond

// copying shows how far a move is.
type copying struct {
	progress
	all  *store.Inventory
	took func() time.Duration // so far
	next time.Duration        // when the line is drawn again
}

// rowCost is as many bytes as an event takes about the time of, without its payload.
const rowCost = 2048

func (c *copying) show(m store.Moved) {
	took := c.took()
	total := float64(c.all.Bytes + rowCost*c.all.Events)
	share := 1.0
	if total > 0 {
		share = min(1, float64(m.Bytes+rowCost*m.Events)/total)
	}
	last := m.Events >= c.all.Events
	line := fmt.Sprintf("%d of %s, %s", m.Events, events(c.all.Events), humanize.IBytes(uint64(m.Bytes)))
	if took > 0 {
		line += ", " + strconv.FormatFloat(float64(m.Events)/took.Seconds(), 'f', 0, 64) + " events/s"
	}
	if share > 0 && !last {
		line += ", " + short(time.Duration(float64(took)*(1-share)/share)) + " left"
	}
	switch tenth := 1 + int64(share*10); {
	case c.redraw:
		if took < c.next && !last {
			return
		}
		c.next = took + redrawEvery
		const width = len(bar)
		_, _ = fmt.Fprintf(c.out, "\r[%-*.*s] %-70s", width, int(share*float64(width)), bar, line)
		c.drawn = true
	case tenth > c.tenth:
		c.tenth = tenth
		_, _ = fmt.Fprintln(c.out, line)
	}
}
