package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// destination is an endpoint as a message stands at it.
type destination struct {
	endpoint
	Status      int        `json:"status"`
	NextAttempt *time.Time `json:"nextAttempt"`
}

// done reports that nothing more is tried by itself.
func (d *destination) done() bool {
	return d.Status == statusSuccess || d.Status == statusCanceled || d.Status == statusFail && d.NextAttempt == nil
}

// following is a message on its way.
type following struct {
	*caller
	app, message string
	seen         map[string]bool // attempts that are told
	attempts     []json.RawMessage
	endpoints    apiPage
}

// follow shows the attempts of a message until it is delivered or given up at all of its
// endpoints. An interrupt ends the watching only.
func (c *caller) follow(cmd *cobra.Command, app string, sent *message, answer json.RawMessage) error {
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	out := cmd.OutOrStdout()
	if c.json {
		out = io.Discard
	}
	if _, err := fmt.Fprintln(out, safe(sent.ID)); err != nil {
		return err
	}
	f := &following{caller: c, app: app, message: sent.ID, seen: make(map[string]bool)}
	for wait := c.host.patience(); ; wait.grow() {
		all, err := f.look(ctx, out)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			return fmt.Errorf("the message %s goes on its way, but cannot be watched: %w", safe(sent.ID), err)
		case !slices.ContainsFunc(all, func(d destination) bool { return !d.done() }):
			return f.end(cmd, out, answer, all)
		}
		if !wait.pass(ctx) {
			cmd.PrintErrf("The message %s goes on its way.\n", safe(sent.ID))
			return errInterrupted
		}
	}
}

// look tells the attempts that are new, and returns how the message stands. That is
// asked for first: what it says has ended has its attempts.
func (f *following) look(ctx context.Context, out io.Writer) ([]destination, error) {
	about := fmt.Sprintf("message %.80q of application %.80q", f.message, f.app)
	var err error
	f.endpoints, err = f.list(ctx, call{method: http.MethodGet, path: []string{"app", f.app, "msg", f.message, "endpoint"}, about: about}, paging{all: true})
	if err != nil {
		return nil, err
	}
	all, err := decodeAll[destination](f.endpoints.Data)
	if err != nil {
		return nil, err
	}
	page, err := f.list(ctx, call{method: http.MethodGet, path: []string{"app", f.app, "attempt", "msg", f.message}, about: about}, paging{all: true})
	if err != nil {
		return nil, err
	}
	made, err := decodeAll[attempt](page.Data)
	if err != nil {
		return nil, err
	}
	f.attempts = page.Data
	for _, a := range slices.Backward(made) { // the oldest first
		if f.seen[a.ID] {
			continue
		}
		f.seen[a.ID] = true
		line := fmt.Sprintf("%-9s  %3s  %6s  %s  %s", a.result(), a.code(), a.took(), a.URL, summary([]byte(a.Response)))
		if _, err := fmt.Fprintln(out, strings.TrimRight(safe(line), " ")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// end sums up.
func (f *following) end(cmd *cobra.Command, out io.Writer, answer json.RawMessage, all []destination) error {
	failed := slices.ContainsFunc(all, func(d destination) bool { return d.Status != statusSuccess })
	var err error
	if f.json {
		err = encodeJSON(cmd.OutOrStdout(), map[string]any{"message": answer, "attempts": f.attempts, "endpoints": f.endpoints.Data})
	} else {
		_, err = fmt.Fprintln(out, tally(all))
	}
	if err == nil && failed {
		err = errRefused // it is told where
	}
	return err
}

// tally counts endpoints by how the message ended at them.
func tally(all []destination) string {
	if len(all) == 0 {
		return "No endpoint wants it."
	}
	counts := make([]int, len(statusWords))
	for i := range all {
		if s := all[i].Status; s >= 0 && s < len(counts) {
			counts[s]++
		}
	}
	var parts []string
	for status, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", n, statusWord(status)))
		}
	}
	return fmt.Sprintf("%s: %s.", plural(len(all), "endpoint"), strings.Join(parts, ", "))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
