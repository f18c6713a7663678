package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// decodeHead is the inverse of append. It takes nothing that append would not write.
func decodeHead(text []byte) (*head, error) {
	if len(text) == 0 {
		return nil, errors.New("the payload is not kept any more")
	}
	if bytes.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' && c != '\n' || c == 0x7f }) {
		return nil, errors.New("the stored head has a control character")
	}
	lines, ok := strings.CutSuffix(string(text), "\n") // one copy, of which all values are parts
	if !ok {
		return nil, errors.New("the stored head is cut off")
	}
	line, rest, more := strings.Cut(lines, "\n")
	h := &head{header: make(http.Header, strings.Count(rest, "\n")+1)}
	if err := h.decodeRequestLine(line); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for more {
		line, rest, more = strings.Cut(rest, "\n")
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok:
			return nil, fmt.Errorf("the stored head has a line without a name, of %d bytes", len(line))
		case name != "" && name[0] == ':' && token(name[1:]):
			if seen[name] {
				return nil, fmt.Errorf("the stored head has %s twice", name)
			}
			seen[name] = true
			h.decodeConnection(name, value)
		case token(name):
			h.header[name] = append(h.header[name], value)
		default:
			return nil, fmt.Errorf("the stored head has a name that is none, of %d bytes", len(name))
		}
	}
	return h, nil
}

func (h *head) decodeRequestLine(line string) (err error) {
	method, rest, _ := strings.Cut(line, " ")
	uri, version, _ := strings.Cut(rest, " ")
	major, minor, ok := http.ParseHTTPVersion(version)
	if !ok || !token(method) || uri == "" || uri[0] != '/' {
		return fmt.Errorf("the stored head begins with no request line, but %d bytes", len(line))
	}
	h.method, h.major, h.minor = method, major, minor
	// The error of the parser would show the query.
	if h.url, err = url.ParseRequestURI(uri); err != nil {
		return fmt.Errorf("the stored head has a URL that cannot be parsed, of %d bytes", len(uri))
	}
	return nil
}

func (h *head) decodeConnection(name, value string) {
	switch name {
	case lineHost:
		h.host = value
	case lineRemote:
		h.remote = value
	case lineLocal:
		h.local.network, h.local.text, _ = strings.Cut(value, "/")
	case lineTLS:
		h.tls, h.serverName = true, value
	case lineVia:
		h.hops = value
	}
}

// connection returns the TLS state of the request; nil if it came without.
func (h *head) connection() *tls.ConnectionState {
	if !h.tls {
		return nil
	}
	return &tls.ConnectionState{HandshakeComplete: true, ServerName: h.serverName}
}
