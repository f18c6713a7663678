package sender_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// TestNothingSecretShows: no secret, key or sensitive header is in the log, in an error, in
// what is listed, or readable in the store's files.
func TestNothingSecretShows(t *testing.T) {
	const (
		canary = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"
		second = "whsec_c2Vjb25kc2Vjb25kc2Vjb25kc2Vjb25k"
		token  = "Bearer canary-token-of-a-header"
		text   = "canary-text-of-travelbase"
	)
	folder := t.TempDir()
	b := newBed(t)
	b.database = func() store.Database { return sqlite.New(filepath.Join(folder, "events.db"), time.Second) }
	b.start()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{Secret: canary, Headers: map[string]string{"Authorization": token}})
	b.endpoint(app.ID, sender.EndpointIn{Secret: text, Scheme: sender.SchemeTravelbase})
	b.rotate(app.ID, ep.ID, second, time.Hour)
	b.receivers.status(500)
	m := b.send(app.ID, sender.MessageIn{})
	b.eventually("that attempts are written", func() bool {
		l, err := b.sender.AttemptsByMessage(t.Context(), app.ID, m.ID, sender.AttemptFilter{})
		return err == nil && len(l.Data) >= 2
	})
	var shown strings.Builder
	note := func(err error) {
		if err == nil {
			t.Error("a mistake is no error")
			return
		}
		shown.WriteString(err.Error())
	}
	for _, in := range []sender.EndpointIn{
		{Secret: canary + "x"}, {Secret: strings.TrimPrefix(canary, "whsec_")}, {Secret: canary, Scheme: "no"}, {Headers: map[string]string{"Authorization": token + "\r\n"}},
	} {
		in.URL = "https://example.com/"
		_, err := tryEndpoint(b, app.ID, in)
		note(err)
	}
	b.keys = []string{newKey}
	b.restart()
	_, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
	note(err)
	_, _, err = b.sender.EndpointHeaders(t.Context(), app.ID, ep.ID)
	note(err)
	b.eventually("that the lost key is logged", func() bool { return strings.Contains(b.logs.String(), "cannot be opened") })
	shown.WriteString(b.logs.String())
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(content)
	}
	if !strings.Contains(shown.String(), ep.URL) {
		t.Error("nothing is looked at")
	}
	for _, secret := range []string{canary, canary[6:], "canarycanarycanary", second, second[6:], token, text, testKey, newKey} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("%q shows", secret)
		}
	}
}

// loopback says that all names are on loopback.
type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// TestGuarded: messages and examples go through the guard: a server on loopback gets
// none if that is not allowed, and all if it is (E-10).
func TestGuarded(t *testing.T) {
	var got int
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got++ }))
	defer server.Close()
	closed, err := sender.NewGuard(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []bool{false, true} {
		b := newBed(t)
		b.receivers = nil
		pool := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		b.options.Client = sender.ClientOptions{RootCAs: pool, Resolver: loopback{}}
		b.options.Guard = closed
		if open {
			b.options.Guard = allowLoopback(t)
		}
		b.start()
		app := b.app("one")
		port := server.URL[strings.LastIndexByte(server.URL, ':'):]
		ep := b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com" + port + "/"})
		before := got
		b.send(app.ID, sender.MessageIn{})
		if _, err := b.sender.SendExample(t.Context(), app.ID, ep.ID, sender.EventPing, 0); err != nil {
			t.Fatal(err)
		}
		var l sender.List[sender.Attempt]
		b.eventually("that both are attempted", func() bool {
			l, err = b.sender.AttemptsByEndpoint(t.Context(), app.ID, ep.ID, sender.AttemptFilter{WithContent: true})
			return err == nil && len(l.Data) >= 2
		})
		want := map[bool]int{true: 2}[open]
		if got-before != want {
			t.Errorf("%d requests came; want %d", got-before, want)
		}
		for _, a := range l.Data {
			if success := a.Status == sender.StatusSuccess; success != open || strings.Contains(a.Error+a.Response, "127.0.0.1") {
				t.Errorf("%+v", a)
			}
		}
	}
}

// TestCommitted: what is answered is on the disk (E-19).
func TestCommitted(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.sender.CreateMessage(ctx, app.ID, paid(sender.MessageIn{})); err == nil {
		t.Error("a caller who is gone is answered")
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.sender.CreateMessage(t.Context(), app.ID, paid(sender.MessageIn{})); err == nil {
		t.Error("a message is taken without a store")
	}
}
