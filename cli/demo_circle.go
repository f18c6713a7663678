package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// demoMessage is what the sender of this program sends to the gateway of this program,
// and what is promised for it.
type demoMessage struct {
	does    string // in words
	scheme  string
	failing int // attempts that get no further than the network
	want    string
	rule    string // the promise, in words
}

const sawMessage = "the app sees it from partner, as it was sent"

// demoMessages are sent in this order.
var demoMessages = []demoMessage{
	{
		does: "a message goes to an endpoint of the scheme svix", scheme: "svix",
		want: "svix-* headers: 200 accepted; " + sawMessage,
		rule: "What Hookgate signs is what Hookgate verifies, stores and forwards.",
	},
	{
		does: "one goes to an endpoint of the scheme travelbase", scheme: "travelbase",
		want: "x-webhook-* headers: 200 accepted; " + sawMessage,
		rule: "An endpoint has the scheme that its receiver knows.",
	},
	{
		does: "for the next, two attempts in a row fail", scheme: "svix", failing: 2,
		want: "svix-* headers: 503, 503, 200 accepted; " + sawMessage,
		rule: "What fails is tried again, signed anew, until it is taken.",
	},
}

// payload is of the message with that number, and is indented: who parses it and writes
// it anew changes it.
func (m *demoMessage) payload(i int) []byte {
	return fmt.Appendf(nil, "{\n\t\"order\": %d,\n\t\"amount\": 42.00\n}", i+1)
}

// demoCircle is the way from this program's sender to its gateway, and from there to the
// app.
type demoCircle struct {
	producer *demoProducer
	line     *demoLine
	app      *demoApp
	apps     map[string]string // by scheme, those that messages are sent for
	patience time.Duration     // with each message
}

// demoRepeats is how long the sender may take to repeat what fails.
const demoRepeats = 2 * time.Second

// circle sends the messages, prints what became of each, and returns how many differ from
// the promise.
func (d *demo) circle(ctx context.Context, dir string, gateway *demoGateway, app *demoApp) (differing int, err error) {
	producer, err := newDemoProducer(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, producer.close()) }()
	line, err := newDemoLine(ctx, gateway)
	if err != nil {
		return 0, err
	}
	defer line.stop()
	c := &demoCircle{producer: producer, line: line, app: app, apps: map[string]string{}, patience: d.patience + demoRepeats}
	for scheme, secret := range d.secrets.partner() {
		if c.apps[scheme], err = producer.subscribe(ctx, line.url+"/hooks/partner", scheme, secret); err != nil {
			return 0, err
		}
	}
	if err := d.print("\nThe other way round, this program sends, to its own gateway. The source partner has forward, too.\n\n"); err != nil {
		return 0, err
	}
	rows := make([]demoRow, len(demoMessages))
	for i := range demoMessages {
		m := &demoMessages[i]
		rows[i] = demoRow{does: m.does, want: m.want, rule: m.rule, run: func(ctx context.Context) (string, error) { return c.run(ctx, m, i) }}
	}
	return d.rows(ctx, rows)
}

// run sends one message, and says what became of it.
func (c *demoCircle) run(ctx context.Context, m *demoMessage, i int) (string, error) {
	c.line.begin(m.failing)
	payload := m.payload(i)
	id, err := c.producer.send(ctx, c.apps[m.scheme], payload)
	if err != nil {
		return "", err
	}
	patient, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	headers, answers := c.line.passed(patient)
	seen := c.app.await(patient, 1)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if len(answers) == 0 {
		answers = []string{"nothing"}
	}
	return fmt.Sprintf("%s headers: %s; the app sees %s", headers, strings.Join(answers, ", "), describeMessage(seen, m.scheme, id, payload)), nil
}

// describeMessage says what the app saw of a message.
func describeMessage(seen []seenRequest, scheme, id string, payload []byte) string {
	if len(seen) != 1 {
		return fmt.Sprintf("%d requests", len(seen))
	}
	s := seen[0]
	switch {
	case s.source == "":
		return "it unverified"
	case s.id != id:
		return "it from " + s.source + ", under another id"
	case !bytes.Equal(unwrapped(s.body, scheme, id), payload):
		return "it from " + s.source + ", with another body"
	}
	return "it from " + s.source + ", as it was sent"
}

// unwrapped is the payload of a body; travelbase has an envelope around it.
func unwrapped(body []byte, scheme, id string) []byte {
	if scheme != "travelbase" {
		return body
	}
	var envelope struct {
		ID   string          `json:"id"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.ID != id {
		return nil
	}
	return envelope.Data
}
