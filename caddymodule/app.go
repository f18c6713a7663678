package caddymodule

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

func init() { caddy.RegisterModule(new(App)) }

// What is not configured.
const (
	defaultBodyMemory = 64 << 20
	defaultFreeSpace  = 512 << 20
	defaultAge        = caddy.Duration(7 * 24 * time.Hour)
	defaultSize       = 10 << 30
	defaultDead       = caddy.Duration(30 * 24 * time.Hour)
)

// App is what all webhook handlers of a configuration share: the store, custom
// signature schemes, limits, and the registry of sources. It needs no
// configuration: the handlers make it run. The store is opened only if a source
// has forward, or if there is a producer or a portal.
type App struct {
	// Where events are kept.
	Store *Store `json:"store,omitempty"`

	// How long events are kept, and how much of the disk they may take.
	Retention *Retention `json:"retention,omitempty"`

	// How many bytes have to be left on the disk for events to be accepted; below,
	// requests are answered with 503. Default: 536870912 (512 MiB).
	FreeSpace int64 `json:"free_space,omitempty"`

	// How many bytes all bodies together may hold that are not verified yet.
	// Beyond it requests are answered with 503. Default: 67108864 (64 MiB).
	BodyMemory int64 `json:"body_memory,omitempty"`

	// Signature schemes beyond the presets. A scheme here is complete; in the
	// Caddyfile it may extend another. The name of a preset cannot be reused.
	Schemes []verifier.Scheme `json:"schemes,omitempty"`

	// The secrets that seal the secrets of endpoints in the store, and sign tokens. Each
	// is {env.NAME} or {file./absolute/path}, of at least 32 characters, and is read when
	// the configuration loads. The first is used; the others, which were used before, are
	// read. Required for webhook_portal.
	Keys []string `json:"keys,omitempty"`

	// How people reach webhook_portal, such as https://hooks.example.com. Default: the
	// host of each request.
	URL string `json:"url,omitempty"`

	// The networks, beside the public ones, that endpoints may be on, such as
	// 10.0.0.0/8. Loopback, link-local and metadata addresses have to be named exactly.
	// Only addresses of these may be reached with http. Targets of webhook_send need none of
	// this.
	AllowPrivate []string `json:"allow_private,omitempty"`

	ctx     caddy.Context
	logger  *slog.Logger
	process *gateway.Process

	mu        sync.Mutex
	sources   map[string]*registration
	producers map[string]*producer
	producing *producing

	storage    *storage // nil if nothing needs one
	generation *delivery.Generation
	ready      chan struct{} // closed once storage is there

	stop    chan struct{}
	stopped sync.WaitGroup
}

// Retention says how long events are kept. Pending ones always are, and keys as
// long as the source's window says.
type Retention struct {
	// How long delivered and ignored events are kept. Default: 7d.
	Age caddy.Duration `json:"age,omitempty"`

	// How many bytes the store may hold before delivered and ignored events are
	// deleted early. Default: 10737418240 (10 GiB).
	Size int64 `json:"size,omitempty"`

	// How long dead letters are kept. Default: 30d.
	Dead caddy.Duration `json:"dead,omitempty"`
}

// registration is a source as provisioned by one or more equal handlers.
type registration struct {
	definition [sha256.Size]byte
	source     *gateway.Source
	state      *gateway.State
	secrets    []*secretSet // of each verify
	tokens     []*secretSet // the verify token of each, or none
	forward    *Forward     // nil without
	chain      *chain       // nil without
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks", New: func() caddy.Module { return new(App) }}
}

// Provision checks the configuration and takes part in what outlives it. It
// touches no file but those that hold secrets.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger, a.sources, a.producers = ctx, ctx.Slogger(), make(map[string]*registration), make(map[string]*producer)
	a.ready, a.stop = make(chan struct{}), make(chan struct{})
	if err := a.check(); err != nil {
		return err
	}
	if err := a.checkProducing(); err != nil {
		return err
	}
	if err := a.onStarted(a.begin); err != nil {
		return err
	}
	names := make(map[string]bool, len(a.Schemes))
	for _, s := range a.Schemes {
		if _, preset := verifier.Preset(s.Name); preset || names[s.Name] || !gateway.ValidName(s.Name) {
			return fmt.Errorf("scheme %q: a custom scheme needs a name of its own (a-z, 0-9, _ and -) that no preset has; use extends to vary one", s.Name)
		}
		names[s.Name] = true
		if err := verifier.Check(s); err != nil {
			return err
		}
	}
	process, err := acquireProcess()
	if err != nil {
		return err
	}
	a.process = process
	return registerMetrics(ctx, a)
}

func (a *App) check() error {
	r := a.Retention
	if a.BodyMemory < 0 || a.FreeSpace < 0 || r != nil && (r.Age < 0 || r.Size < 0 || r.Dead < 0) {
		return errors.New("body_memory, free_space, retention and dead cannot be negative")
	}
	if a.Store != nil && a.Store.Engine == enginePostgres && a.FreeSpace != 0 {
		return errors.New("free_space is about the disk of a sqlite store; how much room PostgreSQL has, its own monitoring says")
	}
	return a.Store.check(a.logger)
}

// namedScheme is scheme for a source that has to have it.
func (a *App) namedScheme(source, name string) (verifier.Scheme, error) {
	scheme, ok := a.scheme(name)
	if !ok {
		return scheme, fmt.Errorf("source %s: there is no scheme %q; presets are %s; others are defined by scheme in the global webhooks block", source, name, presetNames())
	}
	return scheme, nil
}

// scheme returns the preset or custom scheme of that name.
func (a *App) scheme(name string) (verifier.Scheme, bool) {
	for _, s := range a.Schemes {
		if s.Name == name {
			return s, true
		}
	}
	return verifier.Preset(name)
}

// register returns the source that h defines. Handlers that define it equally
// share it: the same source on http and https, or in a snippet that two sites
// import.
func (a *App) register(ctx caddy.Context, h *Handler) (*registration, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", h.Source, err)
	}
	definition := sha256.Sum256(text)
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.sources[h.Source]; ok {
		if known.definition != definition {
			return nil, fmt.Errorf("source %s is defined twice, and differently: give one of them another name, or put the definition into a snippet and import it", h.Source)
		}
		return known, nil
	}
	reg := &registration{definition: definition}
	cfg, err := h.config(a, reg)
	if err != nil {
		return nil, err
	}
	if reg.state, err = acquireState(h.Source); err != nil {
		return nil, err
	}
	if reg.source, err = gateway.NewSource(cfg, a.process, reg.state); err != nil {
		releaseState(h.Source)
		return nil, err
	}
	a.sources[h.Source] = reg // from here on Cleanup gives the state back
	if h.Forward != nil {
		reg.forward = h.Forward
		if reg.chain, err = h.Forward.provision(ctx, reg.source); err != nil {
			return nil, err
		}
	}
	return reg, nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
