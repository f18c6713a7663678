package sender_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

const newKey = "the key that comes after the key that is long enough"

// sealed returns all that is sealed in the store.
func (b *bed) sealed() (all [][]byte) {
	b.Helper()
	err := b.store.Query(context.Background(), "SELECT sealed FROM sender_secrets UNION ALL SELECT headers FROM sender_endpoints WHERE headers IS NOT NULL", nil, func(scan func(...any) error) error {
		var text []byte
		err := scan(&text)
		all = append(all, bytes.Clone(text))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// TestReseal: with a new key in front everything is sealed with it soon, while messages
// are delivered; then the old one is not needed any more.
func TestReseal(t *testing.T) {
	onStores(t, func(b *bed) {
		const endpoints = 130 // more than one step
		app := b.app("one")
		var made []sender.Endpoint
		var secrets []string
		for range endpoints {
			ep := b.endpoint(app.ID, sender.EndpointIn{Headers: map[string]string{"X-Token": "t"}})
			made, secrets = append(made, ep), append(secrets, b.secret(app.ID, ep.ID))
		}
		b.keys = []string{newKey, testKey}
		b.restart()
		b.send(app.ID, sender.MessageIn{})
		ring := keyring(b.T, newKey)
		b.eventually("that all is sealed anew", func() bool {
			for _, text := range b.sealed() {
				if !ring.Fresh(text) {
					return false
				}
			}
			return true
		})
		b.keys = []string{newKey}
		b.restart()
		b.send(app.ID, sender.MessageIn{})
		for i, ep := range made {
			for _, p := range b.arrived(ep.URL, 2) {
				if !svixVerifies(b.T, secrets[i], &p) || p.Header.Get("X-Token") != "t" {
					b.Fatalf("endpoint %d: %v", i, p.Header)
				}
			}
		}
		if strings.Contains(b.logs.String(), "cannot be opened") {
			b.Error("a secret was lost")
		}
	})
}

// TestSealedElsewhere: a sealed secret that is copied to another endpoint's row does not
// open there: nothing is sent in its name.
func TestSealedElsewhere(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		victim, thief := b.endpoint(app.ID, sender.EndpointIn{}), b.endpoint(app.ID, sender.EndpointIn{})
		b.change(func(tx *store.Tx) error {
			_, err := tx.Exec("UPDATE sender_secrets SET sealed = (SELECT sealed FROM sender_secrets WHERE endpoint = ?) WHERE endpoint = ?", victim.ID, thief.ID)
			return err
		})
		if text, err := b.sender.EndpointSecret(b.Context(), app.ID, thief.ID); err == nil || text != "" {
			b.Errorf("it opens to %q", text)
		}
		b.send(app.ID, sender.MessageIn{})
		b.arrived(victim.URL, 1)
		b.eventually("that the other attempt failed", func() bool {
			l, err := b.sender.AttemptsByEndpoint(b.Context(), app.ID, thief.ID, sender.AttemptFilter{})
			return err == nil && len(l.Data) > 0
		})
		b.arrived(thief.URL, 0)
	})
}

// TestLostKey: without the key nothing is sent, and it is said; with it all goes on.
func TestLostKey(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.keys = []string{newKey}
		b.restart()
		b.send(app.ID, sender.MessageIn{})
		sleep(time.Minute)
		if len(b.receivers.at(ep.URL)) != 0 || !strings.Contains(b.logs.String(), "secrets cannot be opened with the keys that are configured") {
			b.Error("sent, or not said")
		}
		b.keys = []string{newKey, testKey}
		b.restart()
		sleep(time.Hour)
		if got := b.receivers.at(ep.URL); len(got) != 1 {
			b.Errorf("%d attempts; want 1", len(got))
		}
	})
}
