package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// producing is the sending side of a configuration: what webhook_portal serves, and the
// endpoints that are delivered to.
type producing struct {
	keys   *sender.Keyring
	guard  *sender.Guard
	sender *sender.Sender // nil before Start
	api    *api.API       // nil before Start
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

// needPortal notes that there is a portal.
func (a *App) needPortal() error {
	if a.producing.keys == nil {
		return errNoKey
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.portal = true
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
	p.api = api.New(api.Options{Sender: p.sender, Store: a.storage.store, Keys: p.keys, URL: strings.TrimSuffix(a.URL, "/"), Now: a.storage.store.Now, Logger: a.logger})
	return nil
}

// directory is where the engine learns of endpoints; nil without webhook_portal.
func (a *App) directory() delivery.Directory {
	if !a.portal {
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

// serve answers a call of the API, while the store stays open.
func (a *App) serve(w http.ResponseWriter, r *http.Request) error {
	if err := (*queue)(a).started(r.Context()); err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	if !a.storage.use() {
		return caddyhttp.Error(http.StatusServiceUnavailable, store.ErrClosed)
	}
	defer a.letGo()
	a.producing.api.ServeHTTP(w, r)
	return nil
}
