package sender_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// locals are local URLs of a test, by the URL.
type locals struct {
	handlers map[string]http.HandlerFunc
	err      error // of Has
}

func (l *locals) Has(_ *store.Tx, url string) (bool, error) { return l.handlers[url] != nil, l.err }

func (l *locals) Handler(_ context.Context, url string) http.Handler {
	if h := l.handlers[url]; h != nil {
		return h
	}
	return nil
}

// startClosed starts a sender whose guard lets nothing private pass.
func startClosed(t *testing.T, l *locals) *bed {
	t.Helper()
	b := newBed(t)
	b.receivers = nil
	guard, err := sender.NewGuard(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.options = sender.Options{Guard: guard, Timeout: 500 * time.Millisecond, Retry: []time.Duration{time.Hour}}
	b.start()
	b.sender.SetLocal(l)
	return b
}

// exchange is what came of the first attempt at a message.
func (b *bed) exchange(m sender.Message) *sender.Exchange {
	b.Helper()
	var x *sender.Exchange
	b.eventually("an attempt is made", func() bool {
		l, err := b.sender.AttemptsByMessage(context.Background(), m.AppID, m.ID, sender.AttemptFilter{WithContent: true})
		if err != nil {
			b.Fatal(err)
		}
		if len(l.Data) > 0 {
			x = l.Data[0].Exchange
		}
		return len(l.Data) > 0
	})
	if x == nil {
		x = new(sender.Exchange)
	}
	return x
}

// TestLocal: what a local handler is handed, and how its answers are kept.
func TestLocal(t *testing.T) {
	type seen struct {
		method, uri, host, body, proto string
		header                         http.Header
	}
	got := make(chan seen, 1)
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		status  int
		body    string
		class   sender.Class
	}{
		"answers nothing": {func(http.ResponseWriter, *http.Request) {}, http.StatusOK, "", ""},
		"sees a request": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- seen{r.Method, r.RequestURI, r.Host, string(body), r.Proto, r.Header.Clone()}
			r.Header.Set("Svix-Id", "changed")
			w.Header().Set("X-Mine", "a")
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK)
			w.Header().Set("X-Late", "a")
			_, _ = io.WriteString(w, "short and stout")
		}, http.StatusTeapot, "short and stout", ""},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		}, http.StatusTemporaryRedirect, "", sender.ClassRedirect},
		"is too long": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 65<<10))
		}, http.StatusOK, "", sender.ClassTooLong},
		"is too slow": {func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			_, _ = io.WriteString(w, "nobody waits for this")
		}, 0, "", sender.ClassTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			const url = "http://10.0.0.1:81/in/a?b=c"
			b := startClosed(t, &locals{handlers: map[string]http.HandlerFunc{url: tt.handler}})
			app := b.app("")
			b.endpoint(app.ID, sender.EndpointIn{URL: url, Headers: map[string]string{"x-own": "1", "idempotency-key": "2"}})
			x := b.exchange(b.send(app.ID, sender.MessageIn{EventType: "a.b", Payload: []byte(`{"a":1}`)}))
			if x.Status != tt.status || x.Class != tt.class || tt.body != "" && string(x.Body) != tt.body || x.Withheld || x.Sent.Get("Svix-Id") == "changed" {
				t.Errorf("%+v", x)
			}
			if name != "sees a request" {
				return
			}
			if x.Header.Get("X-Mine") != "a" || x.Header.Get("X-Late") != "" || x.Header.Get("Content-Length") != "15" || x.Header.Get("Date") == "" || x.Protocol != "HTTP/1.1" {
				t.Errorf("%+v", x)
			}
			s := <-got
			if s.method != http.MethodPost || s.uri != "/in/a?b=c" || s.host != "10.0.0.1:81" || s.body != `{"a":1}` || s.proto != "HTTP/1.1" {
				t.Errorf("%+v", s)
			}
			for _, name := range []string{"X-Own", "Idempotency-Key", "Svix-Signature", "User-Agent", "Content-Type"} {
				if len(s.header[name]) != 1 {
					t.Errorf("%s: %q", name, s.header[name])
				}
			}
		})
	}
}

// TestLocalPanics: a handler that panics is an attempt that has failed.
func TestLocalPanics(t *testing.T) {
	const url = "http://10.0.0.1/in"
	b := startClosed(t, &locals{handlers: map[string]http.HandlerFunc{url: func(http.ResponseWriter, *http.Request) { panic("the payload") }}})
	app := b.app("")
	b.endpoint(app.ID, sender.EndpointIn{URL: url})
	b.exchange(b.send(app.ID, sender.MessageIn{EventType: "a.b", Payload: []byte(`{}`)}))
	if strings.Contains(b.logs.String(), "the payload") {
		t.Error("the log has what it panicked with")
	}
}

// TestLocalIsSaved: a URL is saved past the guard if it is local, exactly as it is spelled,
// and no other; if nobody knows, nothing is saved.
func TestLocalIsSaved(t *testing.T) {
	const url = "HTTP://User@10.0.0.1/in"
	l := &locals{handlers: map[string]http.HandlerFunc{url: func(http.ResponseWriter, *http.Request) {}}}
	b := startClosed(t, l)
	app := b.app("")
	if ep := b.endpoint(app.ID, sender.EndpointIn{URL: url}); ep.URL != url {
		t.Error(ep.URL)
	}
	save := func(url string) error {
		return b.store.Do(context.Background(), func(tx *store.Tx) error {
			_, err := b.sender.CreateEndpoint(tx, app.ID, sender.EndpointIn{URL: url})
			return err
		})
	}
	var invalid *sender.InvalidError
	for _, other := range []string{strings.ToLower(url), "http://10.0.0.1/in", url + "/", url + "?", ""} {
		if err := save(other); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", other, err)
		}
	}
	l.err = errors.New("nobody knows")
	if err := save(url); !errors.Is(err, l.err) {
		t.Error(err)
	}
}

// TestEndpointsAt: the endpoints with a URL are known as soon as they are changed.
func TestEndpointsAt(t *testing.T) {
	onStores(t, func(b *bed) {
		const url = "https://example.com/a"
		app, other := b.app("app"), b.app("other")
		at := func(app, url string) (ids []string) {
			found, err := b.sender.EndpointsAt(context.Background(), app, url)
			if err != nil {
				b.Fatal(err)
			}
			for i := range found {
				ids = append(ids, found[i].ID)
			}
			return ids
		}
		is := func(step string, want ...string) {
			b.Helper()
			for range 2 { // read, and remembered
				if got := at(app.ID, url); !slices.Equal(got, want) {
					b.Errorf("%s: %v, not %v", step, got, want)
				}
			}
		}
		is("at first")
		first := b.endpoint(app.ID, sender.EndpointIn{URL: url})
		b.endpoint(app.ID, sender.EndpointIn{URL: url + "/"})
		b.endpoint(other.ID, sender.EndpointIn{URL: url})
		is("added", first.ID)
		second := b.endpoint(app.ID, sender.EndpointIn{URL: url})
		is("another", first.ID, second.ID)
		elsewhere := "https://example.com/b"
		b.change(func(tx *store.Tx) error {
			_, err := b.sender.PatchEndpoint(tx, app.ID, first.ID, sender.EndpointPatch{URL: &elsewhere})
			return err
		})
		is("moved", second.ID)
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, second.ID) })
		is("deleted")
		if got := at(app.ID, elsewhere); !slices.Equal(got, []string{first.ID}) {
			b.Error(got)
		}
	})
}
