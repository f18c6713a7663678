package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// demoEvents is how many events come while the app is stopped.
const demoEvents = 20

// demoEvent is one of them. Their sizes differ, so that a body in another's place
// is noticed.
func demoEvent(i int) demoCase {
	return demoCase{path: "/hooks/orders", signer: "orders", id: fmt.Sprintf("order_%d", i+1), size: 100 + 300*i}
}

// demoStep is a part of the outage, and what the gateway promises for it.
type demoStep struct {
	does string // in words
	run  func(*demoOutage, context.Context) (happened string, err error)
	want string
	rule string // the promise, in words
}

// demoSteps are taken in this order.
var demoSteps = []demoStep{
	{
		does: fmt.Sprintf("the app stops; %d events come for it", demoEvents), run: (*demoOutage).begin,
		want: fmt.Sprintf("%d × 200 accepted", demoEvents),
		rule: "200 says that the event is safe on disk; the app need not be there.",
	},
	{
		does: "the gateway is killed, as by kill -9, and started again", run: (*demoOutage).crash,
		want: "it accepts webhooks",
		rule: "A gateway starts from what its last process left, however that ended.",
	},
	{
		does: "the first event comes once more, as its sender retries", run: (*demoOutage).retry,
		want: "1 × 200 duplicate",
		rule: "What was acknowledged is known, also after a crash.",
	},
	{
		does: "the app starts again", run: (*demoOutage).end,
		want: fmt.Sprintf("%d of %d events arrive, each once, each as it was sent", demoEvents, demoEvents),
		rule: "Every event that was acknowledged arrives, with its body as it was signed.",
	},
	{
		does: fmt.Sprintf("all %d events come once more", demoEvents), run: (*demoOutage).repeat,
		want: fmt.Sprintf("%d × 200 duplicate; the app sees %s", demoEvents, sawNothing),
		rule: "An event that was delivered is not delivered again.",
	},
}

// outlast takes the steps, prints each when it is done, and returns how many differ
// from the promise.
func (d *demo) outlast(ctx context.Context, o *demoOutage) (differing int, err error) {
	if err := d.print("\nThe source orders has forward: its events are stored, and delivered when the app can take them.\n\n"); err != nil {
		return 0, err
	}
	rows := make([]demoRow, len(demoSteps))
	for i, step := range demoSteps {
		rows[i] = demoRow{does: step.does, want: step.want, rule: step.rule, run: func(ctx context.Context) (string, error) { return step.run(o, ctx) }}
	}
	return d.rows(ctx, rows)
}

// demoOutage is the time in which the app is stopped, and what follows.
type demoOutage struct {
	gateway  *demoGateway
	app      *demoApp
	sender   *demoSender
	patience time.Duration // with the events, once the app is back
	accepted int           // events, of which each is going to arrive
}

func (o *demoOutage) begin(ctx context.Context) (string, error) {
	o.app.stop()
	answers, err := o.send(ctx, demoEvents, 0)
	o.accepted += answers.accepted
	return answers.String(), err
}

func (o *demoOutage) crash(ctx context.Context) (string, error) {
	if err := o.gateway.kill(); err != nil {
		return "", err
	}
	if err := o.gateway.start(); err != nil {
		return "", err
	}
	return "it accepts webhooks", o.gateway.ready(ctx)
}

func (o *demoOutage) retry(ctx context.Context) (string, error) {
	answers, err := o.send(ctx, 1, time.Second)
	o.accepted += answers.accepted
	return answers.String(), err
}

func (o *demoOutage) end(ctx context.Context) (string, error) {
	if err := o.app.start(ctx); err != nil {
		return "", err
	}
	patient, cancel := context.WithTimeout(ctx, o.patience)
	defer cancel()
	seen := o.app.await(patient, o.accepted)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return arrivals(seen)
}

func (o *demoOutage) repeat(ctx context.Context) (string, error) {
	answers, err := o.send(ctx, demoEvents, 2*time.Second)
	if err != nil {
		return "", err
	}
	// An attempt that is under way is finished first.
	_ = o.gateway.stop()
	saw := sawNothing
	if n := len(o.app.take()); n > 0 {
		saw = fmt.Sprintf("%d requests", n)
	}
	return answers.String() + "; the app sees " + saw, nil
}

// send sends the first n events, signed that long ago.
func (o *demoOutage) send(ctx context.Context, n int, age time.Duration) (answers demoAnswers, err error) {
	for i := range n {
		c := demoEvent(i)
		c.age = age
		request, _, err := o.sender.request(ctx, c)
		if err != nil {
			return answers, fmt.Errorf("making %s: %w", c.id, err)
		}
		status, answer, err := o.gateway.send(request)
		if err != nil {
			return answers, fmt.Errorf("sending %s: %w", c.id, err)
		}
		answers.add(status, answer)
	}
	return answers, nil
}

// demoAnswers counts equal answers, in the order in which they first came.
type demoAnswers struct {
	texts    []string
	counts   map[string]int
	accepted int
}

func (a *demoAnswers) add(status int, answer string) {
	if a.counts == nil {
		a.counts = map[string]int{}
	}
	text := fmt.Sprintf("%d %s", status, answer)
	if a.counts[text] == 0 {
		a.texts = append(a.texts, text)
	}
	a.counts[text]++
	if answer == "accepted" {
		a.accepted++
	}
}

func (a demoAnswers) String() string {
	texts := make([]string, len(a.texts))
	for i, text := range a.texts {
		texts[i] = fmt.Sprintf("%d × %s", a.counts[text], text)
	}
	return strings.Join(texts, ", ")
}

// arrivals says which of the events the app saw, and names the first that it did not
// see as promised.
func arrivals(seen []seenRequest) (string, error) {
	of := map[string][]seenRequest{}
	for _, s := range seen {
		of[s.id] = append(of[s.id], s)
	}
	good, odd := 0, ""
	for i := range demoEvents {
		c := demoEvent(i)
		body, err := c.body()
		if err != nil {
			return "", err
		}
		got := describe(of[c.id], body)
		if got == fmt.Sprintf("%s from orders, id %s", c.path, c.id) {
			good++
		} else if odd == "" {
			odd = fmt.Sprintf("; of %s it saw %s", c.id, got)
		}
		delete(of, c.id)
	}
	if len(of) > 0 {
		odd += fmt.Sprintf("; it saw %d events that nobody sent", len(of))
	}
	return fmt.Sprintf("%d of %d events arrive, each once, each as it was sent", good, demoEvents) + odd, nil
}
