package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler receives the webhooks of one source: it verifies each request's
// signature over the raw body, refuses stale ones, drops duplicates, and passes
// the rest to the next handlers with headers that say what was verified
// (Hookgate-Source, -Scheme, -Id, -Event-Type, -Timestamp, -Received, -Sequence,
// -Attempt, -Idempotency-Key, -Via).
//
// Only a handler guarded by webhook_guard makes those headers trustworthy on
// every route; the Caddyfile directive adds one.
//
// It sets these placeholders, for refused requests too as far as known:
//
// Placeholder | Description
// ------------|------------
// `{http.webhook.source}` | The source's name
// `{http.webhook.scheme}` | The scheme that decided
// `{http.webhook.id}` | The authenticated id, else `sha256:<digest>` of the signed bytes
// `{http.webhook.event_type}` | The authenticated event type, if any
// `{http.webhook.timestamp}` | The authenticated timestamp, if any, RFC 3339
// `{http.webhook.result}` | `accepted`, `duplicate`, `ignored`, `failed`, `handshake`, or why it was refused
type Handler struct {
	// The source's name: 1 to 64 of a-z, 0-9, _ and -. Several handlers may name
	// the same source if they define it equally. Required.
	Source string `json:"source"`

	// The accepted signature schemes. The first whose signature header is present
	// decides, alone. At least one is required.
	Verify []Verify `json:"verify"`

	// How events are remembered, to tell duplicates.
	Dedupe *Dedupe `json:"dedupe,omitempty"`

	// The largest body, in bytes. Default: the scheme's documented cap, else
	// 1048576 (1 MiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// How long a body may take to arrive. Default: 10s.
	ReadTimeout caddy.Duration `json:"read_timeout,omitempty"`

	// How long a duplicate of an event in flight waits for its outcome. Default:
	// 2s.
	Wait caddy.Duration `json:"wait,omitempty"`

	// How long the next handlers, or one attempt of forward, may take. They run
	// detached from the sender's connection. Default: 15s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Keeps events on disk and forwards them with retries, rather than passing each
	// on while its sender waits.
	Forward *Forward `json:"forward,omitempty"`

	source *gateway.Source
	chain  *chain // nil without forward
}

// Verify is one accepted way to be signed.
type Verify struct {
	// The scheme: a preset (svix, standard, travelbase, github, stripe, slack,
	// shopify) or one of the app's.
	Scheme string `json:"scheme"`

	// One to eight secrets, any of which may match. Each is {env.NAME} or
	// {file./absolute/path}, which is read again every 30s; a literal works but is
	// visible in the configuration. No other placeholders are expanded.
	Secrets []string `json:"secrets"`

	// How old a signed timestamp may be, and how far ahead of our clock. Default:
	// the scheme's, usually 5m both.
	Past   caddy.Duration `json:"past,omitempty"`
	Future caddy.Duration `json:"future,omitempty"`

	// The URL as the provider has it, for schemes that sign it.
	PublicURL string `json:"public_url,omitempty"`

	// Admits schemes that are weak by design: SHA-1, tokens, unsigned bodies.
	AllowWeak bool `json:"allow_weak,omitempty"`

	// Answers the provider's check of the URL. Default: it is passed on to the next
	// handlers, or to those of forward, at once.
	AnswerHandshake *AnswerHandshake `json:"answer_handshake,omitempty"`
}

// AnswerHandshake says which check of the URL is answered, and to whom.
type AnswerHandshake struct {
	// The kind: slack, zoom, twitch, x, dropbox, meta, graph, cloudevents or okta.
	// Default: the one that the scheme has of its own.
	Kind string `json:"kind,omitempty"`

	// The token that the provider was told with the URL, and repeats: of the kind
	// meta, which requires it. It is written and read as secrets are.
	VerifyToken string `json:"verify_token,omitempty"`
}

// Dedupe says how a source remembers events.
type Dedupe struct {
	// Remember nothing. Only for schemes that sign the time of the attempt.
	Off bool `json:"off,omitempty"`

	// How long an event is remembered. Default: the larger of 72h and the scheme's
	// retry horizon + 25 %.
	Window caddy.Duration `json:"window,omitempty"`

	// How many events are remembered, about 100 bytes each. One that is younger
	// than the scheme's tolerance is never forgotten: with too few entries new
	// events are answered with 503 instead. Default: 1000000.
	Entries int `json:"entries,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhook", New: func() caddy.Module { return new(Handler) }}
}

// Provision registers the source with the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := theApp(ctx)
	if err != nil {
		return err
	}
	reg, err := app.register(ctx, h)
	if err != nil {
		return err
	}
	h.source, h.chain = reg.source, reg.chain
	return nil
}

func theApp(ctx caddy.Context) (*App, error) {
	v, err := ctx.App("webhooks")
	if err != nil {
		return nil, fmt.Errorf("getting the webhooks app: %w", err)
	}
	app, ok := v.(*App)
	if !ok {
		return nil, fmt.Errorf("the webhooks app is a %T, not ours", v)
	}
	return app, nil
}

// config translates the configuration; the secrets it reads are kept in reg, to
// be read again.
func (h *Handler) config(a *App, reg *registration) (gateway.Config, error) {
	cfg := gateway.Config{
		Name: h.Source, MaxBody: h.MaxBody,
		ReadTimeout: time.Duration(h.ReadTimeout), Wait: time.Duration(h.Wait), Timeout: time.Duration(h.Timeout),
		Logger: a.logger, Observer: observer{},
	}
	if h.Source == "" {
		return cfg, errors.New("webhook: the source has no name")
	}
	if h.Dedupe != nil {
		cfg.Dedupe = gateway.Dedupe{Off: h.Dedupe.Off, Window: time.Duration(h.Dedupe.Window), Entries: h.Dedupe.Entries}
	}
	for _, v := range h.Verify {
		scheme, err := a.namedScheme(h.Source, v.Scheme)
		if err != nil {
			return cfg, err
		}
		set, err := readSecrets(verifyOwner(h.Source, v.Scheme), v.Secrets, a.logger)
		if err != nil {
			return cfg, err
		}
		answer, token, err := v.AnswerHandshake.config(verifyOwner(h.Source, v.Scheme), a.logger)
		if err != nil {
			return cfg, err
		}
		reg.secrets, reg.tokens = append(reg.secrets, set), append(reg.tokens, token)
		cfg.Verify = append(cfg.Verify, gateway.Verify{
			Scheme: scheme, Secrets: set.values,
			Options: verifier.Options{
				Past: time.Duration(v.Past), Future: time.Duration(v.Future),
				PublicURL: v.PublicURL, AllowWeak: v.AllowWeak, Answer: answer,
			},
		})
	}
	if h.Forward != nil {
		forward, err := h.Forward.config(a, h.Source)
		if err != nil {
			return cfg, err
		}
		cfg.Forward = forward
	}
	return cfg, nil
}

// config translates what is asked for, which may be nothing, and reads the verify
// token; that set is empty if there is none.
func (h *AnswerHandshake) config(owner string, logger *slog.Logger) (*verifier.Answer, *secretSet, error) {
	if h == nil {
		return nil, new(secretSet), nil
	}
	answer := &verifier.Answer{Kind: h.Kind}
	if h.VerifyToken == "" {
		return answer, new(secretSet), nil
	}
	token, err := readSecrets(owner+", verify token", []string{h.VerifyToken}, logger)
	if err != nil {
		return nil, nil, err
	}
	answer.VerifyToken = token.values[0]
	return answer, token, nil
}

// verifyOwner says whose secrets those of a verify are.
func verifyOwner(source, scheme string) string { return "source " + source + ", verify " + scheme }

// ServeHTTP is the way of an event. With forward, next is for handshakes alone.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.chain != nil {
		return h.source.Receive(w, r, func(w http.ResponseWriter, r *http.Request) error {
			return h.chain.inline(next).ServeHTTP(w, r)
		})
	}
	return h.source.Receive(w, r, next.ServeHTTP)
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
