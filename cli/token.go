package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/verifier"
)

const (
	// envKey is where the key of the gateway is.
	envKey = "HOOKGATE_KEY"

	leastLife = time.Minute
	mostLife  = 3650 * 24 * time.Hour
	// mostAppLife is what package api allows a token of an application.
	mostAppLife = 366 * 24 * time.Hour
	// errandLife is for the token with which a uid is looked up.
	errandLife = time.Minute
)

// signingKey is where the key directive's secret is.
func signingKey() oneSecret { return oneSecret{what: "the key", flag: "key", usual: envKey} }

// token is one run of the token command.
type token struct {
	host               Host
	app, ttl, url      string
	operator, readOnly bool
	json               bool
	key                oneSecret
}

func newToken(host Host) *cobra.Command {
	t := &token{host: host, key: signingKey()}
	cmd := host.command("token [flags]", "Makes a token for the API", `
Prints a token for the API: of the organisation, which may do everything in all
applications, or with --app of one application, which may manage its endpoints and see
its messages, and nothing else. No gateway is asked: the token is signed with the key
that the gateway has in its directive key. While keys are rotated, give the first.

The key is read from $HOOKGATE_KEY, a file or standard input. An application that is
named by its uid is looked up at the API; by its id, app_…, it is not.

A token ends by itself, or with token revoke, or if the key is taken out of the
configuration. It lasts from 1m to 3650d; one of an application 366d at most.
`, `  # for the commands app, endpoint and send
  export HOOKGATE_TOKEN=$(PROGRAM webhook token)

  # for a customer, for a month
  PROGRAM webhook token --app customer-42 --url https://webhooks.example.com --ttl 30d`, t.run)
	flags := cmd.Flags()
	flags.StringVar(&t.app, "app", "", "Only for this application, by its id or uid")
	flags.BoolVar(&t.operator, "operator", false, "For those who run the gateway")
	flags.BoolVar(&t.readOnly, "read-only", false, "With --app: it may see everything but secrets, and change nothing")
	flags.StringVar(&t.ttl, "ttl", "24h", "How long it lasts, as 15m, 24h or 30d")
	registerURL(cmd, &t.url)
	t.key.register(flags)
	flags.BoolVar(&t.json, "json", false, "Print JSON: the token, its id and when it ends")
	cmd.AddCommand(newTokenRevoke(host), newTokenShow(host))
	return cmd
}

func (t *token) run(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q", args[0])
	}
	life, err := t.life()
	if err != nil {
		return err
	}
	key, err := t.key.read(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	ring, err := sender.NewKeyring(key)
	if err != nil {
		return err
	}
	tokens := api.NewOfflineTokens(ring, t.host.time)
	holder, err := t.holder(cmd.Context(), tokens)
	if err != nil {
		return err
	}
	made, text, err := tokens.Mint(holder, life)
	if err != nil {
		return err
	}
	if t.host.atTerminal(cmd.ErrOrStderr()) {
		cmd.PrintErrf("It may %s. Its id is %s. It ends %s, on %s.\n", may(&holder), made.ID, when(made.Expires, t.host.time()), made.Expires.UTC().Format(time.RFC3339))
	}
	if t.json {
		return encodeJSON(cmd.OutOrStdout(), map[string]any{"token": text, "id": made.ID, "expires": made.Expires.UTC()})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

// life is how long the token lasts.
func (t *token) life() (time.Duration, error) {
	d, err := verifier.ParseDuration(t.ttl)
	if err != nil {
		return 0, fmt.Errorf("--ttl: %.40q is no duration, as 15m, 24h or 30d", t.ttl)
	}
	life, most, of := time.Duration(d), mostLife, ""
	if t.app != "" {
		most, of = mostAppLife, " of an application"
	}
	if life < leastLife || life > most {
		return 0, fmt.Errorf("--ttl: a token%s lasts from 1m to %dd", of, most/(24*time.Hour))
	}
	return life, nil
}

// holder is whom the token stands for.
func (t *token) holder(ctx context.Context, tokens *api.Tokens) (h api.Holder, err error) {
	switch {
	case t.operator && t.app != "":
		return h, errors.New("--operator and --app do not go together")
	case t.readOnly && t.app == "":
		return h, errors.New("--read-only goes with --app: only tokens of applications can be restricted")
	case t.operator:
		return api.Holder{Scope: api.Operator}, nil
	case t.app == "":
		return api.Holder{Scope: api.Organisation}, nil
	}
	h = api.Holder{Scope: api.Application, App: t.app}
	if t.readOnly {
		h.Capabilities = []api.Capability{api.ViewBase}
	}
	if !appID.MatchString(t.app) {
		h.App, err = t.lookUp(ctx, tokens)
	}
	return h, err
}

// appID is what the id of an application looks like.
var appID = regexp.MustCompile(`^app_[0-9A-Za-z]{27}$`)

// lookUp finds the id of an application of which the uid is given, with a token that is
// made for that.
func (t *token) lookUp(ctx context.Context, tokens *api.Tokens) (string, error) {
	base, err := apiBase(t.url)
	if err != nil {
		return "", fmt.Errorf("%.80q is no id, app_ and 27 letters and digits, so it is looked up at the API; %w", t.app, err)
	}
	_, text, err := tokens.Mint(api.Holder{Scope: api.Organisation}, errandLife)
	if err != nil {
		return "", err
	}
	c := &caller{host: t.host, base: base, token: text, refused: errKey}
	var app application
	if _, err := c.do(ctx, call{method: http.MethodGet, path: []string{"app", t.app}, about: aboutApp(t.app)}, &app); err != nil {
		return "", err
	}
	if !appID.MatchString(app.ID) {
		return "", fmt.Errorf("what %s answers is no application", base)
	}
	return app.ID, nil
}

// errKey says why a token is refused that was made just now.
const errKey = "the key is not the gateway's: it is the first one of its directive key that is needed"

// may says what the holder of a token may do.
func may(h *api.Holder) string {
	switch {
	case h.Scope == api.Operator:
		return "do everything that the API can, as the operator"
	case h.Scope == api.Organisation:
		return "do everything in all applications"
	case h.Capabilities == nil:
		return "manage the endpoints of " + safe(h.App) + ", and see its messages"
	case len(h.Capabilities) == 1 && h.Capabilities[0] == api.ViewBase:
		return "see the endpoints and messages of " + safe(h.App) + ", and change nothing"
	}
	return fmt.Sprintf("do in %s what these are for: %s", safe(h.App), safe(fmt.Sprint(h.Capabilities)))
}
