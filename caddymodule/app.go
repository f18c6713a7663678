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

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

func init() { caddy.RegisterModule(new(App)) }

// defaultBodyMemory is [App.BodyMemory] if none is configured.
const defaultBodyMemory = 64 << 20

// App is what all webhook handlers of a configuration share: custom signature
// schemes, limits, and the registry of sources. It needs no configuration: the
// handlers make it run.
type App struct {
	// Signature schemes beyond the presets. A scheme here is complete; in the
	// Caddyfile it may extend another. The name of a preset cannot be reused.
	Schemes []verifier.Scheme `json:"schemes,omitempty"`

	// How many bytes all bodies together may hold that are not verified yet.
	// Beyond it requests are answered with 503. Default: 67108864 (64 MiB).
	BodyMemory int64 `json:"body_memory,omitempty"`

	ctx     caddy.Context
	logger  *slog.Logger
	process *gateway.Process

	mu      sync.Mutex
	sources map[string]*registration

	stop    chan struct{}
	stopped sync.WaitGroup
}

// registration is a source as provisioned by one or more equal handlers.
type registration struct {
	definition [sha256.Size]byte
	source     *gateway.Source
	state      *gateway.State
	secrets    []*secretSet // of each verify
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks", New: func() caddy.Module { return new(App) }}
}

// Provision checks the configuration and takes part in what outlives it. It
// touches no file but those that hold secrets.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger, a.sources = ctx, ctx.Slogger(), make(map[string]*registration)
	if a.BodyMemory < 0 {
		return errors.New("body_memory cannot be negative")
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
func (a *App) register(h *Handler) (*registration, error) {
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
	a.sources[h.Source] = reg
	return reg, nil
}

// Start applies what the configuration says to what outlives it, and begins to
// watch the files that hold secrets.
func (a *App) Start() error {
	limit := a.BodyMemory
	if limit == 0 {
		limit = defaultBodyMemory
	}
	a.process.Bodies.SetLimit(limit)
	for _, reg := range a.sources {
		if err := reg.source.Start(); err != nil {
			return err
		}
	}
	a.stop = make(chan struct{})
	a.stopped.Go(a.housekeep)
	return nil
}

// housekeep re-reads secrets and writes log summaries until Stop.
func (a *App) housekeep() {
	ticker := time.NewTicker(secretInterval)
	defer ticker.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-ticker.C:
			a.refresh()
		}
	}
}

func (a *App) refresh() {
	for name, reg := range a.sources {
		for i, set := range reg.secrets {
			set.refresh(a.logger, reg.source, i)
		}
		reg.state.Flush(a.logger, name, a.process.Now())
	}
}

// Stop ends the watching. Requests in flight go on: they hold what they need.
func (a *App) Stop() error {
	close(a.stop)
	a.stopped.Wait()
	return nil
}

// Cleanup gives back what Provision and the handlers took, also when the
// configuration never started.
func (a *App) Cleanup() error {
	for name := range a.sources {
		releaseState(name)
	}
	if a.process != nil {
		releaseProcess()
	}
	return nil
}

// trouble returns why this gateway cannot accept now, if it cannot.
func (a *App) trouble() (reasons []string) {
	if caddy.Exiting() {
		reasons = append(reasons, "stopping")
	}
	if a.process.Bodies.Full() {
		reasons = append(reasons, "unverified bodies hold all of body_memory")
	}
	return reasons
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
