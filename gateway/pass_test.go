package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// TestOnlySuccessCommits: a status line of 2xx, said or implied, settles an event;
// after anything else the sender's retry is passed on again.
func TestOnlySuccessCommits(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer gateway.Next
		status int
		settle bool
	}{
		{"200", status(200), 200, true},
		{"202", status(202), 202, true},
		{"204", status(204), 204, true},
		{"299", status(299), 299, true},
		{"101", status(101), 101, false},
		{"300", status(300), 300, false},
		{"302", status(302), 302, false},
		{"304", status(304), 304, false},
		{"400", status(400), 400, false},
		{"404", status(404), 404, false},
		{"410", status(410), 410, false},
		{"429", status(429), 429, false},
		{"500", status(500), 500, false},
		{"503", status(503), 503, false},
		{"a body alone", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "ok")
			return err
		}, 200, true},
		{"a flush alone", func(w http.ResponseWriter, _ *http.Request) error {
			return http.NewResponseController(w).Flush()
		}, 200, true},
		{"an empty write", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write(nil)
			return err
		}, 200, true},
		{"500 with a body", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusInternalServerError)
			_, err := io.WriteString(w, "no")
			return err
		}, 500, false},
		{"500, then 200", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusInternalServerError)
			w.WriteHeader(http.StatusOK)
			return nil
		}, 500, false},
		{"200, then an error", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusOK)
			return errApp
		}, 200, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t)
			b.app.answers(row.answer)
			w := httptest.NewRecorder()
			err := b.Receive(w, b.svix(t, "msg_1"), b.app.next)
			if w.Code != row.status || w.Header().Get("Hookgate-Result") != "" || err != nil && err != errApp {
				t.Fatalf("%d %s, error %v; want the app's own %d", w.Code, w.Body, err, row.status)
			}
			result := "failed"
			if row.settle {
				result = "accepted"
			}
			if o := b.outcome(t); o.Result != result || o.ID != "msg_1" {
				t.Errorf("outcome %+v; want %s", o, result)
			}
			b.app.answers(nil)
			b.app.take()
			if row.settle {
				b.duplicate(t, "the retry", b.svix(t, "msg_1"))
			} else {
				b.forwarded(t, "the retry", b.svix(t, "msg_1"))
			}
		})
	}
}

var errApp = errors.New("the app failed")

// TestErrorIsReturnedUntouched, as Caddy's error routes have to see it, and nothing
// is written before it.
func TestErrorIsReturnedUntouched(t *testing.T) {
	b := newBed(t)
	b.app.answers(func(http.ResponseWriter, *http.Request) error { return errApp })
	w := &silent{t: t}
	if err := b.Receive(w, b.svix(t, "msg_1"), b.app.next); err != errApp {
		t.Errorf("error %v; want the app's own", err)
	}
	if o := b.outcome(t); o.Result != "failed" || o.Err != nil {
		t.Errorf("outcome %+v", o)
	}
	b.app.answers(nil)
	b.app.take()
	b.forwarded(t, "the retry", b.svix(t, "msg_1"))
}

// silent is a response nobody may write to.
type silent struct {
	t      *testing.T
	header http.Header
}

func (s *silent) Header() http.Header {
	if s.header == nil {
		s.header = http.Header{}
	}
	return s.header
}

func (s *silent) Write(p []byte) (int, error) {
	s.t.Errorf("%q was written", p)
	return len(p), nil
}

func (s *silent) WriteHeader(status int) { s.t.Errorf("%d was written", status) }

// TestPanicPropagates and leaves the event to the retry, unless the app had said
// 2xx before. (B-19)
func TestPanicPropagates(t *testing.T) {
	for _, row := range []struct {
		name   string
		write  func(http.ResponseWriter)
		result string
	}{
		{"before the status", func(http.ResponseWriter) {}, "failed"},
		{"after an informational status", func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) }, "failed"},
		{"after a 500", func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, "failed"},
		{"after a 200", func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }, "accepted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t)
			func() {
				defer func() {
					if got := recover(); got != http.ErrAbortHandler {
						t.Errorf("recovered %v; want what the app panicked with", got)
					}
				}()
				_ = b.Receive(httptest.NewRecorder(), b.svix(t, "msg_1"), func(w http.ResponseWriter, _ *http.Request) error {
					row.write(w)
					panic(http.ErrAbortHandler)
				})
			}()
			if o := b.outcome(t); o.Result != row.result {
				t.Errorf("result %s; want %s", o.Result, row.result)
			}
			if row.result == "accepted" {
				b.duplicate(t, "the retry", b.svix(t, "msg_1"))
			} else {
				b.forwarded(t, "the retry", b.svix(t, "msg_1"))
			}
		})
	}
}

// TestTimeoutOfTheApp: its context ends after timeout, to the nanosecond, and an
// app that gives up then has not taken the event.
func TestTimeoutOfTheApp(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second} {
		want := timeout
		if timeout == 0 {
			want = gateway.DefaultTimeout
		}
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, func(cfg *gateway.Config) { cfg.Timeout = timeout })
			b.app.answers(func(_ http.ResponseWriter, r *http.Request) error {
				start := time.Now()
				<-r.Context().Done()
				if after := time.Since(start); after != want {
					t.Errorf("the context ended after %s; want %s", after, want)
				}
				return r.Context().Err()
			})
			if err := b.Receive(httptest.NewRecorder(), b.svix(t, "msg_1"), b.app.next); err != context.DeadlineExceeded {
				t.Errorf("error %v", err)
			}
			b.app.answers(nil)
			b.app.take()
			b.forwarded(t, "the retry", b.svix(t, "msg_1"))
		})
	}
}

// TestAppsContext carries the values of the request, and not its end.
func TestAppsContext(t *testing.T) {
	type key struct{}
	b := newBed(t)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	var derived context.Context
	b.app.answers(func(w http.ResponseWriter, r *http.Request) error {
		var stop context.CancelFunc
		derived, stop = context.WithCancel(r.Context())
		t.Cleanup(stop)
		cancel()
		if err := errors.Join(r.Context().Err(), derived.Err()); err != nil {
			t.Errorf("it ended with the request: %v", err)
		}
		if r.Context().Value(key{}) != "value" {
			t.Error("it lost a value")
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
	got := b.forwarded(t, "an event", b.svix(t, "msg_1").WithContext(ctx))
	if got.Context().Err() == nil || derived.Err() == nil {
		t.Error("the context goes on after the app has answered")
	}
}

// TestAnswerPassesThrough: informational statuses, headers, body, trailers and
// flushes are the app's, as if we were not there.
func TestAnswerPassesThrough(t *testing.T) {
	b := newBed(t)
	flushed := make(chan struct{})
	b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-App", "yes")
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "first ")
		control := http.NewResponseController(w)
		if err := errors.Join(control.Flush(), control.SetWriteDeadline(time.Now().Add(time.Minute))); err != nil {
			return err
		}
		<-flushed
		_, err := io.WriteString(w, "second")
		w.Header().Set("X-Sum", "12")
		return err
	})
	c := dial(t, b.serve(t))
	c.write(t, head(b.svix(t, "msg_1").Header, "Content-Length: 26")+wireBody)
	if hints, _ := c.read(t); hints.StatusCode != http.StatusEarlyHints || hints.Header.Get("Link") == "" {
		t.Errorf("first response: %d %v", hints.StatusCode, hints.Header)
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 6)
	if _, err := io.ReadFull(response.Body, first); err != nil {
		t.Fatal(err)
	}
	close(flushed)
	rest, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusAccepted || string(first)+string(rest) != "first second" || response.Header.Get("X-App") != "yes" || response.Trailer.Get("X-Sum") != "12" {
		t.Errorf("%d %v %q %v, %v", response.StatusCode, response.Header, rest, response.Trailer, err)
	}
	b.app.take()
	b.duplicate(t, "the retry", b.svix(t, "msg_1"))
}

// TestCommitGoesBeforeTheAnswer: when the sender can know of the 200, a copy is
// already a duplicate. (K-05, K-08)
func TestCommitGoesBeforeTheAnswer(t *testing.T) {
	b := newBed(t)
	w := &before{ResponseRecorder: httptest.NewRecorder(), look: func() {
		if n := b.inFlight(t); n != 0 {
			t.Errorf("%d events in flight as the status is written", n)
		}
	}}
	if err := b.Receive(w, b.svix(t, "msg_1"), b.app.next); err != nil || !w.looked {
		t.Errorf("%v, looked %v", err, w.looked)
	}
}

// before looks before the status line is written.
type before struct {
	*httptest.ResponseRecorder
	look   func()
	looked bool
}

func (b *before) WriteHeader(status int) {
	b.looked = true
	b.look()
	b.ResponseRecorder.WriteHeader(status)
}

// TestRequestPassesByteForByte: what was verified is what the app reads, with all
// its headers, and its length is that of the bytes. (S-16, B-10, H-11, H-14,
// pitfall 29)
func TestRequestPassesByteForByte(t *testing.T) {
	for i, body := range []string{
		"", "{}", `{"b":1,"a":2}`, " { \"a\" : 1 } \r\n", "\xef\xbb\xbf{}", "\x00\xff\xfe", "é", `{"a":"\u00e9"}`, "{env.SECRET}",
		"\x1f\x8b\x08\x00" + strings.Repeat("\x00", 20_000), strings.Repeat("[", 10_000),
	} {
		b := newBed(t)
		r := b.signed(t, "svix", verifier.Message{ID: fmt.Sprintf("msg_%d", i), Body: []byte(body)})
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Content-Type", "text/html; {env.SECRET}")
		r.Header["X-Two"] = []string{"a", "b"}
		r.Host, r.RequestURI = "app.example.com", "/hooks/travtus?a=1"
		got := b.forwarded(t, body, r)
		if got.body != body || got.ContentLength != int64(len(body)) || got.Method != http.MethodPost || got.Host != r.Host || got.URL.String() != r.URL.String() {
			t.Errorf("the app saw %d bytes, declared as %d, %s %s", len(got.body), got.ContentLength, got.Method, got.URL)
		}
		for name, lines := range map[string][]string{"Content-Encoding": {"gzip"}, "Content-Type": {"text/html; {env.SECRET}"}, "X-Two": {"a", "b"}, "Svix-Id": {fmt.Sprintf("msg_%d", i)}} {
			if fmt.Sprint(got.Header[name]) != fmt.Sprint(lines) {
				t.Errorf("%s: %q; want %q", name, got.Header[name], lines)
			}
		}
	}
}
