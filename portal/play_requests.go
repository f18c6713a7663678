package portal

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// perInboxPage is how many requests a page shows: each with its headers and the
	// beginning of its body, of at most shownBody bytes. The page is polled.
	perInboxPage = 10
	shownBody    = 16 << 10
)

// received is a request as a page shows it.
type received struct {
	N             int64
	At            time.Time
	Status        int
	Slow          bool // and late
	Size          int64
	Cut           bool // not all of the body is kept
	Method, Query string
	verdict
	Headers []headerField
	// HeadersCut says that there were more, and More that the body goes on.
	HeadersCut, More bool
	Body             []byte
	// Raw is where what is kept of the body is.
	Raw string
}

type headerField struct{ Name, Value string }

// fields returns the fields of a header, in the order of their names.
func fields(h http.Header) (all []headerField) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			all = append(all, headerField{name, value})
		}
	}
	return all
}

// received returns a page of what an inbox has received, the newest first; before is the
// number that a page begins behind, or 0.
func (v *visit) received(box *inbox, before int64) (*list[*received], error) {
	page := &list[*received]{}
	condition, args := "", []any{shownBody, box.Token}
	if before > 0 {
		condition, page.Newer = " AND n < ?", "?"
		args = append(args, before)
	}
	err := v.play.reading(v.ctx)(`SELECT n, received, status, slow, size, cut, method, query, verdict, reason, endpoint, head, SUBSTR(body, 1, ?), LENGTH(body)
FROM play_requests WHERE inbox = ?`+condition+" ORDER BY n DESC LIMIT ?", append(args, perInboxPage+1), func(scan func(...any) error) error {
		if len(page.Rows) == perInboxPage {
			page.Older = "?at=" + strconv.FormatInt(page.Rows[perInboxPage-1].N, 10)
			return nil
		}
		r := new(received)
		var at, length int64
		var slow, cut int
		var head []byte
		if err := scan(&r.N, &at, &r.Status, &slow, &r.Size, &cut, &r.Method, &r.Query, &r.Verdict, &r.Reason, &r.Endpoint, &head, &r.Body, &length); err != nil {
			return err
		}
		var k kept
		if err := json.Unmarshal(head, &k); err != nil {
			return err
		}
		r.At, r.Cut, r.Headers, r.HeadersCut, r.More = instant(at), cut != 0, fields(k.Header), k.Cut, length > int64(len(r.Body))
		r.Slow = slow != 0
		r.Raw = v.at("play", box.Token, strconv.FormatInt(r.N, 10))
		page.Rows = append(page.Rows, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading requests: %w", err)
	}
	return page, nil
}

// showBody gives what is kept of a body, as a file: nothing that a browser would run.
func showBody(v *visit) (response, error) {
	box, err := v.inbox()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(v.path("n"), 10, 64)
	if err != nil {
		return nil, errNoPage
	}
	var body []byte
	found := false
	err = v.play.reading(v.ctx)("SELECT body FROM play_requests WHERE inbox = ? AND n = ?", []any{box.Token, n}, func(scan func(...any) error) error {
		found = true
		return scan(&body)
	})
	if err == nil && !found {
		err = errNoPage
	}
	if err != nil {
		return nil, err
	}
	return func(v *visit) error {
		h := v.header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="request-`+strconv.FormatInt(n, 10)+`.txt"`)
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		v.w.WriteHeader(http.StatusOK)
		_, _ = v.w.Write(body) // who is gone misses nothing
		return nil
	}, nil
}
