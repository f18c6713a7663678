package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/hookgate/hookgate/verifier"
)

// newRequest returns a request without headers.
func newRequest() *verifier.Request {
	return &verifier.Request{Method: http.MethodPost, Header: http.Header{}}
}

// requestLine is the first line of a request in HTTP/1, and as curl -v shows it
// for later versions.
var requestLine = regexp.MustCompile(`^([A-Z]+) (\S+) HTTP/[0-9.]+$`)

// addHead reads header lines into r, as they are in a request, in the output of
// curl -v, or in a log: a request line sets the method and the query, the "> " of
// curl is removed and what it says about the connection and the response is
// skipped. Errors name the line, not what is in it.
func addHead(r *verifier.Request, text string) error {
	lined := false
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			line = strings.TrimLeft(rest, " ")
		}
		if line == "" || strings.ContainsRune("*<{}", rune(line[0])) {
			continue
		}
		if m := requestLine.FindStringSubmatch(line); m != nil {
			target, err := url.ParseRequestURI(m[2])
			if err == nil && lined {
				err = errSeveral
			} else if err != nil {
				err = errors.New("the request line has no usable target")
			}
			if err != nil {
				return badLine(n+1, err)
			}
			lined = true
			r.Method, r.RawQuery = m[1], target.RawQuery
			continue
		}
		if err := addHeader(r, line); err != nil {
			return badLine(n+1, err)
		}
	}
	return nil
}

var blankLine = regexp.MustCompile(`\r?\n\r?\n`)

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// addHeader adds one header, written "Name: value".
func addHeader(r *verifier.Request, line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !headerName.MatchString(name) {
		return errors.New(`this is no header; write "Name: value"`)
	}
	r.Header.Add(name, strings.Trim(value, " \t"))
	return nil
}

// parseRequest reads a whole request in HTTP/1 form, as saved from a connection
// or written by hand: lines of the head may end in LF alone, and a body that is
// shorter than Content-Length is taken as it is, so that verify can say why it
// does not match.
func parseRequest(data []byte) (*verifier.Request, []byte, error) {
	head, body := data, []byte(nil)
	if loc := blankLine.FindIndex(data); loc != nil {
		head, body = data[:loc[0]], data[loc[1]:]
	}
	r := newRequest()
	if err := addHead(r, string(head)); err != nil {
		return nil, nil, err
	}
	if strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked") {
		body, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
		if err != nil {
			return nil, nil, fmt.Errorf("reading the chunked body: %w", err)
		}
		return r, body, nil
	}
	body, err := shorten(r, body)
	return r, body, err
}

// shorten returns no more of a body than Content-Length says: editors add a newline.
func shorten(r *verifier.Request, body []byte) ([]byte, error) {
	text := r.Header.Get("Content-Length")
	if text == "" {
		return body, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return nil, errors.New("Content-Length is no number")
	}
	if n < uint64(len(body)) {
		body = body[:n]
	}
	return body, nil
}
