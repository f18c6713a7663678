package portal

import (
	"maps"
	"net/http"
	"slices"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

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

// resend sends a message to an endpoint once more.
func resend(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.field("endpoint"))
	if err != nil {
		return nil, err
	}
	if ep.Disabled {
		return nil, &refusal{http.StatusConflict, "The endpoint is disabled", "Nothing is sent to it. Enable it first, then send the message again."}
	}
	m, err := v.Sender.Message(v.ctx, v.app.ID, v.path("msg"))
	if err != nil {
		return nil, err
	}
	err = v.change(func(tx *store.Tx) error { return v.Sender.Resend(tx, v.app.ID, m.ID, ep.ID) })
	return redirect(v.at("messages", m.ID), "resent"), err
}

// attemptPage is an attempt in detail.
type attemptPage struct {
	sender.Attempt
	// Sent and Answered are the headers of the request and of the response.
	Sent, Answered []headerLine
	// Hint says what can be done about a failure; empty if nothing is known.
	Hint string
	// Deleted says that somebody has deleted what the endpoint answered.
	Deleted bool
}

// Gone reports whether the payload is.
func (p *attemptPage) Gone() bool { return p.Message.Payload == nil }

// headerLine is a header, as it is shown.
type headerLine struct{ Name, Value string }

// showAttempt shows what was said in an attempt.
func showAttempt(v *visit) (response, error) {
	a, err := v.Sender.Attempt(v.ctx, v.app.ID, v.path("msg"), v.path("attempt"))
	if err != nil {
		return nil, err
	}
	p := &attemptPage{Attempt: a}
	if x := a.Exchange; x != nil {
		p.Sent, p.Answered = headerLines(x.Sent), headerLines(x.Header)
		p.Deleted = x.Status != a.StatusCode || x.Status == 0 && x.Class == "" && len(x.Body) > 0
	}
	if a.Status != sender.StatusSuccess {
		p.Hint = hintOf(&a)
	}
	return v.show("attempt", "Attempt", p)
}

func headerLines(h http.Header) (lines []headerLine) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, headerLine{visible(name), visible(value)})
		}
	}
	return lines
}

// hints say what can be done about each class of failures.
var hints = map[sender.Class]string{
	sender.ClassURL:         "Correct the URL of the endpoint.",
	sender.ClassBlocked:     "The address is in a network that webhooks are not sent to, such as a private one. Use an endpoint that can be reached from the internet.",
	sender.ClassDNS:         "Check that the host in the URL is spelled right and has a public DNS entry.",
	sender.ClassRefused:     "Nothing listens at this address and port. Check that your service runs, and that the URL has the right port.",
	sender.ClassUnreachable: "There is no way to this address from here. Check the DNS entry and your network.",
	sender.ClassTLS:         "Check the certificate of your service: its names, its age, and that the whole chain is sent. It has to speak TLS 1.2 or later.",
	sender.ClassTimeout:     "Answer at once and do the work afterwards. Check that no firewall drops the connection.",
	sender.ClassReset:       "Your service, or something in front of it, closed the connection. Look into its log at this time.",
	sender.ClassRedirect:    "Redirects are not followed. Set the URL of the endpoint to where it leads.",
	sender.ClassTooLong:     "Answer shortly: nothing of the answer is needed but its status.",
	sender.ClassProtocol:    "What answers there does not speak HTTP as it should. Check the port, and whether it is https.",
	sender.ClassCanceled:    "The gateway was stopped during the attempt. Nothing is lost: it is made again.",
	sender.ClassLocal:       "The gateway was short of resources. It tries again by itself.",
}

// hintOf says what can be done about a failure.
func hintOf(a *sender.Attempt) string {
	if a.Exchange != nil && a.Exchange.Class != "" {
		return hints[a.Exchange.Class]
	}
	switch {
	case a.StatusCode == http.StatusGone:
		return "With 410 an endpoint says that it wants no more messages, and is disabled."
	case a.StatusCode == http.StatusUnauthorized, a.StatusCode == http.StatusForbidden:
		return "Your service refused the request. Check the signing secret that it verifies with, and any login in front of it."
	case a.StatusCode == http.StatusTooManyRequests, a.StatusCode == http.StatusServiceUnavailable:
		return "Your service asked for fewer requests. A rate limit of the endpoint spares it attempts that are refused."
	case a.StatusCode != 0:
		return "Any answer but 2xx is a failure. Look into the log of your service at this time."
	}
	return ""
}
