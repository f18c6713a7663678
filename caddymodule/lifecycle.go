package caddymodule

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// The life of a configuration, as Caddy leads it:
//
//	Provision   checks; touches no file but secrets      (caddy validate ends here)
//	Start       opens the store or finds it open, and puts the chains on its engine
//	"started"   all apps have started: settings apply, attempts begin
//	Stop        takes the chains off; on exit the attempts end, too
//	Cleanup     lets go of the store
//
// Until "started" the configuration before goes on unchanged, so that one which
// fails half-way (a port is taken) has changed nothing. Its Stop may not be called,
// its Cleanup is.

// Start opens the store if a source needs it.
func (a *App) Start() error {
	if err := a.openStore(); err != nil {
		return err
	}
	close(a.ready)
	a.stopped.Go(a.housekeep)
	return nil
}

func (a *App) openStore() error {
	destinations, err := a.destinations()
	if err != nil {
		return err
	}
	if len(destinations) == 0 && a.producing.brand == nil {
		warnOfLeft(a.logger)
		return nil
	}
	if a.storage, err = acquireStorage(a.ctx, a.Store, a.logger); err != nil {
		return err
	}
	if a.producing.brand != nil {
		if err := a.producing.open(a); err != nil {
			return err
		}
	}
	a.generation = a.storage.engine.Add(destinations, a.directory())
	return nil
}

// destinations returns those of the sources with forward, and of the producers.
func (a *App) destinations() (all []delivery.Destination, err error) {
	for name, reg := range a.sources {
		if reg.forward == nil {
			continue
		}
		for _, old := range reg.forward.Was {
			if _, ok := a.sources[old]; ok {
				return nil, fmt.Errorf("source %s: was %s: there is a source of that name, which keeps its own events; remove it, or the was", name, old)
			}
		}
		all = append(all, reg.forward.destination(reg.source.Destination(), reg.chain, reg.source.Timeout))
	}
	for _, p := range a.producers {
		all = append(all, p.Destinations()...)
	}
	slices.SortFunc(all, func(x, y delivery.Destination) int { return cmp.Compare(x.Name, y.Name) })
	return all, nil
}

// onStarted calls f when all apps of this configuration have started.
func (a *App) onStarted(f func() error) error {
	v, err := a.ctx.App("events")
	if err != nil {
		return fmt.Errorf("getting the events app: %w", err)
	}
	events, ok := v.(*caddyevents.App)
	if !ok {
		return fmt.Errorf("the events app is a %T", v)
	}
	return events.On("started", startedHandler(f))
}

type startedHandler func() error

// Handle implements [caddyevents.Handler].
func (f startedHandler) Handle(context.Context, caddy.Event) error { return f() }

// begin applies what the configuration says to what outlives it, and lets its
// attempts begin.
func (a *App) begin() error {
	a.process.Bodies.SetLimit(cmp.Or(a.BodyMemory, defaultBodyMemory))
	for _, reg := range a.sources {
		if err := reg.source.Start(); err != nil {
			a.logger.Error("a source cannot start", slog.Any("error", err))
		}
	}
	if a.storage == nil {
		return nil
	}
	var r Retention
	if a.Retention != nil {
		r = *a.Retention
	}
	a.storage.store.SetFreeSpace(cmp.Or(a.FreeSpace, defaultFreeSpace))
	a.storage.store.SetRetention(store.Retention{
		Age: time.Duration(cmp.Or(r.Age, defaultAge)), Size: cmp.Or(r.Size, defaultSize), Dead: time.Duration(cmp.Or(r.Dead, defaultDead)),
		Messages: sender.MinRetention, Window: a.window,
	})
	if a.producing.brand != nil {
		if err := a.producing.sender.Start(context.Background()); err != nil {
			a.logger.Error("the sending side cannot start", slog.Any("error", err))
		}
	}
	a.generation.Begin()
	a.stopped.Go(a.adopt)
	return nil
}

// window is how long a source remembers.
func (a *App) window(source string) (time.Duration, bool) {
	reg, ok := a.sources[source]
	if !ok {
		return 0, false
	}
	return reg.source.Dedupe.Window, true
}

// adoptEvery is how often it is looked for events under earlier names that other
// gateways, which have the configuration before still, have received.
const adoptEvery = time.Minute

// adopt takes over the events of sources under their earlier names, until Stop if
// others share the store.
func (a *App) adopt() {
	ticker := time.NewTicker(adoptEvery)
	defer ticker.Stop()
	for {
		if err := a.adoptAll(); err != nil {
			a.logger.Error("taking over a source's events under its earlier name", slog.Any("error", err))
		} else if !a.storage.store.Standing().Shared {
			return
		}
		select {
		case <-a.stop:
			return
		case <-ticker.C:
		}
	}
}

func (a *App) adoptAll() error {
	const batch = 500
	for name, reg := range a.sources {
		if reg.forward == nil {
			continue
		}
		for _, old := range reg.forward.Was {
			for n := int64(batch); n > 0; {
				select {
				case <-a.stop:
					return nil
				default:
				}
				var err error
				if n, err = a.storage.store.Adopt(context.Background(), old, name, batch); err != nil {
					return fmt.Errorf("source %s: was %s: %w", name, old, err)
				}
				if n > 0 {
					a.storage.engine.Wake(reg.source.Destination())
				}
			}
		}
	}
	return nil
}

// housekeep re-reads secrets, writes log summaries and deletes what the portal has no use
// for, until Stop.
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
	if a.storage != nil && a.Store != nil && strings.HasPrefix(a.Store.DSN, filePrefix) {
		a.storage.renew(a.Store)
	}
	for name, reg := range a.sources {
		for i, set := range reg.secrets {
			set.refresh(a.logger, func(values []string) error { return reg.source.Rekey(i, values) })
			reg.tokens[i].refresh(a.logger, func(values []string) error { return reg.source.SetVerifyToken(i, values[0]) })
		}
		reg.state.Flush(a.logger, name, a.process.Now())
	}
	for _, p := range a.producers {
		p.secrets.refresh(a.logger, p.SetSecrets)
		if p.tokens != nil {
			p.tokens.refresh(a.logger, p.admit)
		}
	}
	if a.producing.portal != nil {
		a.producing.sweep(a.logger)
	}
}

// Stop takes the configuration off the engine. Requests and attempts in flight go
// on: they hold what they need. Only when the process ends, the attempts do, too,
// while events are still accepted as long as there are requests.
func (a *App) Stop() error {
	a.endWatch()
	if a.storage == nil {
		return nil
	}
	a.generation.Remove()
	if caddy.Exiting() {
		return a.storage.stop()
	}
	return nil
}

func (a *App) endWatch() {
	select {
	case <-a.stop:
	default:
		close(a.stop)
	}
	a.stopped.Wait()
	a.endProducing()
}

// Cleanup gives back what Provision, Start and the handlers took, also when the
// configuration never started, or failed after its Start.
func (a *App) Cleanup() error {
	if a.stop != nil {
		a.endWatch()
	}
	if a.storage != nil {
		if a.generation != nil { // the Start of the sending side may have failed
			a.generation.Remove()
		}
		releaseStorage(a.storage, a.logger)
	}
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
	if a.storage != nil {
		if err := a.storage.store.Trouble(); err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	return reasons
}
