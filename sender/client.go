package sender

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/http/httpguts"
)

// Resolver looks names up, as [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ClientOptions say how a [Client] posts. Zero values take the defaults.
type ClientOptions struct {
	// Guard decides which addresses are dialed, and which URLs are taken. Nil: any,
	// for URLs that the operator himself has named.
	Guard *Guard
	// UserAgent is that of every request. Default: Hookgate.
	UserAgent string
	// RootCAs verify certificates. Default: those of the system.
	RootCAs *x509.CertPool
	// Resolver looks names up. Default: that of the system.
	Resolver Resolver
	// DialTimeout is for the lookup and the connection, TLSTimeout for the handshake.
	// Default: 10s each.
	DialTimeout, TLSTimeout time.Duration
	// IdleTimeout is how long a connection is kept for the next post. Default: 30s.
	IdleTimeout time.Duration
	// IdleConns is how many such connections are kept, IdleConnsPerHost for one host.
	// Default: 256, 16.
	IdleConns, IdleConnsPerHost int

	// local returns what answers a URL without a connection: see [Local].
	local func(ctx context.Context, url string) http.Handler
}

// Client posts webhooks. It speaks HTTP/1.1, and HTTP/2 over TLS, of TLS 1.2 and
// later; verifies certificates, which nothing turns off; uses no proxy, whatever the
// environment says; follows no redirect, keeps no cookie and asks for no compression.
// It is safe for concurrent use.
type Client struct {
	options   ClientOptions
	tls       *tls.Config
	transport *http.Transport
	blanks    *lru.Cache[string, *blank]
}

// blank is a request to a URL that has been checked, to be filled in.
type blank struct {
	request *http.Request
	shown   string // the URL, as it is kept
}

const (
	// maxResponse is how much of a response's body is read; more ends the connection.
	maxResponse = 64 << 10
	// keptResponse is how much of it is kept. Svix keeps as much.
	keptResponse = 20_000
	// maxResponseHeader is for all headers of a response, those of 1xx with it.
	maxResponseHeader = 64 << 10
	// fallbackTimeout ends a post whose context has no deadline.
	fallbackTimeout = 30 * time.Second
	// keptBlanks is for how many URLs a request is kept.
	keptBlanks = 1024
)

// NewClient returns a client. It is closed by [Client.Close].
func NewClient(o ClientOptions) *Client {
	o.UserAgent = cmp.Or(o.UserAgent, "Hookgate")
	o.DialTimeout = cmp.Or(max(o.DialTimeout, 0), 10*time.Second)
	o.TLSTimeout = cmp.Or(max(o.TLSTimeout, 0), 10*time.Second)
	o.IdleTimeout = cmp.Or(max(o.IdleTimeout, 0), 30*time.Second)
	o.IdleConns = cmp.Or(max(o.IdleConns, 0), 256)
	o.IdleConnsPerHost = cmp.Or(max(o.IdleConnsPerHost, 0), 16)
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	blanks, _ := lru.New[string, *blank](keptBlanks) // it errs about the size only
	c := &Client{options: o, blanks: blanks, tls: &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, NextProtos: []string{"h2", "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(o.IdleConns),
	}}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	c.transport = &http.Transport{
		Proxy: nil, // on purpose: the guard would check the proxy's address, not the endpoint's
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
			defer cancel()
			return c.dial(ctx, address, true)
		},
		DialTLSContext:         c.dialTLS,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConns:           o.IdleConns,
		MaxIdleConnsPerHost:    o.IdleConnsPerHost,
		IdleConnTimeout:        o.IdleTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		HTTP2: &http.HTTP2Config{
			// A peer that is gone, or does not read, does not keep a connection.
			SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second, WriteByteTimeout: 10 * time.Second,
			// What it may send unasked is bounded by these windows.
			MaxReceiveBufferPerStream: 2 * maxResponse, MaxReceiveBufferPerConnection: 1 << 20,
		},
	}
	return c
}

// Close closes the connections that are idle, and the others when they become idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Post is a webhook to be posted.
type Post struct {
	// URL is the endpoint's, as [CheckURL] returns it.
	URL string
	// Header are the headers of the request. Those that belong to the connection, the
	// host and the body's length are ours, in any spelling, as is the user agent. The
	// values must not be changed any more: the exchange has them, too.
	Header http.Header
	// Body is sent as it is. It must not be changed meanwhile.
	Body []byte
}

// Post makes one request and returns what came of it. It returns soon after ctx is
// done; without a deadline it has 30 s.
//
// The request is sent once. It is sent again only if the endpoint cannot have seen it:
// an idle connection was closed before the first byte was written to it, or HTTP/2 says
// that the stream was refused.
func (c *Client) Post(ctx context.Context, p Post) *Exchange {
	begun := time.Now()
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel := context.WithTimeout(ctx, fallbackTimeout)
		defer cancel()
		ctx = bounded
	}
	ex := new(Exchange)
	c.post(ctx, p, ex)
	ex.Took = time.Since(begun)
	return ex
}

func (c *Client) post(ctx context.Context, p Post, ex *Exchange) {
	at := new(progress)
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(ctx, at.trace()))
	defer cancel() // lets go of what has not been read
	var local http.Handler
	if c.options.local != nil {
		local = c.options.local(ctx, p.URL)
	}
	to, err := c.blank(p.URL, local != nil)
	if err != nil {
		ex.URL = redact(p.URL[:min(len(p.URL), MaxURL)])
		ex.fail(ctx, &requestError{err}, at)
		return
	}
	ex.URL = to.shown
	r, err := c.request(ctx, to, p)
	if err != nil {
		ex.fail(ctx, &requestError{err}, at)
		return
	}
	ex.Sent = keptHeader(r.Header)
	var response *http.Response
	if local != nil {
		at.handed = true
		response, err = handOver(local, r)
	} else {
		response, err = c.transport.RoundTrip(r)
	}
	if err != nil {
		ex.fail(ctx, err, at)
		return
	}
	defer func() { _ = response.Body.Close() }()
	at.answered = true
	ex.Status, ex.Protocol, ex.RetryAfter = response.StatusCode, response.Proto, response.Header.Get("Retry-After")
	ex.RetryAfter = ex.RetryAfter[:min(len(ex.RetryAfter), 128)]
	ex.Header = keptHeader(response.Header)
	if response.StatusCode == http.StatusSwitchingProtocols {
		// What follows is the bare connection, which knows nothing of the context.
		ex.fail(ctx, errSwitch, at)
	} else {
		if response.StatusCode/100 == 3 {
			ex.fail(ctx, errRedirect, at)
		}
		if err := ex.read(response.Body); err != nil {
			ex.fail(ctx, err, at)
		}
	}
	if ex.Status/100 != 2 && c.options.Guard != nil && c.options.Guard.allowed(at.peer()) {
		ex.Header, ex.Body, ex.Cut, ex.Withheld = nil, nil, false, true
	}
}

// blank returns the request to a URL, which is checked unless it is local.
func (c *Client) blank(url string, local bool) (*blank, error) {
	if local {
		return newBlank(url)
	}
	if to, ok := c.blanks.Get(url); ok {
		return to, nil
	}
	text, err := CheckURL(url, c.options.Guard)
	if err != nil {
		return nil, err
	}
	to, err := newBlank(text)
	if err == nil {
		c.blanks.Add(url, to)
	}
	return to, err
}

func newBlank(url string) (*blank, error) {
	r, err := http.NewRequest(http.MethodPost, url, nil) //nolint:noctx // it gets one with each post
	if err != nil {
		return nil, errors.New("the URL cannot be parsed")
	}
	return &blank{r, redactURL(r.URL)}, nil
}

// request makes the request of a post.
func (c *Client) request(ctx context.Context, to *blank, p Post) (*http.Request, error) {
	r := to.request.WithContext(ctx)
	// A body of length 0 is announced as well. GetBody lets the transport send again what
	// was not seen.
	r.Body, r.ContentLength = http.NoBody, int64(len(p.Body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Body)), nil }
	if len(p.Body) > 0 {
		r.Body, _ = r.GetBody() // it never fails
	}
	r.Header = make(http.Header, len(p.Header)+3)
	authorized, accept := false, false
	for name, values := range p.Header {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }) {
			return nil, fmt.Errorf("the header %q is malformed", name)
		}
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case slices.Contains(ownHeaders, canonical):
			continue
		case canonical == "Idempotency-Key", canonical == "X-Idempotency-Key":
			// In this spelling net/http does not take it for a permission to send again.
			name = strings.ToLower(name)
		}
		authorized, accept = authorized || canonical == "Authorization", accept || canonical == "Accept"
		if before := r.Header[name]; before != nil {
			values = append(before, values...)
		}
		r.Header[name] = slices.Clip(values)
	}
	if password, ok := r.URL.User.Password(); r.URL.User != nil && !authorized && (ok || r.URL.User.Username() != "") {
		r.SetBasicAuth(r.URL.User.Username(), password)
	}
	if !accept {
		r.Header.Set("Accept", "*/*")
	}
	r.Header.Set("User-Agent", c.options.UserAgent)
	return r, nil
}

// ownHeaders are the headers that a post does not choose.
var ownHeaders = []string{
	"Connection", "Content-Length", "Expect", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// read reads the body of a response, and keeps its beginning.
func (e *Exchange) read(body io.Reader) error {
	if body == http.NoBody {
		return nil
	}
	beginning := new(bytes.Buffer)
	n, err := io.Copy(beginning, io.LimitReader(body, keptResponse))
	e.Body = beginning.Bytes()
	if err != nil || n < keptResponse {
		return err
	}
	n, err = io.CopyN(io.Discard, body, maxResponse-keptResponse+1)
	if n > 0 {
		e.Cut, e.Body = true, trimRune(e.Body)
	}
	switch {
	case err == nil:
		return errTooLong
	case errors.Is(err, io.EOF): // it has ended
		return nil
	default:
		return err
	}
}

// trimRune removes a character that was cut off from the end of a text.
func trimRune(text []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if c := text[len(text)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}

// progress is how far a request has come. Its hooks are called on goroutines of the
// transport, even after it has returned.
type progress struct {
	remote   atomic.Pointer[netip.Addr]
	written  atomic.Bool
	handed   bool // over in this process: by Post, as is the next
	answered bool
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			remote := netip.Addr{}
			if tcp, ok := info.Conn.RemoteAddr().(*net.TCPAddr); ok {
				remote = tcp.AddrPort().Addr().Unmap()
			}
			p.remote.Store(&remote)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				p.written.Store(true)
			}
		},
	}
}

// peer is the address that was connected to; the zero one if there was none.
func (p *progress) peer() netip.Addr {
	if remote := p.remote.Load(); remote != nil {
		return *remote
	}
	return netip.Addr{}
}

var (
	errRedirect = errors.New("redirects are not followed")
	errSwitch   = errors.New("the server switches to another protocol")
	errTooLong  = fmt.Errorf("the response's body is longer than %d bytes", maxResponse)
)
