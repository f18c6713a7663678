package portal

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hookgate/hookgate/sender"
)

// messagesPage is the list of messages, and what is asked of it.
type messagesPage struct {
	*list[sender.Message]
	Filter messageFields
	// Zone is that of the dates.
	Zone string
	// Types are those that are suggested.
	Types []string
	// First says that it is the newest page.
	First bool
	// Missing is what was looked for, and not found.
	Missing  string
	Problems problems
}

// messageFields are the fields of the filter of messages, as they were typed.
type messageFields struct{ Type, Channel, Tag, After, Before string }

// Some reports whether there is any.
func (f messageFields) Some() bool { return f != messageFields{} }

// messageFilter reads the filter of messages from the query.
func (v *visit) messageFilter() (fields messageFields, f sender.MessageFilter, wrong problems) {
	fields = messageFields{v.query("type"), v.query("channel"), v.query("tag"), v.query("after"), v.query("before")}
	f = sender.MessageFilter{Page: v.paging(), Channel: fields.Channel, Tag: fields.Tag}
	if fields.Type != "" {
		f.EventTypes = []string{fields.Type}
	}
	wrong = problems{}
	var err error
	if f.After, err = v.date("after"); err != nil {
		wrong["after"] = aboutOf(err)
	}
	if f.Before, err = v.date("before"); err != nil {
		wrong["before"] = aboutOf(err)
	}
	if len(wrong) == 0 && !f.Before.IsZero() && !f.After.Before(f.Before) {
		wrong["before"] = "It has to be later than the date to begin with."
	}
	return fields, f, wrong
}

// listMessages shows the messages of an application, or goes to the one that is looked for.
func listMessages(v *visit) (response, error) {
	fields, f, wrong := v.messageFilter()
	p := &messagesPage{list: new(list[sender.Message]), Filter: fields, Zone: v.query("zone"), First: v.query("at") == "", Problems: wrong}
	status := http.StatusOK
	if ref := v.query("find"); ref != "" {
		m, err := v.Sender.Message(v.ctx, v.app.ID, ref)
		if err == nil {
			return redirect(v.at("messages", m.ID), ""), nil
		}
		if !errors.Is(err, sender.ErrNotFound) {
			return nil, err
		}
		p.Missing, status = ref, http.StatusNotFound
	}
	var err error
	if p.Types, err = v.typeNames(); err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return v.again("messages", "Messages", p)
	}
	found, err := v.Sender.Messages(v.ctx, v.app.ID, f)
	if err != nil {
		return nil, err
	}
	p.list = listing(v, found)
	return v.page(status, "messages", "Messages", p), nil
}

// messagePage is a message with what became of it.
type messagePage struct {
	sender.Message
	Endpoints *list[sender.MessageEndpoint]
	Attempts  *list[sender.Attempt]
}

// Gone reports whether the payload is.
func (p *messagePage) Gone() bool { return p.Payload == nil }

// Cut reports whether only the beginning of the payload is shown.
func (p *messagePage) Cut() bool { return len(p.Payload) > maxText }

// Shown is the payload as people read it.
func (p *messagePage) Shown() string {
	if p.Cut() {
		return text(p.Payload)
	}
	return pretty(p.Payload)
}

// showMessage shows a message, the endpoints that it is for, and the attempts at these.
func showMessage(v *visit) (response, error) {
	m, err := v.Sender.Message(v.ctx, v.app.ID, v.path("msg"))
	if err != nil {
		return nil, err
	}
	endpoints, err := v.Sender.AttemptedDestinations(v.ctx, v.app.ID, m.ID, v.pagingBy("endpoints"))
	if err != nil {
		return nil, err
	}
	attempts, err := v.Sender.AttemptsByMessage(v.ctx, v.app.ID, m.ID, sender.AttemptFilter{Page: v.paging()})
	if err != nil {
		return nil, err
	}
	return v.show("message", m.EventType, &messagePage{m, listingBy(v, "endpoints", endpoints), listing(v, attempts)})
}

var errGone = &refusal{http.StatusGone, "The payload is gone", "It has expired or was deleted."}

// downloadPayload gives the payload as it was sent, as a file that no browser runs.
func downloadPayload(v *visit) (response, error) {
	m, err := v.Sender.Message(v.ctx, v.app.ID, v.path("msg"))
	if err == nil && m.Payload == nil {
		err = errGone
	}
	if err != nil {
		return nil, err
	}
	ending := "json"
	if m.ContentType != "" {
		ending = "txt"
	}
	return func(v *visit) error {
		v.header().Set("Content-Type", "text/plain; charset=utf-8")
		v.header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.%s"`, m.ID, ending))
		v.header().Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
		v.answer(tagged(m.Payload))
		return nil
	}, nil
}
