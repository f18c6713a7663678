package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// apiPrefix is where the API is on its host.
	apiPrefix = "/api/v1"
	// apiTimeout is for one call, its answer included.
	apiTimeout = 30 * time.Second
	// maxAPIAnswer is how long an answer may be: a page of the largest responses.
	maxAPIAnswer = 64 << 20
)

// caller calls the API with a token.
type caller struct {
	host  Host
	base  string
	token string
	json  bool
	// refused is told if the token is refused; "" says how to make another.
	refused string
}

// call is one request of the API.
type call struct {
	method string
	path   []string // as segments, which are escaped
	query  url.Values
	body   any    // encoded, unless it is a [json.RawMessage]
	key    string // the Idempotency-Key; a POST without one gets a random one
	about  string // what the API does not find if it answers 404, as "application acme"
}

// apiClient follows no redirect, so that nobody else is shown the token.
var apiClient = &http.Client{
	Timeout:       apiTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do returns the answer as it is, and decoded if into is not nil.
func (c *caller) do(ctx context.Context, what call, into any) (json.RawMessage, error) {
	r, err := c.request(ctx, &what)
	if err != nil {
		return nil, err
	}
	response, err := apiClient.Do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end, or given up
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAPIAnswer+1))
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, fmt.Errorf("reading the answer: %w", err))
	case len(answer) > maxAPIAnswer:
		return nil, fmt.Errorf("%s answers with more than %d bytes", c.base, maxAPIAnswer)
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, c.refusal(&what, response, answer)
	case into == nil:
		return answer, nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return nil, fmt.Errorf("what %s answers cannot be read; is that the host of webhook_portal? %w", c.base, err)
	}
	return answer, nil
}

func (c *caller) request(ctx context.Context, what *call) (*http.Request, error) {
	var content io.Reader
	if what.body != nil {
		encoded, ok := what.body.(json.RawMessage) // json.Marshal would write it anew
		if !ok {
			var err error
			if encoded, err = json.Marshal(what.body); err != nil {
				return nil, err
			}
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, what.method, c.url(what), content)
	if err != nil {
		return nil, err
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("User-Agent", "hookgate-cli")
	if what.method == http.MethodPost {
		if what.key == "" {
			what.key = rand.Text()
		}
		r.Header.Set("Idempotency-Key", what.key)
	}
	return r, nil
}

func (c *caller) url(what *call) string {
	var b strings.Builder
	b.WriteString(c.base + apiPrefix)
	for _, segment := range what.path {
		b.WriteString("/" + url.PathEscape(segment))
	}
	if len(what.query) > 0 {
		b.WriteString("?" + what.query.Encode())
	}
	return b.String()
}

// unreachableError says that there is no answer: whether something was done, nobody knows.
type unreachableError struct {
	base  string
	cause error
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("no API answers at %s (%s); is that the host of webhook_portal, and does it run?", e.base, safe(e.cause.Error()))
}

func (e *unreachableError) Unwrap() error { return e.cause }

func (c *caller) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var in *url.Error // which says the URL, too
	if errors.As(err, &in) {
		err = in.Err
	}
	return &unreachableError{c.base, err}
}

// print writes what the API said as JSON if that is asked for, else as text writes it.
func (c *caller) print(cmd *cobra.Command, answer json.RawMessage, text func(io.Writer) error) error {
	if !c.json {
		return text(cmd.OutOrStdout())
	}
	if len(answer) == 0 {
		return nil // it said nothing
	}
	return printJSON(cmd.OutOrStdout(), answer)
}
