package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/store"
)

const (
	maxHeaders     = 50
	maxHeaderValue = 4096
)

// sensitiveHeaders are those whose values are not shown.
var sensitiveHeaders = []string{"x-auth-token", "x-api-key", "www-authenticate", "authorization", "proxy-authenticate", "proxy-authorization"}

// forbiddenHeaders are ours, or the connection's; forbiddenPrefixes begin those of the
// clouds that are on the way, and all that signatures are in.
var (
	forbiddenHeaders = []string{
		"age", "cache-control", "clear-site-data", "connection", "content-encoding", "content-language", "content-length",
		"content-location", "content-type", "expect", "expires", "host", "keep-alive", "pragma", "proxy-authenticate",
		"proxy-authorization", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "user-agent", "warning",
	}
	forbiddenPrefixes = []string{
		"hookgate-", "svix-", "webhook-", "x-amz-", "x-amzn-", "x-azure-", "x-fd-", "x-gfe", "x-goog-", "x-google", "x-svix-", "x-webhook-",
	}
)

// checkHeaders checks what is sent with each message.
func checkHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return invalid("headers", "there are more than %d", maxHeaders)
	}
	seen := make(map[string]bool, len(headers))
	for name, value := range headers {
		if err := checkHeader(name, value); err != nil {
			return err
		}
		lower := strings.ToLower(name)
		if seen[lower] {
			return invalid("headers", "%s is given twice", lower)
		}
		seen[lower] = true
	}
	return nil
}

func checkHeader(name, value string) error {
	const others = "!#$%&'*+-.^_`|~"
	lower := strings.ToLower(name)
	// What stands between servers makes - of _, so that one is as good as the other.
	as := strings.ReplaceAll(lower, "_", "-")
	prefixed := func(prefix string) bool { return strings.HasPrefix(as, prefix) }
	switch {
	case !plain(name, others, maxName):
		return invalid("headers", "a name is 1 to %d characters of those that header names have", maxName)
	case slices.Contains(forbiddenHeaders, as), slices.ContainsFunc(forbiddenPrefixes, prefixed):
		return invalid("headers", "%s cannot be set", lower)
	case len(value) > maxHeaderValue:
		return invalid("headers", "the value of %s has more than %d bytes", lower, maxHeaderValue)
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f || c == 0xfffd }):
		return invalid("headers", "the value of %s holds control characters", lower)
	}
	return nil
}

// headersOwner is whom headers are sealed for.
func headersOwner(endpoint string) string { return "headers/" + endpoint }

// sealHeaders writes the headers of an endpoint as they are stored; nil if there are
// none.
func (s *Sender) sealHeaders(endpoint string, headers map[string]string) []byte {
	if len(headers) == 0 {
		return nil
	}
	return s.Keys.Seal(headersOwner(endpoint), []byte(object(headers)))
}

// openHeaders is the inverse of sealHeaders.
func (s *Sender) openHeaders(endpoint string, text []byte) (map[string]string, error) {
	headers := map[string]string{}
	if len(text) == 0 {
		return headers, nil
	}
	plain, err := s.Keys.Open(headersOwner(endpoint), text)
	if err == nil {
		err = json.Unmarshal(plain, &headers)
	}
	if err != nil {
		return nil, fmt.Errorf("headers of endpoint %s: %w", endpoint, err)
	}
	return headers, nil
}

// EndpointHeaders returns what is sent with each message to an endpoint. Of sensitive
// headers only the names are returned.
func (s *Sender) EndpointHeaders(ctx context.Context, app, ref string) (headers map[string]string, sensitive []string, err error) {
	q := s.reading(ctx)
	_, ep, err := endpoint(q, app, ref)
	if err == nil {
		headers, err = s.headers(q, &ep)
	}
	if err != nil {
		return nil, nil, err
	}
	sensitive = []string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if slices.Contains(sensitiveHeaders, strings.ToLower(name)) {
			sensitive = append(sensitive, name)
			delete(headers, name)
		}
	}
	return headers, sensitive, nil
}

// headers reads the headers of an endpoint.
func (s *Sender) headers(q rows, ep *Endpoint) (map[string]string, error) {
	var text []byte
	if _, err := q.one("SELECT headers FROM sender_endpoints WHERE app = ? AND id = ?", []any{ep.AppID, ep.ID}, &text); err != nil {
		return nil, fmt.Errorf("headers of endpoint %s: %w", ep.ID, err)
	}
	return s.openHeaders(ep.ID, text)
}

// PutEndpointHeaders makes these all the headers that are sent to an endpoint.
func (s *Sender) PutEndpointHeaders(tx *store.Tx, app, ref string, headers map[string]string) error {
	a, ep, err := endpoint(tx.Query, app, ref)
	if err != nil {
		return err
	}
	return s.saveHeaders(tx, &a, &ep, headers)
}

// PatchEndpointHeaders sets some headers that are sent to an endpoint, and unsets others.
func (s *Sender) PatchEndpointHeaders(tx *store.Tx, app, ref string, set map[string]string, unset []string) error {
	a, ep, err := endpoint(tx.Query, app, ref)
	if err != nil {
		return err
	}
	if err := checkHeaders(set); err != nil {
		return err
	}
	headers, err := s.headers(tx.Query, &ep)
	if err != nil {
		return err
	}
	remove := func(name string) {
		maps.DeleteFunc(headers, func(has, _ string) bool { return strings.EqualFold(has, name) })
	}
	for _, name := range unset {
		remove(name)
	}
	for name, value := range set {
		remove(name)
		headers[name] = value
	}
	return s.saveHeaders(tx, &a, &ep, headers)
}

func (s *Sender) saveHeaders(tx *store.Tx, app *Application, ep *Endpoint, headers map[string]string) error {
	if err := checkHeaders(headers); err != nil {
		return err
	}
	ep.Updated = now(tx)
	_, err := tx.Exec("UPDATE sender_endpoints SET headers = ?, updated = ? WHERE app = ? AND id = ?", s.sealHeaders(ep.ID, headers), millis(ep.Updated), ep.AppID, ep.ID)
	if err == nil {
		err = s.changed(tx, ep.ID)
	}
	if err != nil {
		return fmt.Errorf("changing headers: %w", err)
	}
	s.announce(tx, operation{Type: EndpointUpdated, App: *app, Endpoint: *ep})
	return nil
}
