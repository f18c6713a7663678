package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// playData is the page's that lists an application's inboxes.
type playData struct {
	Rows []*inbox
	Most int
}

// Full reports whether there can be no more.
func (d *playData) Full() bool { return len(d.Rows) >= d.Most }

// listInboxes shows the inboxes of an application.
func listInboxes(v *visit) (response, error) {
	boxes, err := readInboxes(v.play.reading(v.ctx), "app = ? AND expires > ?", v.app.ID, millis(v.play.now()))
	if err != nil {
		return nil, err
	}
	return v.show("play", "Play", &playData{boxes, maxAppInboxes})
}

// takeInbox makes an inbox.
func takeInbox(v *visit) (response, error) {
	var box *inbox
	err := v.change(func(tx *store.Tx) (err error) {
		if err = v.play.sweepSometimes(tx); err == nil {
			box, err = v.play.newInbox(tx, v.app.ID, v.API.Base(v.r))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("play", box.Token), "play-taken"), nil
}

// inboxData is the page's of an inbox.
type inboxData struct {
	*inbox
	Answers []answering
	// Endpoints are those that send here, and Add is where one is made that does.
	Endpoints []sender.Endpoint
	Add       string
	Requests  *list[*received]
}

// Says is how it answers, for people.
func (d *inboxData) Says() string {
	i := slices.IndexFunc(answers, func(a answering) bool { return a.Name == d.Answer })
	if i < 0 {
		return answers[0].Label
	}
	return answers[i].Label
}

// inbox returns the one that the path names, if it is the application's.
func (v *visit) inbox() (*inbox, error) {
	token := v.path("token")
	if !inboxToken.MatchString(token) {
		return nil, errNoPage
	}
	box, err := readInbox(v.play.reading(v.ctx), token, v.play.now())
	if err == nil && (box == nil || box.App != v.app.ID) {
		err = errNoPage
	}
	return box, err
}

// showInbox shows an inbox and what it has received. Who may change it, and looks at it,
// makes it last.
func showInbox(v *visit) (response, error) {
	box, err := v.inbox()
	if err != nil {
		return nil, err
	}
	if err := v.prolong(box); err != nil {
		return nil, err
	}
	d := &inboxData{inbox: box, Answers: answers}
	if d.Endpoints, err = v.Sender.EndpointsAt(v.ctx, v.app.ID, box.URL); err != nil {
		return nil, err
	}
	d.Add = v.at("endpoints", "new") + "?" + url.Values{"url": {box.URL}}.Encode()
	before, _ := strconv.ParseInt(v.query("at"), 10, 64) // else the first page
	if d.Requests, err = v.received(box, before); err != nil {
		return nil, err
	}
	return v.show("inbox", "Temporary URL", d)
}

// prolongEvery is how often it is noted that the page of an inbox is used.
const prolongEvery = time.Hour

func (v *visit) prolong(box *inbox) error {
	until := v.play.now().Add(inboxLife)
	if until.Sub(box.Expires) < prolongEvery || !v.session.May(api.ManageEndpoint) {
		return nil
	}
	box.Expires = until
	return v.change(func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE play_inboxes SET expires = ? WHERE token = ? AND expires < ?", millis(until), box.Token, millis(until))
		return err
	})
}

// answerInbox says how an inbox answers from now on.
func answerInbox(v *visit) (response, error) {
	box, err := v.inbox()
	if err != nil {
		return nil, err
	}
	answer := v.field("answer")
	if !slices.ContainsFunc(answers, func(a answering) bool { return a.Name == answer }) {
		return nil, &refusal{http.StatusUnprocessableEntity, "This cannot be done", "There is no such answer. Choose one of the list."}
	}
	err = v.change(func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE play_inboxes SET answer = ? WHERE token = ?", answer, box.Token)
		return err
	})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("play", box.Token), "play-answer"), nil
}

// deleteInbox deletes an inbox with what it has received.
func deleteInbox(v *visit) (response, error) {
	box, err := v.inbox()
	if err != nil {
		return nil, err
	}
	err = v.change(func(tx *store.Tx) error {
		_, err := deleteInboxes(tx, "token = ?", box.Token)
		return err
	})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("play"), "play-deleted"), nil
}
