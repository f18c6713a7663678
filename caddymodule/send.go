package caddymodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
)

func init() { caddy.RegisterModule(new(Send)) }

// Send takes events from your own services and delivers them, signed: a POST is
// answered with 202 and the event's id once it is safe on disk, and is then posted to
// every target until each has taken it.
//
// The event's type is the query parameter type, else the member of that name in the
// body; its id is the header Idempotency-Key, else it is made.
type Send struct {
	// The producer's name: 1 to 64 of a-z, 0-9, _ and -. Several handlers may name the
	// same producer if they define it equally. Required.
	Name string `json:"name"`

	// The tokens of which a caller has to bring one, as Authorization: Bearer. Each is
	// {env.NAME} or {file./absolute/path}, which is read again every 30s. Required,
	// unless open is set.
	Tokens []string `json:"tokens,omitempty"`

	// Takes events from callers without a token, if they come to a loopback address or a
	// unix socket; all others are refused.
	Open bool `json:"open,omitempty"`

	// How deliveries are signed. Required.
	Sign *Sign `json:"sign,omitempty"`

	// The URLs that every event is posted to. They are the operator's word: private
	// networks and http are allowed. Redirects are never followed. Required.
	To []string `json:"to"`

	// The largest body, in bytes. Default: 1048576 (1 MiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// How long one attempt may take. Default: 15s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	Schedule

	app    *App
	intake *sender.Intake
}

// Sign says how the deliveries of a producer are signed.
type Sign struct {
	// The scheme: a preset or one of the app's.
	Scheme string `json:"scheme"`

	// The secrets, {env.NAME} or {file./absolute/path}. With several, as during a
	// rotation, a scheme that has a list of signatures carries one of each; others are
	// signed with the first. A file is read again every 30s.
	Secrets []string `json:"secrets"`
}

// CaddyModule returns the Caddy module information.
func (*Send) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhook_send", New: func() caddy.Module { return new(Send) }}
}

// Provision registers the producer with the app.
func (s *Send) Provision(ctx caddy.Context) (err error) {
	if s.app, err = theApp(ctx); err != nil {
		return err
	}
	reg, err := s.app.registerProducer(s)
	if err != nil {
		return err
	}
	s.intake = reg.intake
	return nil
}

// ServeHTTP takes an event; it never goes on.
func (s *Send) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	s.intake.ServeHTTP(w, r)
	return nil // what is refused is answered, too
}

// producer is a producer as provisioned by one or more equal handlers.
type producer struct {
	definition [sha256.Size]byte
	*sender.Producer
	intake   *sender.Intake
	secrets  *secretSet
	tokens   *secretSet // nil if it is open
	accepted atomic.Pointer[[]string]
	send     *Send
}

// registerProducer returns the producer that s defines. Handlers that define it equally
// share it.
func (a *App) registerProducer(s *Send) (*producer, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("producer %s: %w", s.Name, err)
	}
	definition := sha256.Sum256(text)
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.producers[s.Name]; ok {
		if known.definition != definition {
			return nil, fmt.Errorf("producer %s is defined twice, and differently: give one of them another name, or put the definition into a snippet and import it", s.Name)
		}
		return known, nil
	}
	p := &producer{definition: definition, send: s}
	if err := p.provision(a); err != nil {
		return nil, fmt.Errorf("producer %s: %w", s.Name, err)
	}
	a.producers[s.Name] = p
	return p, nil
}

func (p *producer) provision(a *App) error {
	s := p.send
	switch {
	case !gateway.ValidName(s.Name):
		return errors.New("a name is 1 to 64 of a-z, 0-9, _ and -, and begins with none of the last two")
	case s.Sign == nil:
		return errors.New("nothing says how to sign")
	case (len(s.Tokens) == 0) != s.Open:
		return errors.New("it needs either tokens or open")
	case s.MaxBody < 0 || s.Timeout < 0:
		return errors.New("max_body and timeout cannot be negative")
	}
	if err := s.check(); err != nil {
		return err
	}
	scheme, ok := a.scheme(s.Sign.Scheme)
	if !ok {
		return fmt.Errorf("there is no scheme %q; presets are %s; others are defined by scheme in the global webhooks block", s.Sign.Scheme, presetNames())
	}
	var err error
	if p.secrets, err = readSecrets("producer "+s.Name+", sign "+s.Sign.Scheme, s.Sign.Secrets, a.logger); err != nil {
		return err
	}
	d := s.destination("", nil, time.Duration(s.Timeout))
	p.Producer, err = sender.NewProducer(sender.ProducerOptions{
		Name: s.Name, Scheme: scheme, Secrets: p.secrets.values, URLs: s.To, MaxBacklog: cmp.Or(s.MaxBacklog, gateway.DefaultMaxBacklog),
		Retry: d.Retry, Forever: d.Forever, GiveUp: d.GiveUp, Timeout: d.Timeout, Concurrency: d.Concurrency,
	})
	if err != nil {
		return err
	}
	options := sender.IntakeOptions{MaxBody: s.MaxBody, Accept: (*queue)(a).Accept, Logger: a.logger}
	if !s.Open {
		if p.tokens, err = readSecrets("producer "+s.Name+", token", s.Tokens, a.logger); err != nil {
			return err
		}
		if err := p.admit(p.tokens.values); err != nil {
			return err
		}
		options.Tokens = func() []string { return *p.accepted.Load() }
	}
	p.intake = sender.NewIntake(p.Producer, options)
	return nil
}

// minToken is how long the token of a producer is at least: less can be guessed.
const minToken = 16

// admit makes these the tokens that are accepted.
func (p *producer) admit(tokens []string) error {
	for _, token := range tokens {
		if len(token) < minToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("a token needs at least %d characters, visible ones of ASCII; \"openssl rand -hex 32\" makes one", minToken)
		}
	}
	p.accepted.Store(&tokens)
	return nil
}

var (
	_ caddy.Provisioner           = (*Send)(nil)
	_ caddyhttp.MiddlewareHandler = (*Send)(nil)
)
