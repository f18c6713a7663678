package sender_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// newEndpoint is a server over TLS at 127.0.0.1, with the certificates that clients
// verify it by.
func newEndpoint(tb testing.TB, handler http.HandlerFunc) (*httptest.Server, *authority) {
	tb.Helper()
	a := newAuthority(tb)
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(tb, false, nil)}}
	s.StartTLS()
	tb.Cleanup(s.Close)
	return s, a
}

func newClient(tb testing.TB, o sender.ClientOptions) *sender.Client {
	tb.Helper()
	c := sender.NewClient(o)
	tb.Cleanup(c.Close)
	return c
}

// TestPost: a post arrives as it is, over HTTP/2 where the endpoint speaks it, and what
// comes back is kept.
func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	s, a := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Retry-After", "120")
		w.Header().Set("Set-Cookie", "session=canary")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	})
	c := newClient(t, sender.ClientOptions{RootCAs: a.pool, UserAgent: "Hookgate/1.2"})
	for _, payload := range []string{`{"test": 2432232314}`, "", strings.Repeat("a", 1<<20)} {
		ex := postWithin(t, c, 5*time.Second, sender.Post{
			URL: s.URL + "/hook?a=1&token=canary", Body: []byte(payload),
			Header: http.Header{
				"Content-Type": {"application/json"}, "Webhook-Id": {"msg_1"}, "Webhook-Signature": {"v1,AAA="}, "Authorization": {"Bearer canary"}, "X-Several": {"1", "2"},
				"X-Api-Key": {"canary"}, "Idempotency-Key": {"k1"},
			},
		})
		if ex.Err != nil || ex.Status != http.StatusTeapot || string(ex.Body) != "short and stout" || ex.RetryAfter != "120" || ex.Protocol != "HTTP/2.0" {
			t.Fatalf("%+v", ex)
		}
		if string(body) != payload || got.Method != http.MethodPost || got.RequestURI != "/hook?a=1&token=canary" || got.ContentLength != int64(len(payload)) {
			t.Errorf("%s %s with %d bytes", got.Method, got.RequestURI, len(body))
		}
		want := http.Header{
			"Accept": {"*/*"}, "User-Agent": {"Hookgate/1.2"}, "Content-Type": {"application/json"}, "Webhook-Id": {"msg_1"}, "Webhook-Signature": {"v1,AAA="},
			"Authorization": {"Bearer canary"}, "X-Several": {"1", "2"}, "X-Api-Key": {"canary"}, "Idempotency-Key": {"k1"}, "Content-Length": {fmt.Sprint(len(payload))},
		}
		if fmt.Sprint(got.Header) != fmt.Sprint(want) {
			t.Errorf("sent %v, want %v", got.Header, want)
		}
		encoded := string(ex.Encode())
		if strings.Contains(encoded, "canary") || !strings.Contains(encoded, "v1,AAA=") || !strings.Contains(encoded, "token=***") || ex.URL != s.URL+"/hook?a=1&token=***" {
			t.Errorf("kept: %s", encoded)
		}
		if back, err := sender.DecodeExchange(ex.Encode()); err != nil || string(back.Body) != string(ex.Body) || fmt.Sprint(back.Header) != fmt.Sprint(ex.Header) || fmt.Sprint(back.Sent) != fmt.Sprint(ex.Sent) {
			t.Errorf("%+v, error %v", back, err)
		}
	}
}

// TestPostOwnsTheConnection: headers of a post that belong to the connection are not
// sent, in any spelling, and what would break a line is refused before anything is
// sent. (H-15)
func TestPostOwnsTheConnection(t *testing.T) {
	type request struct {
		host   string
		header http.Header
		length int64
		coding []string
	}
	var got request
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		got = request{r.Host, r.Header, r.ContentLength, r.TransferEncoding}
	}))
	defer s.Close()
	c := newClient(t, sender.ClientOptions{})
	for _, name := range []string{"Host", "host", "hOST", "content-length", "Content-Length", "TRANSFER-ENCODING", "connection", "Connection", "te", "Trailer", "upgrade", "Keep-Alive", "proxy-authorization", "user-agent", "Expect"} {
		ex := postWithin(t, c, time.Second, sender.Post{URL: s.URL, Header: http.Header{name: {"chunked"}}, Body: []byte("12345")})
		if ex.Err != nil || ex.Status != http.StatusOK {
			t.Errorf("%s: %+v", name, ex)
		}
		if "http://"+got.host != s.URL || got.length != 5 || got.coding != nil || strings.Contains(fmt.Sprint(got.header), "chunked") {
			t.Errorf("%s: %v", name, got)
		}
	}
	before := calls.Load()
	for _, header := range []http.Header{{"X-A": {"a\r\nHost: b"}}, {"X-A": {"a\nb"}}, {"X-A": {"a\x00"}}, {"X-A\r\nX-B": {"a"}}, {"": {"a"}}, {"X A": {"a"}}, {"X-A:": {"a"}}, {"X-Ä": {"a"}}} {
		if ex := postWithin(t, c, time.Second, sender.Post{URL: s.URL, Header: header}); ex.Class != sender.ClassURL || ex.Status != 0 {
			t.Errorf("%q: %+v", header, ex)
		}
	}
	if n := calls.Load(); n != before {
		t.Errorf("%d malformed requests were sent", n-before)
	}
}

// TestPostOfOperator: a user in the operator's own URL is sent as Basic credentials,
// unless a header has others, and is not kept.
func TestPostOfOperator(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer s.Close()
	c := newClient(t, sender.ClientOptions{})
	at := strings.Replace(s.URL, "http://", "http://me:canary@", 1)
	for header, want := range map[string]string{"": "Basic bWU6Y2FuYXJ5", "Authorization": "Bearer 1", "authorization": "Bearer 1"} {
		p := sender.Post{URL: at}
		if header != "" {
			p.Header = http.Header{header: {"Bearer 1"}}
		}
		ex := postWithin(t, c, time.Second, p)
		if ex.Status != http.StatusOK || got != want || ex.URL != s.URL+"/" || strings.Contains(string(ex.Encode()), "canary") {
			t.Errorf("%q is sent, %s", got, ex.Encode())
		}
	}
}

// TestRedirects: none is followed, wherever it leads: there is one request, and no
// connection to anywhere else. (E-07, E-G1)
func TestRedirects(t *testing.T) {
	catcher := newCatcher(t)
	var calls atomic.Int64
	var code int
	var to string
	s, a := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	c := newClient(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), RootCAs: a.pool})
	off := newClient(t, sender.ClientOptions{RootCAs: a.pool})
	n := int64(0)
	for _, code = range []int{300, 301, 302, 303, 304, 305, 307, 308, 399} {
		for _, to = range []string{
			"http://127.0.0.1:" + catcher.port() + "/", "https://[::1]:" + catcher.port(), "//localhost:" + catcher.port(), "http://me:canary@127.0.0.1:" + catcher.port() + "/?key=canary", "/again", "",
			"file:///etc/passwd", "gopher://127.0.0.1:" + catcher.port() + "/_", "http://169.254.169.254/latest/meta-data/", "\x00",
		} {
			for _, client := range []*sender.Client{c, off} {
				n++
				ex := postWithin(t, client, 2*time.Second, sender.Post{URL: s.URL})
				if ex.Status != code || ex.Class != sender.ClassRedirect || calls.Load() != n || strings.Contains(string(ex.Encode()), "canary") {
					t.Errorf("%d to %q: %d requests, want %d; %s", code, to, calls.Load(), n, ex.Encode())
				}
			}
		}
	}
	if n := catcher.accepted.Load(); n != 0 {
		t.Errorf("%d connections to where redirects lead", n)
	}
}

// TestProxyOfTheEnvironment: a proxy that the environment names is not asked. It runs
// in a process of its own, as net/http reads the environment once; there a bare client
// does ask the proxy, so the check can fail. (E-08, E-G1)
func TestProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("SENDER_TEST_PROXY") == "" {
		proxy := newCatcher(t)
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestProxyOfTheEnvironment$", "-test.count=1")
		command.Env = append(os.Environ(), "SENDER_TEST_PROXY=1", "NO_PROXY=", "no_proxy=")
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
			command.Env = append(command.Env, name+"=http://127.0.0.1:"+proxy.port())
		}
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if n := proxy.accepted.Load(); n != 1 {
			t.Errorf("%d connections to the proxy, want one of the bare client", n)
		}
		return
	}
	s, a := newEndpoint(t, func(http.ResponseWriter, *http.Request) {})
	dns := newNames(t)
	dns.set("endpoint.test", func(int) string { return "127.0.0.1" })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, guard := range []*sender.Guard{nil, newGuard(t, "127.0.0.1/32")} {
		c := newClient(t, sender.ClientOptions{Guard: guard, RootCAs: a.pool, Resolver: dns.resolver()})
		for _, host := range []string{"127.0.0.1", "endpoint.test"} {
			if ex := postWithin(t, c, 5*time.Second, sender.Post{URL: "https://" + host + port}); ex.Status != http.StatusOK {
				t.Errorf("%s: %+v", host, ex)
			}
		}
	}
	bare := &http.Client{Transport: http.DefaultTransport}
	if r, err := bare.Post("http://endpoint.test/", "", http.NoBody); err == nil {
		r.Body.Close()
	}
}

// TestConnectionsAreKept: posts to one host, one after another, share a connection; when
// the client is closed none is left. A name is not looked up for a kept one.
func TestConnectionsAreKept(t *testing.T) {
	var opened, closed atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(make([]byte, 30_000))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed.Add(1)
		default:
		}
	}
	s.Start()
	defer s.Close()
	dns := newNames(t)
	dns.set("endpoint.test", func(int) string { return "127.0.0.1" })
	c := newClient(t, sender.ClientOptions{Resolver: dns.resolver(), IdleConnsPerHost: 1})
	for range 20 {
		ex := postWithin(t, c, 2*time.Second, sender.Post{URL: "http://endpoint.test" + s.URL[strings.LastIndexByte(s.URL, ':'):], Body: []byte("{}")})
		if ex.Status != http.StatusOK || len(ex.Body) != 20_000 || !ex.Cut || ex.Err != nil {
			t.Fatalf("%d bytes, %+v", len(ex.Body), ex.Err)
		}
	}
	if opened.Load() != 1 || dns.lookups("endpoint.test") != 1 {
		t.Errorf("%d connections, %d lookups", opened.Load(), dns.lookups("endpoint.test"))
	}
	c.Close()
	for deadline := time.Now().Add(5 * time.Second); closed.Load() != 1; {
		if time.Now().After(deadline) {
			t.Fatal("the connection is still open")
		}
		<-time.After(time.Millisecond)
	}
}

// TestCanceled: when the engine stops, the attempt ends at once and says so.
func TestCanceled(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s, a := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	defer close(release)
	c := newClient(t, sender.ClientOptions{RootCAs: a.pool})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if ex := c.Post(ctx, sender.Post{URL: s.URL}); ex.Class != sender.ClassCanceled || !errors.Is(ex.Err, context.Canceled) || ex.Status != 0 {
		t.Errorf("%+v", ex)
	}
}
