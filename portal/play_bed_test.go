package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/sender"
)

// box is a temporary URL of a test.
type box struct {
	*visitor
	app        string
	url, token string
}

// take takes a temporary URL.
func (v *visitor) take(app string) *box {
	v.Helper()
	got := v.post(at(app, "play"), nil)
	if got.status != http.StatusSeeOther {
		v.Fatalf("taking a URL: %d\n%s", got.status, got.body)
	}
	to, err := url.Parse(got.to)
	v.must(err)
	token := path.Base(to.Path)
	return &box{v, app, v.url + "/play/in/" + token, token}
}

// page is that of the inbox.
func (b *box) page() *reply {
	b.Helper()
	return b.visitor.page(at(b.app, "play", b.token))
}

// answers makes it answer so from now on.
func (b *box) answers(how string) {
	b.Helper()
	if got := b.post(at(b.app, "play", b.token, "answer"), url.Values{"answer": {how}}); got.status != http.StatusSeeOther {
		b.Fatalf("%d\n%s", got.status, got.body)
	}
}

// endpoint makes an endpoint that sends here.
func (b *box) endpoint(in sender.EndpointIn) sender.Endpoint {
	b.Helper()
	in.URL = b.url
	return b.bed.endpoint(b.app, in)
}

// send sends something here, as anybody can.
func (b *box) send(body string, headers ...string) *reply {
	b.Helper()
	return b.deliver(http.MethodPost, b.url, body, headers...)
}

// deliver sends something to a URL, as who has no session.
func (b *bed) deliver(method, to, body string, headers ...string) *reply {
	b.Helper()
	v := b.visitor()
	r := v.request(method, to, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return v.do(r)
}

// serve answers a request without a connection.
func (b *bed) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.portal.ServeHTTP(w, r)
	return w
}

// rows counts what there is of inboxes.
func (b *bed) rows(table string) (n int) {
	b.Helper()
	b.must(b.store.Query(b.Context(), "SELECT COUNT(*) FROM "+table, nil, func(scan func(...any) error) error { return scan(&n) }))
	return n
}

// clock is one that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// onStores runs a test over each store that there is.
func onStores(t *testing.T, test func(t *testing.T, c config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, config{}) })
	t.Run("postgres", func(t *testing.T) { test(t, config{dsn: pgserver.Database(t)}) })
}
