package sender

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// Class says in a word what went wrong with a post.
type Class string

// The classes. A response that has no other fault has none, whatever its status.
const (
	ClassURL         Class = "url"         // no request can be made of it
	ClassBlocked     Class = "blocked"     // by the guard
	ClassDNS         Class = "dns"         // the name has no address
	ClassRefused     Class = "refused"     // nobody listens there
	ClassUnreachable Class = "unreachable" // there is no way to there
	ClassTLS         Class = "tls"         // certificate or handshake
	ClassTimeout     Class = "timeout"     // it took too long
	ClassReset       Class = "reset"       // the connection ended too early
	ClassRedirect    Class = "redirect"    // which is not followed
	ClassTooLong     Class = "too_long"    // more headers or more of a body than is read
	ClassProtocol    Class = "protocol"    // it is no HTTP
	ClassCanceled    Class = "canceled"    // by us, as we stop
	ClassLocal       Class = "local"       // we have no files, ports or memory left
)

// Exchange is what came of a post, as it is kept with the attempt and shown to whom
// the endpoint belongs. It has no secrets but those that the endpoint's answer spells
// out in a place of its own.
type Exchange struct {
	// URL is without user and password, and without the values of parameters whose
	// names say that they are secret.
	URL string
	// Status is that of the response; 0 if there was none.
	Status int
	// Protocol is the response's: "HTTP/1.1", "HTTP/2.0".
	Protocol string
	// Sent and Header are the headers of the request and of the response, as far as
	// there is room. Secret ones have the value [Masked].
	Sent, Header http.Header
	// Body is the beginning of the response's body; Cut says that there was more.
	Body []byte
	Cut  bool
	// Withheld says that headers and body of the response are not shown, as it came
	// from an allowed private network and is no success: strangers are not to look
	// around in there.
	Withheld bool
	// Took is how long it was, in milliseconds.
	Took time.Duration
	// Class says what went wrong, and Reason the same in words. Neither has an
	// address of ours.
	Class  Class
	Reason string

	// Err is what went wrong, in detail, for the operator. It is not encoded.
	Err error
	// RetryAfter is the response's header of that name. It is not encoded.
	RetryAfter string
}

const (
	// Masked stands for the value of a secret header.
	Masked = "***"
	// MaxExchange is how long an encoded exchange is at most, in bytes.
	MaxExchange = 32 << 10
	// maxFields, maxHeader and maxValue bound the headers that are kept, of each
	// direction: their number, their bytes and the bytes of one value.
	maxFields = 64
	maxHeader = 4 << 10
	maxValue  = 1 << 10
)

// exchangeJSON is the JSON form of an exchange.
type exchangeJSON struct {
	URL      string      `json:"url,omitempty"`
	Status   int         `json:"status,omitempty"`
	Protocol string      `json:"protocol,omitempty"`
	Sent     http.Header `json:"sent,omitempty"`
	Header   http.Header `json:"header,omitempty"`
	Text     string      `json:"text,omitempty"`
	Base64   []byte      `json:"base64,omitempty"`
	Cut      bool        `json:"cut,omitempty"`
	Withheld bool        `json:"withheld,omitempty"`
	Took     int64       `json:"ms,omitempty"`
	Class    Class       `json:"class,omitempty"`
	Reason   string      `json:"reason,omitempty"`
}

// Encode returns the exchange as JSON of [MaxExchange] bytes at most. The body is text
// if it is valid UTF-8, else base64. What has no room is left out: of the body its
// end, of the headers all.
func (e *Exchange) Encode() []byte {
	w := exchangeJSON{
		URL: e.URL, Status: e.Status, Protocol: e.Protocol, Sent: e.Sent, Header: e.Header, Cut: e.Cut, Withheld: e.Withheld,
		Took: e.Took.Milliseconds(), Class: e.Class, Reason: e.Reason,
	}
	if utf8.Valid(e.Body) {
		w.Text = string(e.Body)
	} else {
		w.Base64 = e.Body
	}
	encoded := w.encode()
	for i := 0; len(encoded) > MaxExchange; i++ {
		switch i {
		case 0: // control characters are longer as text
			w.Text, w.Base64 = "", e.Body
		case 1:
			w.Base64, w.Cut = nil, true
			room := (MaxExchange - len(w.encode()) - len(`,"base64":""`)) / 4 * 3
			w.Base64 = e.Body[:min(max(room, 0), len(e.Body))]
		case 2:
			w.Header, w.Base64 = nil, nil
		case 3:
			w.Sent = nil
		default:
			w = exchangeJSON{Status: w.Status, Took: w.Took, Class: w.Class[:min(len(w.Class), 64)], Cut: true, Withheld: w.Withheld}
		}
		encoded = w.encode()
	}
	return encoded
}

// DecodeExchange reads what [Exchange.Encode] has written. Fields that it does not
// know are left out, as a later release may have added them.
func DecodeExchange(data []byte) (*Exchange, error) {
	if len(data) > MaxExchange {
		return nil, fmt.Errorf("an exchange has %d bytes at most, this one has %d", MaxExchange, len(data))
	}
	var w exchangeJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("an exchange cannot be read: %w", err)
	}
	const longest = int64(24 * time.Hour / time.Millisecond)
	if w.Status < 0 || w.Status > 999 || w.Took < 0 || w.Took > longest || w.Text != "" && w.Base64 != nil {
		return nil, errors.New("an exchange cannot be read: it holds what cannot be")
	}
	e := &Exchange{
		URL: w.URL, Status: w.Status, Protocol: w.Protocol, Sent: w.Sent, Header: w.Header, Body: w.Base64, Cut: w.Cut, Withheld: w.Withheld,
		Took: time.Duration(w.Took) * time.Millisecond, Class: w.Class, Reason: w.Reason,
	}
	if w.Text != "" {
		e.Body = []byte(w.Text)
	}
	return e, nil
}

// What is masked: the values of headers of these names, and of those whose names have one
// of these words, in lower case. Signatures are no secrets: they are of this one message.
var (
	secretHeaders = []string{
		"api-key", "apikey", "authentication", "authorization", "cookie", "cookie2", "proxy-authenticate", "proxy-authorization", "set-cookie",
		"set-cookie2", "www-authenticate", "x-access-key", "x-amz-security-token", "x-api-key", "x-auth", "x-auth-key", "x-functions-key",
	}
	secretWords = []string{"token", "secret", "password", "passwd", "credential", "apikey", "api-key", "session"}
)

// plainHeaders are those of nearly every exchange, of which it need not be found out.
var plainHeaders = map[string]bool{
	"Accept": true, "Content-Length": true, "Content-Type": true, "Date": true, "Server": true, "User-Agent": true,
	"Webhook-Id": true, "Webhook-Signature": true, "Webhook-Timestamp": true, "Svix-Id": true, "Svix-Signature": true, "Svix-Timestamp": true,
}

// isSecret says whether the value of a header is masked.
func isSecret(name string) bool {
	if plainHeaders[name] {
		return false
	}
	name = strings.ToLower(name)
	return slices.Contains(secretHeaders, name) || slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// keptHeader returns the headers as they are kept with an exchange.
func keptHeader(h http.Header) http.Header { return KeptHeader(h, maxHeader) }

// KeptHeader returns headers as they are kept, of so many bytes at most: the values of
// secret ones [Masked], none longer than 1 KiB, and in valid UTF-8. There are 64 fields at
// most; those are kept whose names come first in the alphabet.
func KeptHeader(h http.Header, most int) http.Header {
	if len(h) == 0 {
		return nil
	}
	if isKept(h) {
		return h
	}
	k, fields, size := make(http.Header, min(len(h), maxFields)), 0, 0
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if isSecret(name) {
				value = Masked
			} else if isLocation(name) {
				value = redact(value)
			}
			value = strings.ToValidUTF8(value[:min(len(value), maxValue)], "\ufffd")
			fields, size = fields+1, size+len(name)+len(value)
			if fields > maxFields || size > most {
				return k
			}
			k[name] = append(k[name], value)
		}
	}
	return k
}

func isLocation(name string) bool {
	return strings.EqualFold(name, "Location") || strings.EqualFold(name, "Content-Location")
}

// isKept reports whether headers are kept as they are.
func isKept(h http.Header) bool {
	fields, size := 0, 0
	for name, values := range h {
		if isSecret(name) || isLocation(name) {
			return false
		}
		for _, value := range values {
			fields, size = fields+1, size+len(name)+len(value)
			if len(value) > maxValue || !utf8.ValidString(value) {
				return false
			}
		}
	}
	return fields <= maxFields && size <= maxHeader
}

// redact returns a URL without its user, and without the values of parameters that
// are secret by their names. What cannot be read is masked as a whole.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return Masked
	}
	return redactURL(u)
}

func redactURL(u *url.URL) string {
	c := *u
	c.User, c.Fragment, c.RawFragment = nil, "", ""
	if c.RawQuery != "" {
		pairs := strings.Split(c.RawQuery, "&")
		for i, pair := range pairs {
			if name, value, _ := strings.Cut(pair, "="); value != "" && isSecretParameter(name) {
				pairs[i] = name + "=" + Masked
			}
		}
		c.RawQuery = strings.Join(pairs, "&")
	}
	return c.String()
}

// isSecretParameter says whether the value of a parameter of a URL is masked.
func isSecretParameter(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	name = strings.ToLower(name)
	return name == "sig" || name == "code" || name == "pw" || slices.ContainsFunc([]string{"token", "secret", "key", "pass", "auth", "signature", "credential", "session"},
		func(word string) bool { return strings.Contains(name, word) })
}

// lookupError, tlsError and requestError say in which step of a post an error was.
type (
	lookupError  struct{ error }
	tlsError     struct{ error }
	requestError struct{ error }
)

func (e *lookupError) Unwrap() error  { return e.error }
func (e *tlsError) Unwrap() error     { return e.error }
func (e *requestError) Unwrap() error { return e.error }

// failure is the error of a post for the operator: the words for it and its cause.
type failure struct {
	reason string
	cause  error
}

func (f *failure) Unwrap() error { return f.cause }

// Error is short and printable, whatever a stranger's server has said.
func (f *failure) Error() string {
	const most = 300
	cause := f.cause.Error()
	if cause != f.reason && !strings.HasPrefix(cause, f.reason+":") {
		cause = f.reason + ": " + cause
	}
	quoted := strconv.Quote(cause[:min(len(cause), most)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// fail notes what went wrong. Only the first failure counts.
func (e *Exchange) fail(ctx context.Context, err error, at *progress) {
	if e.Err != nil {
		return
	}
	e.Class, e.Reason = classify(ctx, err, at)
	e.Err = &failure{e.Reason, err}
}

// classify returns the class of an error, and the words for it.
func classify(ctx context.Context, err error, at *progress) (Class, string) {
	var inRequest *requestError
	var inLookup *lookupError
	var inTLS *tlsError
	switch {
	case errors.Is(err, ErrBlocked):
		return ClassBlocked, ErrBlocked.Error()
	case errors.As(err, &inRequest):
		return ClassURL, inRequest.Error()
	case errors.Is(err, errRedirect):
		return ClassRedirect, errRedirect.Error()
	case errors.Is(err, errSwitch):
		return ClassProtocol, errSwitch.Error()
	case errors.Is(err, errTooLong):
		return ClassTooLong, errTooLong.Error()
	case errors.Is(ctx.Err(), context.Canceled):
		return ClassCanceled, "the gateway is stopping"
	case isTimeout(err):
		return ClassTimeout, at.late(err)
	case errors.As(err, &inLookup):
		return ClassDNS, lookupReason(err)
	case errors.As(err, &inTLS):
		return ClassTLS, tlsReason(inTLS.error)
	}
	for _, row := range errnos {
		if errors.Is(err, row.errno) {
			return row.class, row.reason
		}
	}
	return classifyText(err)
}

// errnos are the errors of the system.
var errnos = []struct {
	errno  syscall.Errno
	class  Class
	reason string
}{
	{syscall.ECONNREFUSED, ClassRefused, "the connection was refused"},
	{syscall.ECONNRESET, ClassReset, reasonReset},
	{syscall.ECONNABORTED, ClassReset, reasonReset},
	{syscall.EPIPE, ClassReset, reasonReset},
	{syscall.EHOSTUNREACH, ClassUnreachable, reasonUnreachable},
	{syscall.ENETUNREACH, ClassUnreachable, reasonUnreachable},
	{syscall.EADDRNOTAVAIL, ClassUnreachable, reasonUnreachable},
	{syscall.EAFNOSUPPORT, ClassUnreachable, reasonUnreachable},
	{syscall.EACCES, ClassUnreachable, reasonUnreachable},
	{syscall.EPERM, ClassUnreachable, reasonUnreachable},
	{syscall.EMFILE, ClassLocal, reasonLocal},
	{syscall.ENFILE, ClassLocal, reasonLocal},
	{syscall.ENOBUFS, ClassLocal, reasonLocal},
	{syscall.ENOMEM, ClassLocal, reasonLocal},
}

const (
	reasonReset       = "the connection was closed before the response had ended"
	reasonUnreachable = "there is no way to the address"
	reasonLocal       = "the gateway cannot open more connections"
)

// classifyText is for the errors of net/http that have no type.
func classifyText(err error) (Class, string) {
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("server response headers exceeded"), has("header list larger than"):
		return ClassTooLong, fmt.Sprintf("the response's headers are longer than %d bytes", maxResponseHeader)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), has("server closed idle connection"),
		has("received from peer"), has("server sent GOAWAY"), has("client connection lost"), has("http2: client conn"):
		return ClassReset, reasonReset
	case has("tls: "):
		return ClassTLS, tlsReason(err)
	default:
		return ClassProtocol, "the response is not valid HTTP"
	}
}

// isTimeout says whether an error is that time was up.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// late says what there was no time for.
func (p *progress) late(err error) string {
	var inLookup *lookupError
	var inTLS *tlsError
	switch {
	case errors.As(err, &inLookup):
		return "the host's name was not looked up in time"
	case errors.As(err, &inTLS):
		return "the TLS handshake did not end in time"
	case !p.peer().IsValid() && !p.handed:
		return "there was no connection in time"
	case p.answered:
		return "the response did not end in time"
	case !p.written.Load() && !p.handed:
		return "the request was not taken in time"
	default:
		return "there was no response in time"
	}
}

func lookupReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) && !dns.IsNotFound {
		return "the host's name cannot be looked up"
	}
	return "the host's name has no address"
}

// tlsReason says why there is no TLS, without what the certificate says.
func tlsReason(err error) string {
	var (
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or is not valid yet"
	case errors.As(err, &host):
		return "the certificate is for another host"
	case errors.As(err, &authority) && authority.Cert != nil && bytes.Equal(authority.Cert.RawIssuer, authority.Cert.RawSubject):
		return "the certificate is self-signed, or by an unknown authority"
	case errors.As(err, &authority):
		return "the certificate is by an unknown authority"
	case errors.As(err, &invalid):
		return "the certificate is not valid for this"
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case strings.Contains(err.Error(), "protocol version"):
		return "the server does not speak TLS 1.2 or later"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed in the TLS handshake"
	default:
		return "the TLS handshake failed"
	}
}
