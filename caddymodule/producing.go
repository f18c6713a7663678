package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// producing is the sending side of a configuration: what webhook_portal serves, and the
// endpoints that are delivered to.
type producing struct {
	keys   *sender.Keyring
	guard  *sender.Guard
	brand  *brand         // nil without webhook_portal
	sender *sender.Sender // nil before Start, like the rest
	api    *api.API
	portal *portal.Portal
}

// checkProducing reports what is wrong with what the sending side is given, and reads
// the keys.
func (a *App) checkProducing() error {
	p := new(producing)
	if a.URL != "" {
		u, err := url.Parse(a.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
			return fmt.Errorf("url %q: it has to be the scheme and host by which people reach the portal, and no more, such as https://hooks.example.com", a.URL)
		}
	}
	allow := make([]netip.Prefix, len(a.AllowPrivate))
	for i, text := range a.AllowPrivate {
		var err error
		if allow[i], err = netip.ParsePrefix(text); err != nil {
			return fmt.Errorf("allow_private %q: it has to be a network, such as 10.0.0.0/8, or a single address, such as 10.1.2.3/32", text)
		}
	}
	var err error
	if p.guard, err = sender.NewGuard(allow); err != nil {
		return fmt.Errorf("allow_private: %w", err)
	}
	if len(a.Keys) > 0 {
		secrets, err := readSecrets("key", a.Keys, a.logger)
		if err != nil {
			return err
		}
		if p.keys, err = sender.NewKeyring(secrets.values...); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	a.producing = p
	return nil
}

// needPortal notes that there is a portal, and whose.
func (a *App) needPortal(b brand) error {
	if a.producing.keys == nil {
		return errNoKey
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.producing.brand != nil && !a.producing.brand.equals(b) {
		return errors.New("webhook_portal is there twice, with different brands: there is one portal, which several sites may serve")
	}
	a.producing.brand = &b
	return nil
}

// errNoKey says how to make a key.
var errNoKey = errors.New(`webhook_portal needs a key, which seals the secrets of endpoints and signs tokens: make one with "openssl rand -base64 32", put it into the environment, and write "key {env.HOOKGATE_KEY}" into the global webhooks block`)

// open makes the sending side over an open store.
func (p *producing) open(a *App) (err error) {
	p.sender, err = sender.New(sender.Options{
		Store: a.storage.store, Engine: a.storage.engine, Keys: p.keys, Guard: p.guard, Cache: a.storage.cache, Now: a.storage.store.Now, Logger: a.logger,
	})
	if err != nil {
		return err
	}
	var b brand
	if p.brand != nil {
		b = *p.brand
	}
	s, url := a.storage.store, strings.TrimSuffix(a.URL, "/")
	sessions := portal.NewSessions(p.keys, s, url, s.Now)
	p.api = api.New(api.Options{Sender: p.sender, Store: s, Keys: p.keys, URL: url, Brand: b.Name, SignIn: sessions.Begin, Now: s.Now, Logger: a.logger})
	p.portal, err = portal.New(portal.Options{
		API: p.api, Sender: p.sender, Store: s, Sessions: sessions, Operator: a.operator, Brand: b.Name, Icon: b.icon, IconType: b.mediaType, Logger: a.logger,
	})
	return err
}

// sweepWait is how long deleting may take before it goes on the next time.
const sweepWait = 5 * time.Second

// sweep deletes temporary URLs that have expired, and what they have received.
func (p *producing) sweep(logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepWait)
	defer cancel()
	if err := p.portal.Sweep(ctx); err != nil {
		logger.Warn("deleting expired temporary URLs goes on later", slog.Any("error", err))
	}
}

// directory is where the engine learns of endpoints; nil without webhook_portal.
func (a *App) directory() delivery.Directory {
	if a.producing.brand == nil {
		return nil
	}
	return a.producing.sender
}

// endProducing ends the upkeep of the sending side. Attempts in flight go on.
func (a *App) endProducing() {
	for _, p := range a.producers {
		p.Close()
	}
	if a.producing == nil || a.producing.sender == nil {
		return
	}
	if err := a.producing.sender.Close(); err != nil {
		a.logger.Error("ending the sending side", slog.Any("error", err))
	}
}

// serve answers a call of the API, or shows the portal, while the store stays open.
func (a *App) serve(w http.ResponseWriter, r *http.Request) error {
	if err := (*queue)(a).started(r.Context()); err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	if !a.storage.use() {
		return caddyhttp.Error(http.StatusServiceUnavailable, store.ErrClosed)
	}
	defer a.letGo()
	if portal.Serves(r) {
		a.producing.portal.ServeHTTP(w, r)
	} else {
		a.producing.api.ServeHTTP(w, r)
	}
	return nil
}
