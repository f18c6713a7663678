package sender_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// beast is a hostile endpoint: what it does with a connection, and what comes of it.
type beast struct {
	name   string
	serve  func(conn net.Conn, stop <-chan struct{})
	class  sender.Class
	status int
	reason string // a part of it, if given
}

const (
	short     = 250 * time.Millisecond // for beasts that use up all of their time
	long      = 10 * time.Second
	zooHeader = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
)

// asked reads a request and its body.
func asked(conn net.Conn) bool {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

// says answers a request with a text, and waits for the end.
func says(text string) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, stop <-chan struct{}) {
		if asked(conn) {
			io.WriteString(conn, text)
			<-stop
		}
	}
}

// ends answers a request with a text, and closes the connection.
func ends(text string) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, _ <-chan struct{}) {
		if asked(conn) {
			io.WriteString(conn, text)
		}
	}
}

// drips answers a request with a text, and then another one forever, a piece at a time.
func drips(text, forever string, every time.Duration) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, stop <-chan struct{}) {
		if !asked(conn) {
			return
		}
		_, err := io.WriteString(conn, text)
		for err == nil {
			if _, err = io.WriteString(conn, forever); every > 0 {
				select {
				case <-stop:
					return
				case <-time.After(every):
				}
			}
		}
	}
}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

var plainBeasts = []beast{
	{"never answers", says(""), sender.ClassTimeout, 0, "no response"},
	{"never reads", func(_ net.Conn, stop <-chan struct{}) { <-stop }, sender.ClassTimeout, 0, ""},
	{"hangs up at once", func(net.Conn, <-chan struct{}) {}, sender.ClassReset, 0, ""},
	{"resets at once", func(conn net.Conn, _ <-chan struct{}) { reset(conn) }, sender.ClassReset, 0, ""},
	{"half closes", func(conn net.Conn, stop <-chan struct{}) {
		asked(conn)
		conn.(*net.TCPConn).CloseWrite()
		<-stop
	}, sender.ClassReset, 0, ""},
	{"half closes in the headers", func(conn net.Conn, stop <-chan struct{}) {
		asked(conn)
		io.WriteString(conn, zooHeader)
		conn.(*net.TCPConn).CloseWrite()
		<-stop
	}, sender.ClassReset, 0, ""},
	{"drips the status line", drips("HTTP/1.1 200 ", "O", 10*time.Millisecond), sender.ClassTimeout, 0, "no response"},
	{"drips headers", drips(zooHeader, "A: b\r\n", 10*time.Millisecond), sender.ClassTimeout, 0, "no response"},
	{"drips a body", drips(zooHeader+"Content-Length: 1000\r\n\r\n", "a", 10*time.Millisecond), sender.ClassTimeout, 200, "did not end"},
	{"drips chunks", drips(zooHeader+"Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", 10*time.Millisecond), sender.ClassTimeout, 200, "did not end"},
	{"drips 1xx", drips("", "HTTP/1.1 103 Early Hints\r\n\r\n", 10*time.Millisecond), sender.ClassTimeout, 0, "no response"},
	{"never ends the body", says(zooHeader + "Content-Length: 1000\r\n\r\nshort"), sender.ClassTimeout, 200, "did not end"},
	{"never ends a failure", says("HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\nshort"), sender.ClassTimeout, 500, "did not end"},
	{"endless headers", drips(zooHeader, "X-Header: "+strings.Repeat("a", 100)+"\r\n", 0), sender.ClassTooLong, 0, "headers"},
	{"an endless header", drips(zooHeader+"X-Header: ", strings.Repeat("a", 4096), 0), sender.ClassTooLong, 0, "headers"},
	{"an endless status line", drips("HTTP/1.1 200 ", strings.Repeat("a", 4096), 0), sender.ClassTooLong, 0, "headers"},
	{"endless 1xx", drips("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0), sender.ClassTooLong, 0, "headers"},
	{"an endless body", drips(zooHeader+"\r\n", strings.Repeat("a", 4096), 0), sender.ClassTooLong, 200, "body"},
	{"a body of 1 GB", drips(zooHeader+"Content-Length: 1073741824\r\n\r\n", strings.Repeat("a", 4096), 0), sender.ClassTooLong, 200, "body"},
	{"endless chunks", drips(zooHeader+"Transfer-Encoding: chunked\r\n\r\n", "1000\r\n"+strings.Repeat("a", 4096)+"\r\n", 0), sender.ClassTooLong, 200, "body"},
	{"a failure of 1 GB", drips("HTTP/1.1 500 No\r\nContent-Length: 1073741824\r\n\r\n", strings.Repeat("a", 4096), 0), sender.ClassTooLong, 500, "body"},
	{"an endless chunk extension", drips(zooHeader+"Transfer-Encoding: chunked\r\n\r\n1;", strings.Repeat("a", 4096), 0), sender.ClassProtocol, 200, ""},
	{"endless trailers", drips(zooHeader+"Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n0\r\n", "X-A: "+strings.Repeat("a", 1000)+"\r\n", 0), sender.ClassProtocol, 200, ""},
	{"100 x 1xx", says(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), "", 200, ""},
	{"another protocol", ends("220 smtp.example.com ESMTP\r\n250 OK\r\n"), sender.ClassProtocol, 0, "not valid"},
	{"HTTP/0.9", ends("<html>hello</html>"), sender.ClassProtocol, 0, "not valid"},
	{"TLS where there is none", ends("\x15\x03\x01\x00\x02\x02\x46"), sender.ClassProtocol, 0, "not valid"},
	{"speaks first", func(conn net.Conn, stop <-chan struct{}) {
		io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n")
		<-stop
	}, sender.ClassProtocol, 0, ""},
	{"a malformed header", ends("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), sender.ClassProtocol, 0, ""},
	{"a negative length", ends(zooHeader + "Content-Length: -1\r\n\r\n"), sender.ClassProtocol, 0, ""},
	{"two lengths", ends(zooHeader + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), sender.ClassProtocol, 0, ""},
	{"an unknown coding", ends(zooHeader + "Transfer-Encoding: gzip\r\n\r\nab"), sender.ClassProtocol, 0, ""},
	{"a malformed chunk", ends(zooHeader + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), sender.ClassProtocol, 200, ""},
	{"a status of four digits", ends("HTTP/1.1 2000 OK\r\n\r\n"), sender.ClassProtocol, 0, ""},
	{"a status that there is not", ends("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"), "", 999, ""},
	{"another protocol from here on", says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), sender.ClassProtocol, 101, "switches"},
	{"a body that is shorter than it says", ends(zooHeader + "Content-Length: 10\r\n\r\nshort"), sender.ClassReset, 200, ""},
	{"a body with no end but the connection's", ends(zooHeader + "\r\nall of it"), "", 200, ""},
	{"a body that is not compressed", ends(zooHeader + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), "", 200, ""},
	{"an answer before the request", func(conn net.Conn, stop <-chan struct{}) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
		<-stop
	}, "any", 0, ""},
}

// meet posts to a beast and holds what comes of it against what is expected.
func (b *beast) meet(t *testing.T, c *sender.Client, url string) {
	t.Helper()
	post := func(limit time.Duration) *sender.Exchange {
		return postWithin(t, c, limit, sender.Post{URL: url, Body: bytes.Repeat([]byte("a"), 1000), Header: http.Header{"Content-Type": {"text/plain"}}})
	}
	if b.class == "any" {
		post(short)
		return
	}
	var ex *sender.Exchange
	if b.class == sender.ClassTimeout {
		ex = post(short)
	}
	if ex == nil || ex.Status != b.status || !strings.Contains(ex.Reason, b.reason) { // a busy machine takes longer to get so far
		ex = post(long)
	}
	if ex.Class != b.class || ex.Status != b.status || !strings.Contains(ex.Reason, b.reason) || len(ex.Body) > 20_000 {
		t.Errorf("%s: class %q, status %d, %d bytes, error %v; want %q, %d", b.name, ex.Class, ex.Status, len(ex.Body), ex.Err, b.class, b.status)
	}
}

// zoo opens a cage, lets all in, and holds that nothing is left behind: no goroutine,
// and no memory to speak of.
func zoo(t *testing.T, o sender.ClientOptions, beasts []beast, cage func(beast) (serve func(net.Conn, <-chan struct{}), url string)) {
	t.Helper()
	before := runtime.NumGoroutine()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	allocated := memory.TotalAlloc
	o.DialTimeout, o.TLSTimeout, o.IdleTimeout = long, long, time.Second
	c := sender.NewClient(o)
	for _, b := range beasts {
		serve, url := cage(b)
		p := newPeer(t, "127.0.0.1:0", serve)
		b.meet(t, c, strings.Replace(url, "PORT", p.port(), 1))
		p.stop()
	}
	c.Close()
	noLeak(t, before)
	runtime.ReadMemStats(&memory)
	if each := (memory.TotalAlloc - allocated) / uint64(len(beasts)); each > 8<<20 {
		t.Errorf("%d bytes were allocated for each", each)
	}
}

// TestHostileEndpoints: whatever an endpoint that speaks, or does not speak, HTTP/1.1
// does, the attempt ends within its time, says what was wrong, and leaves nothing
// behind. (E-13, U-02, U-03, U-08, U-09, U-10, E-G4)
func TestHostileEndpoints(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		zoo(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32")}, plainBeasts, func(b beast) (func(net.Conn, <-chan struct{}), string) {
			return b.serve, "http://127.0.0.1:PORT/"
		})
	})
	t.Run("over TLS", func(t *testing.T) {
		a := newAuthority(t)
		config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, false, nil)}, MinVersion: tls.VersionTLS12}
		var beasts []beast
		for _, b := range plainBeasts {
			if !strings.HasPrefix(b.name, "half closes") && !strings.HasPrefix(b.name, "never reads") && !strings.HasPrefix(b.name, "hangs up") && !strings.HasPrefix(b.name, "resets") {
				beasts = append(beasts, b)
			}
		}
		zoo(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), RootCAs: a.pool}, beasts, func(b beast) (func(net.Conn, <-chan struct{}), string) {
			return func(conn net.Conn, stop <-chan struct{}) {
				secure := tls.Server(conn, config)
				defer secure.Close()
				b.serve(secure, stop)
			}, "https://127.0.0.1:PORT/"
		})
	})
}

// TestBadTLS: what cannot be verified is not posted to, and the reason is told apart:
// expired, not valid yet, for another host, self-signed, by an unknown authority, for
// another purpose, of an old version, no TLS at all, and what hangs. (E-12, U-16, E-G4)
func TestBadTLS(t *testing.T) {
	a, unknown := newAuthority(t), newAuthority(t)
	var requests atomic.Int64
	with := func(change func(*tls.Config)) func(net.Conn, <-chan struct{}) {
		return func(conn net.Conn, stop <-chan struct{}) {
			config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, false, nil)}, MinVersion: tls.VersionTLS10}
			change(config)
			secure := tls.Server(conn, config)
			defer secure.Close()
			if asked(secure) {
				requests.Add(1)
				io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				<-stop
			}
		}
	}
	issued := func(by *authority, self bool, change func(*x509.Certificate)) func(net.Conn, <-chan struct{}) {
		certificate := by.issue(t, self, change)
		return with(func(c *tls.Config) { c.Certificates = []tls.Certificate{certificate} })
	}
	beasts := []beast{
		{"expired", issued(a, false, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), sender.ClassTLS, 0, "expired"},
		{"not valid yet", issued(a, false, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), sender.ClassTLS, 0, "not valid yet"},
		{"for another host", issued(a, false, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }), sender.ClassTLS, 0, "another host"},
		{"for no host", issued(a, false, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, nil }), sender.ClassTLS, 0, "another host"},
		{"self-signed", issued(a, true, nil), sender.ClassTLS, 0, "self-signed"},
		{"by an unknown authority", issued(unknown, false, nil), sender.ClassTLS, 0, "unknown authority"},
		{"for clients", issued(a, false, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), sender.ClassTLS, 0, "not valid for this"},
		{"of TLS 1.1", with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }), sender.ClassTLS, 0, "TLS 1.2"},
		{"of TLS 1.0", with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS10 }), sender.ClassTLS, 0, "TLS 1.2"},
		{"plain HTTP", func(conn net.Conn, _ <-chan struct{}) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, conn)
		}, sender.ClassTLS, 0, "not speak TLS"},
		{"garbage", func(conn net.Conn, _ <-chan struct{}) {
			conn.Write(bytes.Repeat([]byte{0xff, 0x00, 0x16}, 1000))
			io.Copy(io.Discard, conn)
		}, sender.ClassTLS, 0, "not speak TLS"},
		{"another application's protocol", with(func(c *tls.Config) { c.NextProtos = []string{"imap"} }), sender.ClassTLS, 0, "handshake failed"},
		{"asks for a certificate", with(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), sender.ClassTLS, 0, ""},
		{"hangs", func(_ net.Conn, stop <-chan struct{}) { <-stop }, sender.ClassTimeout, 0, "no connection"},
		{"drips", func(conn net.Conn, stop <-chan struct{}) {
			for _, c := range append([]byte{0x16, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc}, make([]byte, 0x4000)...) {
				conn.Write([]byte{c})
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		}, sender.ClassTimeout, 0, "no connection"},
		{"hangs up", func(conn net.Conn, _ <-chan struct{}) { conn.Read(make([]byte, 10)) }, sender.ClassTLS, 0, "closed in the TLS handshake"},
	}
	zoo(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), RootCAs: a.pool}, beasts, func(b beast) (func(net.Conn, <-chan struct{}), string) {
		return b.serve, "https://127.0.0.1:PORT/"
	})
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests were sent to who is not verified", n)
	}
	good := []beast{{"good", with(func(*tls.Config) {}), "", 200, ""}, {"TLS 1.2", with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), "", 200, ""}}
	zoo(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), RootCAs: a.pool}, good, func(b beast) (func(net.Conn, <-chan struct{}), string) {
		return b.serve, "https://127.0.0.1:PORT/"
	})
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests to the good ones", n)
	}
}

// TestHandshakeTimeout: a handshake has a time of its own, shorter than the attempt's.
func TestHandshakeTimeout(t *testing.T) {
	p := newPeer(t, "127.0.0.1:0", func(_ net.Conn, stop <-chan struct{}) { <-stop })
	c := newClient(t, sender.ClientOptions{TLSTimeout: 50 * time.Millisecond})
	if ex := postWithin(t, c, 10*time.Second, sender.Post{URL: "https://127.0.0.1:" + p.port()}); ex.Class != sender.ClassTimeout || !strings.Contains(ex.Reason, "handshake") {
		t.Errorf("%+v", ex)
	}
}

// TestResetAtEachByte: the connection is reset, or closed, after each byte of the
// request and of the response. As long as the status line and the headers are not
// complete there is no status; from then on there is. (U-07, U-08, E-G4)
func TestResetAtEachByte(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	const response = head + "0123456789"
	before := runtime.NumGoroutine()
	c := sender.NewClient(sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32")})
	var at atomic.Int64
	for _, how := range []func(net.Conn){reset, func(conn net.Conn) { conn.Close() }} {
		answering := newPeer(t, "127.0.0.1:0", func(conn net.Conn, _ <-chan struct{}) {
			asked(conn)
			io.WriteString(conn, response[:at.Load()])
			// The bytes are to arrive before the reset, which overtakes them.
			conn.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
			conn.Read(make([]byte, 1))
			how(conn)
		})
		reading := newPeer(t, "127.0.0.1:0", func(conn net.Conn, _ <-chan struct{}) {
			io.ReadFull(conn, make([]byte, at.Load()))
			how(conn)
		})
		for i := range len(response) + 1 {
			at.Store(int64(i))
			ex := postWithin(t, c, 5*time.Second, sender.Post{URL: "http://127.0.0.1:" + answering.port(), Body: []byte("{}")})
			status, class := 0, sender.ClassReset
			if i >= len(head) {
				status = 200
			}
			if i == len(response) {
				class = ""
			}
			// Half of a line is no HTTP to net/http.
			if ex.Status != status || ex.Class != class && (status != 0 || ex.Class != sender.ClassProtocol) {
				t.Errorf("after %d bytes of the response: %s, error %v", i, ex.Encode(), ex.Err)
			}
		}
		for i := range 120 {
			at.Store(int64(i))
			ex := postWithin(t, c, 5*time.Second, sender.Post{URL: "http://127.0.0.1:" + reading.port(), Body: make([]byte, 100)})
			if ex.Status != 0 || ex.Class != sender.ClassReset {
				t.Errorf("after %d bytes of the request: %s, error %v", i, ex.Encode(), ex.Err)
			}
		}
		answering.stop()
		reading.stop()
	}
	c.Close()
	noLeak(t, before)
}

// TestResetInTLS: the same under TLS, where what is cut is the stream of the server. The
// attempt never succeeds by a part of it.
func TestResetInTLS(t *testing.T) {
	s, a := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	before := runtime.NumGoroutine()
	guard := newGuard(t, "127.0.0.1/32")
	var limit atomic.Int64
	p := newPeer(t, "127.0.0.1:0", func(conn net.Conn, _ <-chan struct{}) {
		to, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			return
		}
		defer to.Close()
		go func() {
			defer to.Close()
			io.Copy(to, conn)
		}()
		io.CopyN(conn, to, limit.Load())
		reset(conn)
	})
	seen := map[sender.Class]int{}
	for i := int64(0); ; i += 7 {
		limit.Store(i)
		c := sender.NewClient(sender.ClientOptions{Guard: guard, RootCAs: a.pool})
		ex := postWithin(t, c, 5*time.Second, sender.Post{URL: "https://127.0.0.1:" + p.port(), Body: []byte("{}")})
		c.Close()
		if seen[ex.Class]++; ex.Class == "" && ex.Status == http.StatusOK {
			break
		}
		if i > 5000 || ex.Class != sender.ClassTLS && ex.Class != sender.ClassReset {
			t.Fatalf("after %d bytes: %s, error %v", i, ex.Encode(), ex.Err)
		}
	}
	if seen[sender.ClassTLS] < 10 || seen[sender.ClassReset] < 10 {
		t.Errorf("seen: %v", seen)
	}
	p.stop()
	noLeak(t, before+4) // the server's own connections end in their time
}

// TestStaleConnection: a connection that the endpoint has closed while it was idle is no
// failure, and costs no second delivery; one that it closes on the request is not tried
// again, also if a header calls the request repeatable. (U-11)
func TestStaleConnection(t *testing.T) {
	var requests atomic.Int64
	p := newPeer(t, "127.0.0.1:0", func(conn net.Conn, _ <-chan struct{}) {
		reader := bufio.NewReader(conn)
		for n := 0; ; n++ {
			r, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			requests.Add(1)
			if n > 0 {
				return // without an answer
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newClient(t, sender.ClientOptions{})
	for n := range int64(10) {
		ex := postWithin(t, c, 2*time.Second, sender.Post{URL: "http://127.0.0.1:" + p.port(), Body: []byte("{}"), Header: http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"1"}}})
		if n%2 == 0 && ex.Status != 200 || n%2 == 1 && ex.Class != sender.ClassReset || requests.Load() != n+1 {
			t.Errorf("post %d: %d requests, %s, error %v", n, requests.Load(), ex.Encode(), ex.Err)
		}
	}
	if ex := c.Post(t.Context(), sender.Post{URL: "http://127.0.0.1:1/"}); ex.Class != sender.ClassRefused || errors.Is(ex.Err, sender.ErrBlocked) {
		t.Errorf("refused: %+v", ex)
	}
}
