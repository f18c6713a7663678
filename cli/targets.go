package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// targets is one run of the targets command.
type targets struct {
	setup
	url         string
	size        int
	shares      mix
	count, seed uint64
}

func newTargets(host Host) *cobra.Command {
	t := &targets{setup: setup{host: host}}
	cmd := host.command("targets --url <url> [flags]", "Streams freshly signed webhooks for load tests", `
Prints an endless stream of targets for vegeta (https://github.com/tsenart/vegeta),
one JSON object a line, each signed in the moment it is written. Read it with vegeta
attack -format=json -lazy; the command ends when vegeta does.

Of all targets, the given shares are

  duplicates  an earlier event again, signed anew as a sender's retry is
  forged      one event signed, another one sent
  stale       signed one hour more than the scheme's tolerance ago

and the rest are new, genuine events. The shares are kept exactly, not by chance. A
pipe holds some hundred targets, so that at less than one a second they age on the
way.
`, `  export SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

  # 100 webhooks a second for 10 seconds, every tenth a duplicate
  PROGRAM webhook targets --url http://127.0.0.1:8080/hooks --secret-env SECRET --duplicates 0.1 |
    vegeta attack -format=json -lazy -rate=100 -duration=10s | vegeta report`, t.run)
	t.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&t.url, "url", "", "URL to send to (required)")
	flags.IntVar(&t.size, "size", 1024, "Size of a body in bytes")
	flags.Float64Var(&t.shares.share[duplicate], "duplicates", 0, "Share of duplicates, 0 to 1")
	flags.Float64Var(&t.shares.share[forged], "forged", 0, "Share of forged webhooks, 0 to 1")
	flags.Float64Var(&t.shares.share[stale], "stale", 0, "Share of stale webhooks, 0 to 1")
	flags.Uint64Var(&t.count, "count", 0, "Number of targets (default: endless)")
	flags.Uint64Var(&t.seed, "seed", 0, "Makes the same events again (default: others each time)")
	return cmd
}

func (t *targets) run(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown argument %q", args[0])
	}
	if err := checkURL(t.url); err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	if err := t.shares.complete(); err != nil {
		return err
	}
	scheme, secrets, err := t.load(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("seed") {
		t.seed = rand.Uint64() //nolint:gosec // it makes load tests differ, nothing secret
	}
	made, err := newTraffic(scheme, secrets, t.url, t.size, t.seed)
	if err != nil {
		return err
	}
	if err := made.check(&t.shares); err != nil {
		return err
	}
	// The reader of the pipe goes when it has enough: that is an error to write
	// to, not a signal to die of.
	signal.Ignore(syscall.SIGPIPE)
	return t.stream(cmd.Context(), cmd.OutOrStdout(), made)
}

// target is a line of vegeta's JSON format.
type target struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// stream writes targets until there are enough, the reader is gone or ctx ends.
func (t *targets) stream(ctx context.Context, w io.Writer, made *traffic) error {
	encoder := json.NewEncoder(w) // writes each value at once
	encoder.SetEscapeHTML(false)
	for n := uint64(0); ctx.Err() == nil && (t.count == 0 || n < t.count); n++ {
		header, body, err := made.next(t.shares.next(), time.Now())
		if err != nil {
			return err
		}
		header.Set("Content-Type", "application/json")
		err = encoder.Encode(target{Method: http.MethodPost, URL: t.url, Header: header, Body: body})
		if err != nil {
			return unlessGone(err)
		}
	}
	return nil
}

// unlessGone returns err unless it says that the reader of a pipe is gone.
func unlessGone(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
