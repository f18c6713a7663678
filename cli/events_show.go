package cli

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// eventsShow is one run of events show.
type eventsShow struct {
	admin
	payload     bool
	destination string
}

func newEventsShow(host Host) *cobra.Command {
	s := &eventsShow{admin: admin{host: host, offline: true}}
	cmd := host.command("show [flags] <event>", "Shows one event with its attempts", `
Shows one event: what is known of it, and what came of each attempt to deliver it.
With --payload also the request as it was received, without what is never stored:
credentials, cookies and what a proxy before us added. An event that goes to several
places has a delivery to each; the first is shown, or that to --destination.

Characters that a terminal would obey are shown escaped. With --json the body is
there byte for byte, in base64.
`, `  PROGRAM webhook events show 1771604751000000

  # by its source and id, with what was received
  PROGRAM webhook events show --payload travtus/msg_2KWPBgLlAfxdpx2AI54pPJ85f4W

  # a message of the producer orders, at the second of its targets
  PROGRAM webhook events show --destination send/orders/1 1771604751000000

  # the body alone
  PROGRAM webhook events show --payload --json 1771604751000000 | jq -r .payload.body.base64 | base64 -d`, s.run)
	s.register(cmd)
	cmd.Flags().BoolVar(&s.payload, "payload", false, "Show the request's headers and body, too")
	destinationFlag(cmd, &s.destination)
	return cmd
}

func (s *eventsShow) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the event"); err != nil {
		return err
	}
	return s.with(cmd, func(c *client) error {
		seq, err := c.event(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		var detail gateway.EventDetail
		q := url.Values{"payload": {strconv.FormatBool(s.payload)}}
		if s.destination != "" {
			q.Set("destination", s.destination)
		}
		answer, err := c.get(cmd.Context(), eventPath(seq, ""), q, &detail)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error { return s.write(w, &detail) })
	})
}

func eventPath(seq int64, action string) string {
	return strings.TrimSuffix("events/"+strconv.FormatInt(seq, 10)+"/"+action, "/")
}

func (s *eventsShow) write(w io.Writer, e *gateway.EventDetail) error {
	now := s.host.time()
	var b strings.Builder
	state := e.State
	if text := note(&e.EventInfo, now); text != "" {
		state += ": " + text
	}
	for _, field := range [][2]string{
		{"event", strconv.FormatInt(e.Seq, 10)},
		{"source", e.Source},
		{"id", e.ID},
		{"type", e.Type},
		{"scheme", e.Scheme},
		{"timestamp", exactly(e.Timestamp, now)},
		{"received", exactly(e.Received, now)},
		{"size", humanize.IBytes(uint64(e.Size))},
		{"state", state},
		{"armed", exactly(e.Armed, now)},
		{"due", exactly(e.Due, now)},
		{"settled", exactly(e.Settled, now)},
	} {
		if field[1] != "" {
			fmt.Fprintf(&b, "%-9s  %s\n", field[0], safe(field[1]))
		}
	}
	if len(e.Deliveries) > 0 {
		b.WriteString("\n")
		if err := writeDeliveries(&b, e); err != nil {
			return err
		}
	}
	if len(e.Attempts) > 0 {
		b.WriteString("\n")
		if err := writeAttempts(&b, e.Attempts, now); err != nil {
			return err
		}
	}
	if s.payload {
		b.WriteString("\n")
		writePayload(&b, e.Payload)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeDeliveries shows where an event goes, and which delivery is shown.
func writeDeliveries(w io.Writer, e *gateway.EventDetail) error {
	rows := [][]string{{"DESTINATION", "STATE", "SHOWN"}}
	for _, d := range e.Deliveries {
		shown := "-"
		if d.Destination == e.Destination {
			shown = "here"
		}
		rows = append(rows, []string{d.Destination, d.State, shown})
	}
	return writeTable(w, rows)
}

func writeAttempts(w io.Writer, attempts []gateway.AttemptInfo, now time.Time) error {
	rows := [][]string{{"ATTEMPT", "STARTED", "TOOK", "OUTCOME", "STATUS", "ERROR OR RESPONSE"}}
	for _, a := range attempts {
		status, said := "-", a.Error
		if a.Status > 0 {
			status = strconv.Itoa(a.Status)
		}
		if said == "" && a.Response != nil {
			said = summary(a.Response.Base64)
		}
		rows = append(rows, []string{
			strconv.Itoa(a.Number), when(a.Started, now), (time.Duration(a.Took) * time.Millisecond).String(), a.Outcome, status, said,
		})
	}
	return writeTable(w, rows)
}

// summary is the beginning of a response in one line.
func summary(response []byte) string {
	const most = 120
	text := strings.Join(strings.Fields(string(response)), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func writePayload(b *strings.Builder, p *gateway.Payload) {
	if p == nil {
		b.WriteString("The payload is not kept any more.\n")
		return
	}
	if p.Method != "" { // else it is a message
		fmt.Fprintf(b, "%s %s\nHost: %s\n", safe(p.Method), safe(p.URL), safe(p.Host))
	}
	for _, h := range p.Headers {
		fmt.Fprintf(b, "%s: %s\n", safe(h.Name), safe(h.Value))
	}
	b.WriteString("\n")
	body := p.Body.Base64
	switch {
	case p.Body.Text == "" && len(body) > 0:
		fmt.Fprintf(b, "(%s that are no text; --json shows them in base64)\n", humanize.IBytes(uint64(len(body))))
	default:
		b.WriteString(strings.TrimSuffix(safeLines(p.Body.Text), "\n") + "\n")
	}
}
