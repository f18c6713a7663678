package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// newEvents returns the commands about stored events.
func newEvents(host Host) *cobra.Command {
	cmd := host.group("events", "Shows stored events, and delivers them again", `
Shows the events of sources with forward, and works on them. They ask the running
gateway by its admin API; ls and show can also read the store's file while no
gateway runs on it.

An event is named by its number (Hookgate-Sequence), or by its source and id, as
travtus/msg_2KWPBgLlAfxdpx2AI54pPJ85f4W (Hookgate-Idempotency-Key).
`)
	cmd.AddCommand(newEventsList(host), newEventsShow(host), newEventsRetry(host), newEventsRecover(host),
		newEventsReplay(host), newEventsForget(host), newEventsErase(host))
	return cmd
}

// group makes a command that only holds others.
func (h Host) group(use, short, long string) *cobra.Command {
	group := h.command(use, short, long, "", func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		return cmd.Help()
	})
	group.DisableFlagsInUseLine = true
	return group
}

// want reports a number of arguments that is not n.
func want(args []string, n int, what string) error {
	switch {
	case len(args) < n:
		return fmt.Errorf("%s is missing", what)
	case len(args) > n:
		return fmt.Errorf("unknown argument %q", args[n])
	}
	return nil
}

// destinationFlag names one of several deliveries of an event.
func destinationFlag(cmd *cobra.Command, destination *string) {
	cmd.Flags().StringVar(destination, "destination", "", "Of an event that goes to several places, the one that is meant")
}

// eventFilter is the flags that choose events.
type eventFilter struct{ source, state, typ, from, to string }

// query writes the filter as the API has it.
func (f *eventFilter) query(now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{"source": f.source, "state": f.state, "type": f.typ} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]string{"from": f.from, "to": f.to} {
		if value == "" {
			continue
		}
		at, err := parsePast(value, now)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		q.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	return q, nil
}

// pages reads as many pages as it takes to have limit events, and returns whether
// there are more.
func (c *client) pages(ctx context.Context, q url.Values, limit int) (gateway.EventPage, error) {
	const most = 500 // of one page
	all := gateway.EventPage{Events: []gateway.EventInfo{}}
	for {
		q.Set("limit", strconv.Itoa(min(limit-len(all.Events), most)))
		var page gateway.EventPage
		if _, err := c.get(ctx, "events", q, &page); err != nil {
			return all, err
		}
		all.Events, all.Next = append(all.Events, page.Events...), page.Next
		if page.Next == "" || len(all.Events) >= limit {
			return all, nil
		}
		q.Set("before", page.Next)
	}
}

// eventsList is one run of events ls.
type eventsList struct {
	admin
	eventFilter
	before string
	limit  int
}

func newEventsList(host Host) *cobra.Command {
	l := &eventsList{admin: admin{host: host, offline: true}}
	cmd := host.command("ls [flags]", "Lists events, the newest first", `
Lists stored events, the newest first, without their payloads. Those that only has
kept back are there, too, as ignored. If there are more, the last line says how to
see them.
`, `  # what was given up in the last three days
  PROGRAM webhook events ls --source travtus --state dead --from 3d

  # the ids of all invoices of a morning
  PROGRAM webhook events ls --type 'invoice.*' --from 2026-02-20T06:00:00Z --to 2026-02-20T12:00:00Z --limit 10000 --json | jq -r '.events[].id'

  # with the gateway stopped
  PROGRAM webhook events ls --store /var/lib/caddy/webhooks/events.db`, l.run)
	l.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&l.source, "source", "", "Only those of this source")
	flags.StringVar(&l.state, "state", "", "Only those that are pending, delivered, dead or ignored")
	flags.StringVar(&l.typ, "type", "", "Only those of this event type; with * at the end, all that begin so")
	flags.StringVar(&l.from, "from", "", "Only those received since then, as 2h, 3d or in RFC 3339")
	flags.StringVar(&l.to, "to", "", "Only those received before")
	flags.StringVar(&l.before, "before", "", "Only those before the event with this number")
	flags.IntVar(&l.limit, "limit", 50, "How many at most")
	return cmd
}

func (l *eventsList) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	if l.limit < 1 {
		return errors.New("--limit: at least 1")
	}
	now := l.host.time()
	q, err := l.query(now)
	if err != nil {
		return err
	}
	if l.before != "" {
		q.Set("before", l.before)
	}
	return l.with(cmd, func(c *client) error {
		page, err := c.pages(cmd.Context(), q, l.limit)
		if err != nil {
			return err
		}
		document, err := json.Marshal(page)
		if err != nil {
			return err
		}
		return c.print(cmd, document, func(w io.Writer) error { return writeEvents(w, page, now) })
	})
}

func writeEvents(w io.Writer, page gateway.EventPage, now time.Time) error {
	if len(page.Events) == 0 {
		_, err := fmt.Fprintln(w, "No events.")
		return err
	}
	rows := [][]string{{"SEQ", "RECEIVED", "SOURCE", "TYPE", "STATE", "ATTEMPTS", "ID", "NOTE"}}
	for _, e := range page.Events {
		rows = append(rows, []string{
			strconv.FormatInt(e.Seq, 10), when(e.Received, now), e.Source, orDash(e.Type), e.State, strconv.Itoa(e.Made), e.ID, note(&e, now),
		})
	}
	if err := writeTable(w, rows); err != nil || page.Next == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "There are more: add --before %s.\n", safe(page.Next))
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// note is what else is worth knowing of an event in one line.
func note(e *gateway.EventInfo, now time.Time) string {
	var notes []string
	switch {
	case e.State != "pending":
		notes = append(notes, e.Reason)
	case e.Due.After(now):
		notes = append(notes, "next "+when(e.Due, now))
	default:
		notes = append(notes, "due")
	}
	if e.Replay {
		notes = append(notes, "replay")
	}
	return strings.Trim(strings.Join(notes, ", "), ", ")
}

// event finds the event that an argument names.
func (c *client) event(ctx context.Context, name string) (int64, error) {
	if seq, err := strconv.ParseInt(name, 10, 64); err == nil {
		return seq, nil
	}
	source, id, ok := strings.Cut(name, "/")
	if !ok {
		return 0, fmt.Errorf("%.80q names no event: write its number, or <source>/<id>", name)
	}
	var page gateway.EventPage
	if _, err := c.get(ctx, "events", url.Values{"source": {source}, "id": {id}}, &page); err != nil {
		return 0, err
	}
	switch len(page.Events) {
	case 0:
		return 0, fmt.Errorf("source %s has no event with the id %q among its latest", safe(source), id)
	case 1:
		return page.Events[0].Seq, nil
	}
	numbers := make([]string, len(page.Events))
	for i, e := range page.Events {
		numbers[i] = strconv.FormatInt(e.Seq, 10)
	}
	return 0, fmt.Errorf("there are several events with the id %q; name one by its number: %s", id, strings.Join(numbers, ", "))
}
