package portal

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// inbox is a temporary URL.
type inbox struct {
	Token, App, URL string
	// Answer is what it says to requests: one of answers.
	Answer           string
	Created, Expires time.Time
	Received         int64     // of all time
	Latest           time.Time // when the last came; zero if none has
}

// answering is something that an inbox can be told to say.
type answering struct{ Name, Label string }

const (
	answerOK    = "ok"
	answerError = "500"
	answerGone  = "410"
	answerSlow  = "slow"
	answerTwice = "twice"
)

var answers = []answering{
	{answerOK, "200"},
	{answerError, "500, always: it is tried again"},
	{answerGone, "410: the endpoint is disabled"},
	{answerSlow, "200, but after 20 s: too late"},
	{answerTwice, "500 twice for each event, then 200"},
}

// query is how a transaction and a reader are asked.
type query func(query string, args []any, row func(scan func(...any) error) error) error

// reading asks beside transactions.
func (p *play) reading(ctx context.Context) query {
	return func(text string, args []any, row func(scan func(...any) error) error) error {
		return p.store.Query(ctx, text, args, row)
	}
}

// millis is how times are stored.
func millis(t time.Time) int64 { return t.UnixMilli() }

// instant is the inverse of millis; 0 is the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// readInboxes returns the inboxes for which a condition holds, the newest first.
func readInboxes(q query, condition string, args ...any) (boxes []*inbox, err error) {
	err = q("SELECT token, app, url, answer, created, expires, received, latest FROM play_inboxes WHERE "+condition+" ORDER BY created DESC, token", args, func(scan func(...any) error) error {
		var b inbox
		var created, expires, latest int64
		if err := scan(&b.Token, &b.App, &b.URL, &b.Answer, &created, &expires, &b.Received, &latest); err != nil {
			return err
		}
		b.Created, b.Expires, b.Latest = instant(created), instant(expires), instant(latest)
		boxes = append(boxes, &b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading inboxes: %w", err)
	}
	return boxes, nil
}

// readInbox returns an inbox that has not expired; nil if there is none.
func readInbox(q query, token string, now time.Time) (*inbox, error) {
	boxes, err := readInboxes(q, "token = ? AND expires > ?", token, millis(now))
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	return boxes[0], nil
}

// newInbox makes an inbox of an application. Base is how the portal is reached.
func (p *play) newInbox(tx *store.Tx, app, base string) (*inbox, error) {
	now := p.now()
	var all, own int
	err := tx.Query("SELECT COUNT(*), COALESCE(SUM(CASE WHEN app = ? THEN 1 ELSE 0 END), 0) FROM play_inboxes WHERE expires > ?", []any{app, millis(now)}, func(scan func(...any) error) error {
		return scan(&all, &own)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("counting inboxes: %w", err)
	case own >= maxAppInboxes:
		return nil, &refusal{http.StatusUnprocessableEntity, "There are enough temporary URLs", fmt.Sprintf("An application has at most %d at a time. Delete one of them first.", maxAppInboxes)}
	case all >= maxInboxes:
		return nil, &refusal{http.StatusServiceUnavailable, "All temporary URLs are taken", "They end by themselves a day after they were last looked at. Try again later."}
	}
	b := &inbox{Token: strings.ToLower(rand.Text()), App: app, Answer: answerOK, Created: now, Expires: now.Add(inboxLife)}
	b.URL, err = sender.CheckURL(base+playPath+"/in/"+b.Token, nil)
	if _, ok := tokenIn(b.URL, inboxURL); err != nil || !ok {
		return nil, &refusal{http.StatusBadRequest, "This address is not one that others can send to", "Open the portal by its name, and try again."}
	}
	_, err = tx.Exec("INSERT INTO play_inboxes (token, app, url, answer, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
		b.Token, b.App, b.URL, b.Answer, millis(b.Created), millis(b.Expires))
	if err != nil {
		return nil, fmt.Errorf("making an inbox: %w", err)
	}
	return b, nil
}

// deleteInboxes deletes the inboxes for which a condition holds with what they have
// received, and reports whether there was any. The row of an inbox goes first: who is just
// adding to it waits, or finds that it is gone.
func deleteInboxes(tx *store.Tx, condition string, args ...any) (bool, error) {
	var tokens []string
	err := tx.Query("SELECT token FROM play_inboxes WHERE "+condition, args, func(scan func(...any) error) error {
		var token string
		err := scan(&token)
		tokens = append(tokens, token)
		return err
	})
	for _, token := range tokens {
		if err == nil {
			_, err = tx.Exec("DELETE FROM play_inboxes WHERE token = ?", token)
		}
		if err == nil {
			_, err = tx.Exec("DELETE FROM play_requests WHERE inbox = ?", token)
		}
	}
	if err != nil {
		return false, fmt.Errorf("deleting inboxes: %w", err)
	}
	return len(tokens) > 0, nil
}

const (
	// sweepEvery is how often expired inboxes are looked for, and sweepMost how many of them
	// one transaction deletes.
	sweepEvery = time.Minute
	sweepMost  = 5
)

// sweepSometimes deletes some of what has expired, if that was not done lately.
func (p *play) sweepSometimes(tx *store.Tx) error {
	now := millis(p.now())
	last := p.swept.Load()
	if now-last < sweepEvery.Milliseconds() || !p.swept.CompareAndSwap(last, now) {
		return nil
	}
	_, err := p.sweepSome(tx)
	return err
}

func (p *play) sweepSome(tx *store.Tx) (bool, error) {
	return deleteInboxes(tx, "expires <= ? ORDER BY expires LIMIT ?", millis(p.now()), sweepMost)
}

// sweep deletes some of what has expired, and reports whether there was something.
func (p *play) sweep(ctx context.Context) (more bool, err error) {
	expired := false
	err = p.reading(ctx)("SELECT 1 FROM play_inboxes WHERE expires <= ? LIMIT 1", []any{millis(p.now())}, func(func(...any) error) error {
		expired = true
		return nil
	})
	if err != nil || !expired {
		return false, err
	}
	err = p.store.Do(ctx, func(tx *store.Tx) (err error) {
		more, err = p.sweepSome(tx)
		return err
	})
	return more && err == nil, err
}
