package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

const (
	// postTimeout is for one request, as that of an attempt.
	postTimeout = 15 * time.Second
	// shown is how much of an answer is shown, in bytes.
	shown = 2 << 10
)

// post signs a body, and posts it to a URL.
func (s *send) post(cmd *cobra.Command, args []string, in *stdin) error {
	if err := checkURL(s.to); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	scheme, secrets, err := s.load(in)
	if err != nil {
		return err
	}
	body, _, err := readBody(args, in)
	if err != nil {
		return err
	}
	header, m, err := s.sign(cmd, scheme, secrets, verifier.Message{Timestamp: s.tenant.host.time(), URL: s.to, Body: body})
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	p := &posting{URL: s.to, ID: m.ID}
	p.do(ctx, header, body)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if s.json {
		err = encodeJSON(cmd.OutOrStdout(), p)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), p.String())
	}
	if err == nil && !p.taken() {
		err = errRefused // it is told why
	}
	return err
}

// posting is one request, and what came of it.
type posting struct {
	URL      string `json:"url"`
	ID       string `json:"id,omitempty"`
	Status   int    `json:"status,omitempty"`
	Location string `json:"location,omitempty"` // which is not followed
	Took     int64  `json:"took_ms"`
	Response string `json:"response,omitempty"` // how it begins
	More     bool   `json:"truncated,omitempty"`
	Error    string `json:"error,omitempty"`
}

func (p *posting) taken() bool { return p.Error == "" && p.Status >= 200 && p.Status <= 299 }

func (p *posting) do(ctx context.Context, header http.Header, body []byte) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	began := time.Now()
	err := func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = header.Clone()
		r.Header.Set("Content-Type", contentType(body))
		r.Header.Set("User-Agent", "hookgate-cli")
		response, err := transport.RoundTrip(r) // which follows nothing
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // its beginning is read
		p.Status, p.Location = response.StatusCode, response.Header.Get("Location")
		text, err := io.ReadAll(io.LimitReader(response.Body, shown+1))
		if p.More = len(text) > shown; p.More {
			text = text[:shown]
		}
		p.Response = string(text)
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return nil
	}()
	p.Took = time.Since(began).Milliseconds()
	if err != nil {
		p.Error = plainError(err)
	}
}

// plainError is what went wrong, without the URL, which is known.
func plainError(err error) string {
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", postTimeout)
	}
	return err.Error()
}

// String says in words what came of it.
func (p *posting) String() string {
	var b strings.Builder
	took := (time.Duration(p.Took) * time.Millisecond).String()
	if p.Status == 0 {
		fmt.Fprintf(&b, "no answer after %s: %s\n", took, safe(p.Error))
		return b.String()
	}
	fmt.Fprintf(&b, "%s in %s\n", strings.TrimSpace(fmt.Sprintf("%d %s", p.Status, http.StatusText(p.Status))), took)
	if p.Status >= 300 && p.Status <= 399 {
		fmt.Fprintf(&b, "It leads to %s, which is not followed.\n", safe(cmp.Or(p.Location, "nowhere")))
	}
	if text := strings.TrimSpace(safeLines(p.Response)); text != "" {
		b.WriteString(text + "\n")
	}
	if p.More {
		b.WriteString("…\n")
	}
	if p.Error != "" {
		b.WriteString(safe(p.Error) + "\n")
	}
	return b.String()
}
