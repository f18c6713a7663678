package sender

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/hookgate/hookgate/verifier"
)

// keptTargets is of how many endpoints is remembered what attempts need.
const keptTargets = 4096

// target is what attempts need of an endpoint. It is not changed once it is made.
type target struct {
	Endpoint
	headers map[string]string
	secrets []signingSecret // the current one first
	mu      sync.Mutex
	signer  *verifier.Signer
	until   time.Time // when one of the signer's secrets expires; zero: never
}

// signingSecret is a secret of an endpoint, opened.
type signingSecret struct {
	text    string
	expires time.Time // zero: it is the current one
}

// Cache is what is remembered of the endpoints in a store. The senders that a process has
// over one store, as during a change of configuration, share one, so that each learns of
// what another changes. It is safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	known   *lru.Cache[string, *target]
	at      *lru.Cache[placeOf, []Endpoint] // which endpoints have a URL
	changes int                             // counts what was forgotten
}

// NewCache returns one that remembers nothing.
func NewCache() *Cache {
	known, _ := lru.New[string, *target](keptTargets) // they err about the size only
	at, _ := lru.New[placeOf, []Endpoint](keptTargets)
	return &Cache{known: known, at: at}
}

// count counts what was forgotten.
func (t *Cache) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}

// forget forgets some endpoints; without any, all.
func (t *Cache) forget(endpoints ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes++
	t.at.Purge() // any may have got a URL, or lost it
	if len(endpoints) == 0 {
		t.known.Purge()
	}
	for _, id := range endpoints {
		t.known.Remove(id)
	}
}

// get returns what is remembered of an endpoint, or nil; changes says to put whether
// something was forgotten meanwhile.
func (t *Cache) get(id string) (found *target, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, _ = t.known.Get(id)
	return found, t.changes
}

// put remembers an endpoint, unless what was read may be old already.
func (t *Cache) put(id string, found *target, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if changes == t.changes {
		t.known.Add(id, found)
	}
}

// getAt and putAt are get and put for which endpoints have a URL.
func (t *Cache) getAt(key placeOf) (found []Endpoint, known bool, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, known = t.at.Get(key)
	return found, known, t.changes
}

func (t *Cache) putAt(key placeOf, found []Endpoint, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if changes == t.changes {
		t.at.Add(key, found)
	}
}

// target returns what attempts need of an endpoint; nil if there is no such endpoint, or
// it is deleted.
func (s *Sender) target(ctx context.Context, id string) (*target, error) {
	found, changes := s.Cache.get(id)
	if found != nil {
		return found, nil
	}
	found, err := s.readTarget(s.reading(ctx), id)
	if err == nil && found != nil {
		s.Cache.put(id, found, changes)
	}
	return found, err
}

func (s *Sender) readTarget(q rows, id string) (t *target, err error) {
	err = q("SELECT "+endpointColumns+", headers FROM sender_endpoints WHERE id = ? AND deleted = 0", []any{id}, func(scan func(...any) error) (err error) {
		var headers []byte
		t = &target{}
		if t.Endpoint, err = scanEndpoint(scan, &headers); err == nil {
			t.headers, err = s.openHeaders(id, headers)
		}
		return err
	})
	if err != nil || t == nil {
		return nil, err
	}
	err = q("SELECT number, sealed, expires FROM sender_secrets WHERE endpoint = ? ORDER BY number DESC", []any{id}, func(scan func(...any) error) error {
		var number, expires int64
		var sealed []byte
		if err := scan(&number, &sealed, &expires); err != nil {
			return err
		}
		text, err := s.Keys.Open(secretOwner(id, number), sealed)
		if err != nil {
			return fmt.Errorf("secret %d of endpoint %s: %w", number, id, err)
		}
		t.secrets = append(t.secrets, signingSecret{string(text), moment(expires)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}
