package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// said is all that an inbox ever says, by the status.
var said = map[int]string{
	http.StatusOK:                  "Received.\n",
	http.StatusInternalServerError: "Received. This temporary URL was told to answer 500.\n",
	http.StatusGone:                "Received. This temporary URL was told to answer 410.\n",
	http.StatusNotFound:            "There is nothing here.\n",
	http.StatusRequestTimeout:      "The body did not arrive.\n",
	http.StatusTooManyRequests:     "This is more than a temporary URL takes.\n",
	http.StatusServiceUnavailable:  "This cannot be received now.\n",
}

// say answers a request. Nothing of the request is in the answer, and no browser takes it
// for a page.
func say(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, said[status]) // who is gone misses nothing
}

// fail answers a request that could not be stored.
func (p *play) fail(w http.ResponseWriter, err error) {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		p.logger.Error("a temporary URL cannot receive", slog.Any("error", err))
	}
	say(w, http.StatusServiceUnavailable)
}

// ServeHTTP answers what is sent to the paths of inboxes. The token is looked at as it was
// sent, before anything is made of it. What is no inbox, none any more, or somebody's
// guess, gets the same answer.
func (p *play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := tokenIn(r.URL.EscapedPath(), inboxPath)
	if !ok {
		say(w, http.StatusNotFound)
		return
	}
	if !p.gates.admits(token, p.now()) {
		say(w, http.StatusTooManyRequests)
		return
	}
	box, err := p.find(r.Context(), token)
	switch {
	case err != nil:
		p.fail(w, err)
	case box == nil:
		say(w, http.StatusNotFound)
	default:
		p.take(w, r, box)
	}
}

// find returns an inbox that there is, of an application that there is; else nil.
func (p *play) find(ctx context.Context, token string) (*inbox, error) {
	box, err := readInbox(p.reading(ctx), token, p.now())
	if err != nil || box == nil {
		return nil, err
	}
	if _, err := p.sender.Application(ctx, box.App); errors.Is(err, sender.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	} else if err != nil {
		return nil, err
	}
	return box, nil
}

// take stores a request for an inbox, and answers as the inbox was told to.
func (p *play) take(w http.ResponseWriter, r *http.Request, box *inbox) {
	own := p.gates.of(box.Token) // from now on it is known
	status, slow := p.keep(w, r, box)
	if slow && !p.gates.wait(own, r) {
		status = http.StatusServiceUnavailable
	}
	say(w, status)
}

// keep reads a request, looks at its signature, and stores it. It returns how it is
// answered, and whether slowly.
func (p *play) keep(w http.ResponseWriter, r *http.Request, box *inbox) (status int, slow bool) {
	done, ok := p.gates.read(r.Context())
	if !ok {
		return http.StatusTooManyRequests, false
	}
	defer done()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(readTime)); err == nil { // where there is a connection
		defer func() { _ = control.SetReadDeadline(time.Time{}) }() // the server's own comes back with the next request
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxArrival+1))
	if err != nil {
		return http.StatusRequestTimeout, false
	}
	a, err := p.arrived(r, box, body)
	if err == nil && !p.gates.bytes.AllowN(p.now(), byteLeast+len(a.body)) {
		return http.StatusTooManyRequests, false
	}
	if err == nil {
		err = p.store.Do(r.Context(), func(tx *store.Tx) error { return p.add(tx, box, a) })
	}
	switch {
	case errors.Is(err, errNoInbox):
		return http.StatusNotFound, false
	case err != nil:
		p.logger.Error("a temporary URL cannot receive", slog.Any("error", err))
		return http.StatusServiceUnavailable, false
	}
	return a.status, a.slow
}

// arrival is a request as it is stored.
type arrival struct {
	received      time.Time
	event         string
	size          int64 // of the body, as far as it was read
	cut           bool  // not all of it is kept
	method, query string
	head, body    []byte
	verdict
	status int // how it is answered
	slow   bool
}

// kept is the form in which headers are stored.
type kept struct {
	Header http.Header `json:"header"`
	Cut    bool        `json:"cut,omitempty"` // there were more
}

// arrived makes an arrival of a request.
func (p *play) arrived(r *http.Request, box *inbox, body []byte) (*arrival, error) {
	a := &arrival{
		received: p.now(), event: eventOf(r.Header), size: int64(len(body)), cut: len(body) > keptBody,
		method: printable(r.Method, 32), query: printable(r.URL.RawQuery, keptQuery), body: body[:min(len(body), keptBody)],
	}
	head := kept{Header: sender.KeptHeader(r.Header, keptHead)}
	head.Cut = values(head.Header) < values(r.Header)
	var err error
	if a.head, err = json.Marshal(head); err != nil {
		return nil, fmt.Errorf("the headers of a request: %w", err)
	}
	if a.verdict, err = p.judge(r, box, body); err != nil {
		p.logger.Error("the signature of what a temporary URL has received cannot be checked", slog.Any("error", err))
		a.verdict = verdict{Verdict: verdictUnchecked, Reason: "The signature was not checked, as the endpoint's settings could not be read."}
	}
	return a, nil
}

// values counts the values of a header.
func values(h http.Header) (n int) {
	for _, v := range h {
		n += len(v)
	}
	return n
}

// eventOf returns what tells the attempts at one event from others.
func eventOf(h http.Header) string {
	for _, name := range []string{"Svix-Id", "Webhook-Id", "X-Webhook-Id"} {
		if id := h.Get(name); id != "" {
			return printable(id, keptEvent)
		}
	}
	return ""
}

// printable cuts a text, and makes it valid.
func printable(text string, most int) string {
	return visible(text[:min(len(text), most)])
}

var errNoInbox = errors.New("portal: the inbox is gone")

// add stores an arrival, decides how it is answered, and makes room: the newest are kept.
// The row of the inbox is changed first, so that arrivals elsewhere wait for this one.
func (p *play) add(tx *store.Tx, box *inbox, a *arrival) error {
	n, err := tx.Exec("UPDATE play_inboxes SET received = received + 1, latest = ? WHERE token = ? AND expires > ?", millis(a.received), box.Token, millis(a.received))
	if err != nil {
		return fmt.Errorf("counting a request: %w", err)
	}
	if n == 0 {
		return errNoInbox
	}
	now, err := readInbox(tx.Query, box.Token, a.received)
	if err != nil {
		return err
	}
	if now == nil {
		return errNoInbox
	}
	size := int64(len(a.head) + len(a.body) + len(a.query))
	ring, err := readRing(tx.Query, box.Token, a.event, size)
	if err != nil {
		return err
	}
	a.status, a.slow = answerTo(now.Answer, ring.failed)
	if ring.full {
		if _, err := tx.Exec("DELETE FROM play_requests WHERE inbox = ? AND n <= ?", box.Token, ring.oldest); err != nil {
			return fmt.Errorf("deleting old requests: %w", err)
		}
	}
	_, err = tx.Exec(`INSERT INTO play_requests (inbox, n, received, event, status, slow, bytes, size, cut, method, query, verdict, reason, endpoint, head, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		box.Token, now.Received, millis(a.received), a.event, a.status, number(a.slow), size, a.size, number(a.cut), a.method, a.query,
		a.Verdict, a.Reason, a.Endpoint, a.head, a.body)
	if err != nil {
		return fmt.Errorf("storing a request: %w", err)
	}
	return p.sweepSometimes(tx)
}

// number is how truth is stored.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// answerTo is how an inbox answers a request for an event that it has already failed so
// often.
func answerTo(answer string, failed int) (status int, slow bool) {
	switch {
	case answer == answerError, answer == answerTwice && failed < 2:
		return http.StatusInternalServerError, false
	case answer == answerGone:
		return http.StatusGone, false
	}
	return http.StatusOK, answer == answerSlow
}

// ring is what an inbox has, as far as it matters to the next request.
type ring struct {
	failed int  // how often the event was
	full   bool // oldest, and what is older, goes
	oldest int64
}

// readRing looks at what an inbox has, and what has to go for a request of an event of so
// many bytes.
func readRing(q query, token, event string, size int64) (r ring, err error) {
	count := 1
	err = q("SELECT n, event, status, bytes FROM play_requests WHERE inbox = ? ORDER BY n DESC", []any{token}, func(scan func(...any) error) error {
		var n, bytes int64
		var of string
		var status int
		if err := scan(&n, &of, &status, &bytes); err != nil {
			return err
		}
		if of == event && status == http.StatusInternalServerError {
			r.failed++
		}
		count++
		size += bytes
		if !r.full && (count > maxRequests || size > maxInboxBytes) {
			r.full, r.oldest = true, n
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("reading requests: %w", err)
	}
	return r, nil
}
