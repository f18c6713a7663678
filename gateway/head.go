package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// head is a stored request without its body. It is text that people can read: the
// request line, then what is known of the connection under names that no header can
// have, then the headers:
//
//	POST /hooks/travtus?a=b HTTP/1.1
//	:host: app.example.com
//	:remote: 192.0.2.1:40312
//	:local: tcp/198.51.100.7:443
//	:tls: app.example.com
//	:via: 5f3a9c0d1e2b4a68/other,
//	Content-Type: application/json
//
// Lines end in LF; of the connection, what is empty has no line, but :tls is there
// whenever TLS was. Values are kept to the byte. A line about the connection that is
// unknown is passed over, so that a later release can add one.
type head struct {
	method       string
	url          *url.URL // path and query
	major, minor int      // of the protocol
	host         string
	remote       string
	local        address
	tls          bool
	serverName   string
	hops         string // the list before our own name, see [Process.hops]
	header       http.Header
}

// The lines about the connection.
const (
	lineHost   = ":host"
	lineRemote = ":remote"
	lineLocal  = ":local"
	lineTLS    = ":tls"
	lineVia    = ":via"
)

// address is that of our end, as it was.
type address struct{ network, text string }

// Network implements [net.Addr].
func (a address) Network() string { return a.network }

// String implements [net.Addr].
func (a address) String() string { return a.text }

// typicalHead is the room that most heads fit in.
const typicalHead = 1 << 10

// headOf returns the head of a request as the handler sees it.
func headOf(r *http.Request, hops string) head {
	h := head{
		method: r.Method, url: r.URL, major: r.ProtoMajor, minor: r.ProtoMinor,
		host: r.Host, remote: r.RemoteAddr, tls: r.TLS != nil, hops: hops, header: r.Header,
	}
	if h.tls {
		h.serverName = r.TLS.ServerName
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		h.local = address{local.Network(), local.String()}
	}
	return h
}

// append encodes the head, without what is withheld.
func (h *head) append(b []byte, w *withholding) []byte {
	b = append(append(b, h.method...), ' ')
	b = append(b, h.uri(w)...)
	b = append(b, " HTTP/"...)
	if h.major > 9 || h.minor > 9 || h.major < 0 || h.minor < 0 {
		b = append(b, "1.1\n"...) // there is no such version
	} else {
		b = append(b, byte('0'+h.major), '.', byte('0'+h.minor), '\n')
	}
	for _, line := range [...]struct{ name, value string }{{lineHost, h.host}, {lineRemote, h.remote}, {lineVia, h.hops}} {
		if line.value != "" {
			b = appendLine(b, line.name, line.value)
		}
	}
	if h.local != (address{}) {
		b = appendLine(b, lineLocal, h.local.network, "/", h.local.text)
	}
	if h.tls {
		b = appendLine(b, lineTLS, h.serverName)
	}
	connection := named(h.header)
	for name, lines := range h.header {
		if !token(name) || w.header(name, connection) {
			continue
		}
		for _, value := range lines {
			b = appendLine(b, name, value)
		}
	}
	return b
}

// uri is path and query, as they are sent on. Handlers before us may have made them
// what no server would take.
func (h *head) uri(w *withholding) string {
	u := url.URL{Path: h.url.Path, RawPath: h.url.RawPath, ForceQuery: h.url.ForceQuery}
	u.RawQuery = withoutValues(h.url.RawQuery, w.query)
	uri := u.RequestURI()
	if uri[0] != '/' {
		uri = "/" + uri
	}
	for i := range len(uri) {
		if control(uri[i]) || uri[i] == ' ' {
			return escape(uri)
		}
	}
	return uri
}

func escape(uri string) string {
	var b strings.Builder
	for i := range len(uri) {
		if c := uri[i]; control(c) || c == ' ' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// appendLine writes a line. A value that a server has read is taken as it is; where
// another handler has made it more than one line, it becomes one.
func appendLine(b []byte, name string, value ...string) []byte {
	b = append(append(b, name...), ": "...)
	start := len(b)
	for _, v := range value {
		b = append(b, v...)
	}
	for i, c := range b[start:] {
		if control(c) && c != '\t' {
			b[start+i] = ' '
		}
	}
	return append(b, '\n')
}

func control(c byte) bool { return c < ' ' || c == 0x7f }

// token reports whether s can be a method or a header's name.
func token(s string) bool {
	for i := range len(s) {
		if !alphanumeric(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}
