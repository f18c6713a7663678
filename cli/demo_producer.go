package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// demoRetry is after how long the demo's sender tries again.
var demoRetry = []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, time.Second}

// demoProducer is the sending side of this program, with a store of its own and an
// application for each scheme.
type demoProducer struct {
	store  *store.Store
	engine *delivery.Engine
	sender *sender.Sender
}

// newDemoProducer opens the sending side in dir. It has to be closed.
func newDemoProducer(ctx context.Context, dir string) (_ *demoProducer, err error) {
	p := new(demoProducer)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening the sending side: %w", err), p.close())
		}
	}()
	keys, err := sender.NewKeyring(rand.Text() + rand.Text())
	if err != nil {
		return nil, err
	}
	guard, err := sender.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}) // where its gateway is
	if err != nil {
		return nil, err
	}
	p.store, err = store.Open(ctx, sqlite.New(filepath.Join(dir, "sender.db"), 0), store.Options{Migrations: sender.Migrations(), Match: sender.Match})
	if err != nil {
		return nil, err
	}
	p.engine = delivery.New(p.store, delivery.Options{Now: p.store.Now})
	p.sender, err = sender.New(sender.Options{Store: p.store, Engine: p.engine, Keys: keys, Guard: guard, Retry: demoRetry})
	if err != nil {
		return nil, err
	}
	if err := p.sender.Start(ctx); err != nil {
		return nil, err
	}
	p.engine.Add(nil, p.sender).Begin()
	return p, nil
}

// close ends what was begun.
func (p *demoProducer) close() error {
	var all []error
	if p.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), demoStopTimeout)
		defer cancel()
		all = append(all, p.engine.Stop(ctx))
	}
	if p.sender != nil {
		all = append(all, p.sender.Close())
	}
	if p.store != nil {
		all = append(all, p.store.Close())
	}
	return errors.Join(all...)
}

// subscribe makes an application with an endpoint, and returns its id.
func (p *demoProducer) subscribe(ctx context.Context, url, scheme, secret string) (app string, err error) {
	err = p.store.Do(ctx, func(tx *store.Tx) error {
		made, err := p.sender.CreateApplication(tx, sender.ApplicationIn{Name: "receives " + scheme})
		if err != nil {
			return err
		}
		app = made.ID
		_, err = p.sender.CreateEndpoint(tx, app, sender.EndpointIn{URL: url, Scheme: scheme, Secret: secret})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("adding an endpoint: %w", err)
	}
	return app, nil
}

// send sends a message, and returns its id.
func (p *demoProducer) send(ctx context.Context, app string, payload []byte) (id string, err error) {
	m, _, err := p.sender.CreateMessage(ctx, app, sender.MessageIn{EventType: "order.paid", Payload: json.RawMessage(payload)})
	if err != nil {
		return "", fmt.Errorf("sending a message: %w", err)
	}
	return m.ID, nil
}
