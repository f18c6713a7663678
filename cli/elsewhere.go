package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookgate/hookgate/gateway"
)

// elsewhere posts stored events to a URL that the gateway does not know.
type elsewhere struct {
	url         string
	typ         string
	limit       int
	concurrency int
}

// elsewhereTimeout is for one request, as that of an attempt.
const elsewhereTimeout = 15 * time.Second

func (e *elsewhere) register(flags *pflag.FlagSet) {
	flags.StringVar(&e.url, "to-url", "", "Post the events there, from this machine, and change nothing in the store")
	flags.StringVar(&e.typ, "type", "", "With --to-url: only this event type; with * at the end, all that begin so")
	flags.IntVar(&e.limit, "limit", 100, "With --to-url: how many events at most")
	flags.IntVar(&e.concurrency, "concurrency", 1, "With --to-url: how many requests at once; with more than 1 the order is lost")
}

// set reports whether a flag was given that goes with --to-url only.
func (e *elsewhere) set(cmd *cobra.Command) bool {
	return slices.ContainsFunc([]string{"type", "limit", "concurrency"}, cmd.Flags().Changed)
}

// posted is what became of one event.
type posted struct {
	Seq    int64  `json:"seq"`
	Type   string `json:"type,omitempty"`
	ID     string `json:"id"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	Took   int64  `json:"took_ms,omitempty"`
	gone   bool   // there was nothing to post
}

// what sums it up in a word or two.
func (p *posted) what() string {
	switch {
	case p.gone:
		return "no payload"
	case p.Status == 0:
		return "no answer"
	default:
		return strconv.Itoa(p.Status)
	}
}

func (e *elsewhere) run(cmd *cobra.Command, c *client, q url.Values, dryRun bool) error {
	target, err := url.Parse(e.url)
	if err == nil {
		err = checkURL(e.url)
	}
	if err != nil {
		return fmt.Errorf("--to-url: %w", err)
	}
	if e.limit < 1 || e.concurrency < 1 || e.concurrency > 100 {
		return errors.New("--limit is at least 1, and --concurrency 1 to 100")
	}
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	page, err := c.pages(ctx, q, e.limit)
	if err != nil {
		return err
	}
	if page.Next != "" {
		cmd.PrintErrf("There are more than %d events; these are the newest. Narrow them by --from, --to or --type, or raise --limit.\n", e.limit)
	}
	if dryRun {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s would be posted to %s.\n", events(int64(len(page.Events))), safe(target.String()))
		return err
	}
	slices.Reverse(page.Events)
	results := e.post(ctx, c, page.Events, target, func(p *posted) {
		if !c.json {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%-12s  %d  %s  %s  %s\n", p.what(), p.Seq, safe(orDash(p.Type)), safe(p.ID), safe(p.Error))
		}
	})
	if err := e.report(cmd, c, results, len(page.Events)); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case slices.ContainsFunc(results, func(p posted) bool { return !p.gone && (p.Status < 200 || p.Status > 299) }):
		return errRefused // the report says what was
	}
	return nil
}

// post posts the events in their order, and returns what became of each. It ends
// early with ctx.
func (e *elsewhere) post(ctx context.Context, c *client, list []gateway.EventInfo, target *url.URL, tell func(*posted)) (results []posted) {
	// What the app answers is shown, never followed; and no proxy of the environment
	// is to see the payloads.
	transport := &http.Transport{MaxIdleConnsPerHost: e.concurrency}
	defer transport.CloseIdleConnections()
	queue := make(chan gateway.EventInfo)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range e.concurrency {
		workers.Go(func() {
			for event := range queue {
				if ctx.Err() != nil {
					continue
				}
				p := posted{Seq: event.Seq, Type: event.Type, ID: event.ID}
				p.post(ctx, c, transport, target)
				mu.Lock()
				results = append(results, p)
				tell(&p)
				mu.Unlock()
			}
		})
	}
	for _, event := range list {
		queue <- event
	}
	close(queue)
	workers.Wait()
	return results
}

func (p *posted) post(ctx context.Context, c *client, transport http.RoundTripper, target *url.URL) {
	ctx, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	began := time.Now()
	err := func() error {
		var detail gateway.EventDetail
		if _, err := c.get(ctx, eventPath(p.Seq, ""), url.Values{"payload": {"true"}}, &detail); err != nil {
			return err
		}
		if p.gone = detail.Payload == nil; p.gone {
			return errors.New("the payload was not kept")
		}
		r, err := detail.Request(ctx, target)
		if err != nil {
			return err
		}
		began = time.Now()
		response, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		p.Status = response.StatusCode
		// Read, so that the connection can be used again; what it says is the app's
		// business.
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
		return response.Body.Close()
	}()
	p.Took = time.Since(began).Milliseconds()
	if err != nil {
		p.Error = err.Error()
	}
}

// report sums up.
func (e *elsewhere) report(cmd *cobra.Command, c *client, results []posted, of int) error {
	counts := make(map[string]int)
	for i := range results {
		counts[results[i].what()]++
	}
	if c.json {
		if results == nil {
			results = []posted{}
		}
		return encodeJSON(cmd.OutOrStdout(), map[string]any{"to_url": e.url, "events": results, "not_sent": of - len(results)})
	}
	if of == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "No events.")
		return err
	}
	parts := make([]string, 0, len(counts))
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d × %s", counts[what], what))
	}
	if left := of - len(results); left > 0 {
		parts = append(parts, fmt.Sprintf("%d not sent", left))
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s. Nothing was changed in the store.\n", events(int64(of)), strings.Join(parts, ", "))
	return err
}
