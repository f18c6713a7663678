package portal

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/hookgate/hookgate/gateway"
)

// gatewayEvent is what the page of an event shows.
type gatewayEvent struct {
	gateway.EventDetail
	// Name is by which operators know what it came from, or where it goes.
	Name string
}

// event reads the event of the path, with its payload.
func (v *visit) event() (*gateway.Operator, *gatewayEvent, error) {
	o, err := v.gateway()
	if err != nil {
		return nil, nil, err
	}
	seq, err := strconv.ParseInt(v.path("seq"), 10, 64)
	if err != nil || seq <= 0 {
		return nil, nil, errNoPage
	}
	e, err := o.Event(v.ctx, seq, v.query("to"), true)
	if err != nil {
		return nil, nil, err
	}
	out := &gatewayEvent{EventDetail: e, Name: e.Source}
	if isTarget(e.Destination) {
		out.Name = e.Destination
	}
	for i := range e.Attempts {
		e.Attempts[i].Error = visible(e.Attempts[i].Error)
	}
	if e.Payload != nil {
		mask(e.Payload)
	}
	return o, out, nil
}

// Title is what an event is called.
func (e *gatewayEvent) Title() string {
	if e.Type != "" {
		return e.Type
	}
	return "Event " + strconv.FormatInt(e.Seq, 10)
}

// At is the page of the event, or of something that is done with it.
func (e *gatewayEvent) At(action string) string { return eventPath(e.Seq, e.Destination, action) }

// To is the page of the event with another of its deliveries.
func (e *gatewayEvent) To(destination string) string { return eventPath(e.Seq, destination, "") }

// From is the page of the source or the target.
func (e *gatewayEvent) From() string {
	if e.OfApplication() {
		return appPath(e.Source, "messages")
	}
	return sourcePath(e.Name)
}

// OfApplication reports whether it is a message that an application's endpoints get.
func (e *gatewayEvent) OfApplication() bool { return e.Message() && !isTarget(e.Destination) }

// Message reports whether it was made here: nobody has signed it.
func (e *gatewayEvent) Message() bool { return e.Scheme == "" }

// Why says why it is dead.
func (e *gatewayEvent) Why() string { return deadReasons[e.Reason] }

// Unsigned reports whether its id is the digest of its body, as none was signed.
func (e *gatewayEvent) Unsigned() bool { return len(e.ID) > 7 && e.ID[:7] == "sha256:" }

var deadReasons = map[string]string{
	"gone":         "the destination answered 410: it wants no more of this",
	"exhausted":    "the last attempt of the schedule failed",
	"expired":      "it was older than give_up allows",
	"payload gone": "there was nothing left to deliver",
	"unusable":     "what is stored of it cannot be made a request",
	"withdrawn":    "the endpoint is disabled or deleted",
	"erased":       "an operator erased its payload",
}

// showSourceEvent shows the way of an event, from its arrival to its delivery.
func showSourceEvent(v *visit) (response, error) {
	_, e, err := v.event()
	if err != nil {
		return nil, err
	}
	return v.show("gateway_event", e.Title(), e)
}

// sendEventBody sends the body of an event as it came, as a file: no browser takes it for a
// page, whatever is in it.
func sendEventBody(v *visit) (response, error) {
	_, e, err := v.event()
	if err != nil {
		return nil, err
	}
	if e.Payload == nil {
		return nil, &refusal{http.StatusNotFound, "The payload is not kept any more", "It was erased, or is past its retention."}
	}
	return func(v *visit) error {
		v.header().Set("Content-Type", "text/plain; charset=utf-8")
		v.header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="event-%d.txt"`, e.Seq))
		v.header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
		_, _ = v.w.Write(e.Payload.Body.Base64) //nolint:gosec // it is no page: see the headers
		return nil
	}, nil
}

// retryEvent has it attempted now, whatever became of it.
func retryEvent(v *visit) (response, error) {
	o, e, err := v.event()
	if err == nil {
		err = o.Retry(v.ctx, e.Seq, e.Destination)
	}
	if err != nil {
		return nil, err
	}
	return redirect(e.At(""), "gateway-retried"), nil
}

// askErase and askForget say what is going to be, before it is done for good.
func askErase(v *visit) (response, error) { return v.ask("gateway_erase", "Erase the payload") }

func askForget(v *visit) (response, error) { return v.ask("gateway_forget", "Forget the event") }

func (v *visit) ask(page, title string) (response, error) {
	_, e, err := v.event()
	if err != nil {
		return nil, err
	}
	return v.show(page, title, e)
}

// eraseEvent deletes the payload for good.
func eraseEvent(v *visit) (response, error) {
	o, e, err := v.event()
	if err == nil {
		err = o.Erase(v.ctx, e.Seq)
	}
	if err != nil {
		return nil, err
	}
	return redirect(e.At(""), "gateway-erased"), nil
}

// forgetEvent makes its next copy a new event.
func forgetEvent(v *visit) (response, error) {
	o, e, err := v.event()
	if err == nil {
		err = o.Forget(v.ctx, e.Seq)
	}
	if err != nil {
		return nil, err
	}
	return redirect(e.At(""), "gateway-forgotten"), nil
}
