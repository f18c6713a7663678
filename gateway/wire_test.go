package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// serve puts the source behind a real server and returns its address. Errors of
// the app are answered with 502, as Caddy would.
func (b *bed) serve(t testing.TB) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.Receive(w, r, b.app.next); err != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// conn is a client's connection, written by hand.
type conn struct {
	*net.TCPConn
	in *bufio.Reader
}

func dial(t testing.TB, address string) *conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &conn{c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c *conn) write(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// read returns the next response, with its body read, informational ones too.
func (c *conn) read(t testing.TB) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	if response.Close { // the parser takes the header away
		response.Header.Set("Connection", "close")
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("response %d is cut off: %v", response.StatusCode, err)
	}
	return response, string(body)
}

// ended fails the test unless the server closes the connection and says no more.
func (c *conn) ended(t testing.TB) {
	t.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("the connection goes on: %q, %v", rest, err)
	}
}

// head writes a request up to its body.
func head(header http.Header, lines ...string) string {
	text := "POST /hooks/travtus HTTP/1.1\r\nHost: app.example.com\r\n"
	for _, name := range sorted(header) {
		for _, value := range header[name] {
			text += name + ": " + value + "\r\n"
		}
	}
	for _, line := range lines {
		text += line + "\r\n"
	}
	return text + "\r\n"
}

// chunk frames bytes as one chunk.
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// wireBody is the body that [bed.svix] signs for msg_1.
const wireBody = `{"type":"a.b","n":"msg_1"}`

// TestRefusalsOnTheWire has what the server's own reading of requests would hide
// from a test without a connection. (B-01, B-02, B-05, B-06, B-08, B-16, H-01,
// H-03, H-10, S-01; pitfalls 9, 15, 31 and 34)
func TestRefusalsOnTheWire(t *testing.T) {
	const chunked = "Transfer-Encoding: chunked"
	length := fmt.Sprintf("Content-Length: %d", len(wireBody))
	for _, row := range []struct {
		name, kind string
		lines      []string // after the headers of the event
		without    string   // a header of the event that is not sent
		body       string
		leaves     bool // the client sends no more, and says so
	}{
		{name: "second signature line", kind: "malformed_header", lines: []string{length, "SVIX-SIGNATURE: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, body: wireBody},
		{name: "second id line in lower case", kind: "malformed_header", lines: []string{length, "svix-id: msg_1"}, body: wireBody},
		{name: "second timestamp line", kind: "malformed_header", lines: []string{length, "Svix-Timestamp: 1"}, body: wireBody},
		{name: "signature continued on a second line", kind: "malformed_header", without: "Svix-Signature", lines: []string{length, "Svix-Signature: v1,AAAA", " v1,BBBB"}, body: wireBody},
		{name: "signature in a trailer", kind: "missing_header", without: "Svix-Signature", lines: []string{chunked, "Trailer: Svix-Signature"}, body: chunk(wireBody) + "0\r\nSvix-Signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"},
		{name: "over the cap, declared", kind: "payload_too_large", lines: []string{"Content-Length: 10737418240"}, body: wireBody},
		{name: "over the cap by one, declared", kind: "payload_too_large", lines: []string{"Content-Length: 1001"}, body: strings.Repeat("x", 1001)},
		{name: "over the cap by one, chunked", kind: "payload_too_large", lines: []string{chunked}, body: chunk(strings.Repeat("x", 1001)) + "0\r\n\r\n"},
		{name: "over the cap without end", kind: "payload_too_large", lines: []string{chunked}, body: strings.Repeat(chunk(strings.Repeat("x", 100)), 11)},
		{name: "one chunk over the cap, declared only", kind: "payload_too_large", lines: []string{chunked}, body: "10000000\r\n" + strings.Repeat("x", 1001)},
		{name: "cut off", kind: "malformed_body", lines: []string{length}, body: wireBody[:5], leaves: true},
		{name: "cut off before the first byte", kind: "malformed_body", lines: []string{length}, leaves: true},
		{name: "cut off in a chunk", kind: "malformed_body", lines: []string{chunked}, body: chunk(wireBody)[:10], leaves: true},
		{name: "cut off after a chunk", kind: "malformed_body", lines: []string{chunked}, body: chunk(wireBody), leaves: true},
		{name: "chunk size that is no number", kind: "malformed_body", lines: []string{chunked}, body: "zz\r\n" + wireBody + "\r\n0\r\n\r\n"},
		{name: "chunk size that overflows", kind: "malformed_body", lines: []string{chunked}, body: "fffffffffffffffff\r\n" + wireBody + "\r\n0\r\n\r\n"},
		{name: "chunk size that is negative", kind: "malformed_body", lines: []string{chunked}, body: "-1\r\n" + wireBody + "\r\n0\r\n\r\n"},
		{name: "chunk longer than its size", kind: "malformed_body", lines: []string{chunked}, body: "2\r\n" + wireBody + "\r\n0\r\n\r\n"},
		{name: "chunk size ended by a bare LF", kind: "malformed_body", lines: []string{chunked}, body: fmt.Sprintf("%x\n%s\r\n0\r\n\r\n", len(wireBody), wireBody)},
	} {
		everyWay(t, row.name, func(t *testing.T, way way) {
			t.Parallel() // some wait for the read timeout
			b := way(t, func(cfg *gateway.Config) {
				cfg.MaxBody = 1000
				if table[row.kind].closes {
					cfg.ReadTimeout = time.Second
				}
			})
			c := dial(t, b.serve(t))
			header := b.svix(t, "msg_1").Header
			header.Del(row.without)
			c.write(t, head(header, row.lines...)+row.body)
			if row.leaves {
				if err := c.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			response, text := c.read(t)
			wantRefusal(t, row.name, row.kind, response.StatusCode, response.Header, text)
			if table[row.kind].closes {
				c.ended(t)
			}
			if n := len(b.app.take()); n != 0 {
				t.Errorf("the app was called %d times", n)
			}
			eventually(t, "the request ends", func() bool { return b.watcher.results()[row.kind] == 1 })
			if held := b.process.Bodies.Used(); held != 0 {
				t.Errorf("%d bytes are held", held)
			}
			b.untouched(t)
		})
	}
}

// TestServerRefusesItself: requests of two readings never reach the source, so that
// there is no second reading. (B-08, H-08, H-09, H-13)
func TestServerRefusesItself(t *testing.T) {
	b := newBed(t)
	address := b.serve(t)
	header := b.svix(t, "msg_1").Header
	for _, row := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"two lengths", []string{"Content-Length: 26", "Content-Length: 27"}, 400},
		{"two lengths in one line", []string{"Content-Length: 26, 27"}, 400},
		{"a signed length", []string{"Content-Length: +26"}, 400},
		{"a negative length", []string{"Content-Length: -1"}, 400},
		{"two transfer encodings", []string{"Transfer-Encoding: gzip, chunked"}, 501},
		{"an unknown transfer encoding", []string{"Transfer-Encoding: xchunked"}, 501},
		{"a space before the colon", []string{"Transfer-Encoding : chunked"}, 400},
		{"a NUL in a header", []string{"Content-Length: 26", "X-A: a\x00b"}, 400},
		{"2 MiB of headers", []string{"Content-Length: 26", "X-A: " + strings.Repeat("a", 2<<20)}, 431},
	} {
		c := dial(t, address)
		_, _ = io.WriteString(c, head(header, row.lines...)+wireBody) // the server may hang up first
		if response, text := c.read(t); response.StatusCode != row.status {
			t.Errorf("%s: %d %s; want %d", row.name, response.StatusCode, text, row.status)
		}
	}
	if annotated, counted := b.watcher.take(); len(annotated)+len(counted) != 0 {
		t.Errorf("the source saw %+v", counted)
	}
}

// TestFramingsVerifyAlike: the same bytes are the same event however they arrive,
// and the app gets them whole with one length. (B-07, H-13, S-12; pitfalls 12, 13
// and 34)
func TestFramingsVerifyAlike(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d", len(wireBody))
	var dripped string
	for _, c := range wireBody {
		dripped += chunk(string(c))
	}
	for _, row := range []struct {
		name   string
		lines  []string
		body   string
		header func(http.Header)
	}{
		{name: "length", lines: []string{length}, body: wireBody},
		{name: "length twice alike", lines: []string{length, length}, body: wireBody},
		{name: "one chunk", lines: []string{"Transfer-Encoding: chunked"}, body: chunk(wireBody) + "0\r\n\r\n"},
		{name: "a chunk a byte", lines: []string{"Transfer-Encoding: chunked"}, body: dripped + "0\r\n\r\n"},
		{name: "chunk extensions", lines: []string{"Transfer-Encoding: chunked"}, body: strings.Replace(chunk(wireBody), "\r\n", ";a=b\r\n", 1) + "0\r\n\r\n"},
		{name: "chunked with trailers", lines: []string{"Transfer-Encoding: chunked", "Trailer: X-A"}, body: chunk(wireBody) + "0\r\nX-A: b\r\n\r\n"},
		{name: "chunked and a length", lines: []string{"Content-Length: 3", "Transfer-Encoding: chunked"}, body: chunk(wireBody) + "0\r\n\r\n"},
		{name: "lower case", lines: []string{length}, body: wireBody, header: func(h http.Header) {
			for _, name := range []string{"Svix-Id", "Svix-Timestamp", "Svix-Signature"} {
				h[strings.ToLower(name)] = h[name]
				delete(h, name)
			}
		}},
		{name: "white space around values", lines: []string{length}, body: wireBody, header: func(h http.Header) {
			for _, lines := range h {
				lines[0] = " \t" + lines[0] + "\t "
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t)
			c := dial(t, b.serve(t))
			header := b.svix(t, "msg_1").Header
			if row.header != nil {
				row.header(header)
			}
			c.write(t, head(header, row.lines...)+row.body)
			if response, text := c.read(t); response.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", response.StatusCode, text)
			}
			all := b.app.take()
			if len(all) != 1 || all[0].body != wireBody || all[0].ContentLength != int64(len(wireBody)) || all[0].TransferEncoding != nil || all[0].Trailer != nil {
				t.Errorf("the app saw %+v", all)
			}
			b.duplicate(t, "the same as one piece", b.svix(t, "msg_1"))
		})
	}
	t.Run("HTTP/1.0 knows no chunks", func(t *testing.T) {
		b := newBed(t)
		c := dial(t, b.serve(t))
		text := head(b.svix(t, "msg_1").Header, "Transfer-Encoding: chunked")
		c.write(t, strings.Replace(text, "HTTP/1.1", "HTTP/1.0", 1)+chunk(wireBody)+"0\r\n\r\n")
		response, body := c.read(t)
		wantRefusal(t, "HTTP/1.0", "invalid_signature", response.StatusCode, response.Header, body)
	})
	t.Run("an empty body", func(t *testing.T) {
		b := newBed(t)
		c := dial(t, b.serve(t))
		c.write(t, head(b.signed(t, "svix", verifier.Message{ID: "msg_empty"}).Header, "Content-Length: 0"))
		if response, text := c.read(t); response.StatusCode != http.StatusOK {
			t.Errorf("%d %s", response.StatusCode, text)
		}
	})
}

// TestUploadIsNotInvited: a client that waits for "100 Continue" sends no body for
// headers that are refused, and is told to go on for those that are not. (S-01)
func TestUploadIsNotInvited(t *testing.T) {
	b := newBed(t)
	address := b.serve(t)
	good := b.svix(t, "msg_1").Header
	bad := good.Clone()
	bad.Del("Svix-Signature")

	c := dial(t, address)
	c.write(t, head(bad, "Content-Length: 26", "Expect: 100-continue"))
	response, text := c.read(t)
	wantRefusal(t, "no signature", "missing_header", response.StatusCode, response.Header, text)

	c = dial(t, address)
	c.write(t, head(good, "Content-Length: 26", "Expect: 100-continue"))
	if response, _ := c.read(t); response.StatusCode != http.StatusContinue {
		t.Fatalf("%d; want it invited", response.StatusCode)
	}
	c.write(t, wireBody)
	if response, text := c.read(t); response.StatusCode != http.StatusOK {
		t.Errorf("%d %s", response.StatusCode, text)
	}
}

// TestPipelinedRequestsAreJudgedAlone: what follows a request on its connection,
// refused or not, is no part of it. (B-07, B-09)
func TestPipelinedRequestsAreJudgedAlone(t *testing.T) {
	b := newBed(t)
	c := dial(t, b.serve(t))
	forged := b.svix(t, "msg_1").Header
	forged.Set("Svix-Id", "msg_0")
	good := b.svix(t, "msg_1").Header
	const length = "Content-Length: 26"
	c.write(t, head(forged, length)+wireBody+head(good, length)+wireBody+head(forged, "Content-Length: 5", "Transfer-Encoding: chunked")+chunk(wireBody)+"0\r\n\r\n"+head(good, length)+wireBody)
	for i, want := range []string{"401 Unauthorized ", "200 OK ", "401 Unauthorized ", "200 OK duplicate"} {
		response, _ := c.read(t)
		if got := response.Status + " " + response.Header.Get("Hookgate-Result"); got != want {
			t.Errorf("response %d: %s; want %s", i+1, got, want)
		}
	}
	if all := b.app.take(); len(all) != 1 || all[0].body != wireBody {
		t.Errorf("the app saw %+v", all)
	}
}
