//go:build linux

package main

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
)

// wantStatus checks with what a token is answered.
func (p *producer) wantStatus(token string, want int) {
	p.t.Helper()
	if status, text := p.ask(token, "GET", "/app/"+tenant, nil); status != want {
		p.t.Errorf("the token is answered %d %s; want %d", status, text, want)
	}
}

// wantWhole ends the writers, and checks that all has arrived and that no attempt was
// refused, nor one made in vain.
func (w *writers) wantWhole(t *testing.T, p *producer) {
	t.Helper()
	w.awaitAcked(t, w.ackedCount()+5*clients)
	w.end()
	n := w.settled(t)
	for _, name := range w.endpoints {
		if failed := p.failed(name); failed > 0 {
			t.Errorf("%d attempts at %s failed", failed, name)
		}
	}
	if n.again+n.within > 0 {
		t.Errorf("%d messages came again", n.again+n.within)
	}
}

// The key is rotated while messages are written and delivered: at a running gateway, by a
// new configuration, and then by a restart. No delivery fails, and secrets are what they
// were. A token of the old key is taken until that is taken out, and then no more; one
// that is revoked is not taken from then on. It was seen red with nothing sealed anew.
//
// (P-12)
func TestRotateTheKey(t *testing.T) {
	b := newMailbox(t, "svix", "standard", "travelbase")
	p := newFileProducer(t, b)
	p.start()
	p.settle()
	p.api("PUT", "/app/"+tenant+"/endpoint/"+b.endpoints[0]+"/headers", map[string]any{"headers": map[string]string{"X-Api-Key": "k"}}, nil)
	w := startWriters(t, b, p)
	flow := func() { b.awaitAcked(t, b.ackedCount()+5*clients) }
	secrets := func() {
		t.Helper()
		for _, name := range b.endpoints {
			var secret struct{ Key string }
			p.api("GET", "/app/"+tenant+"/endpoint/"+name+"/secret", nil, &secret)
			if want := b.ends[name].secrets[0]; secret.Key != want {
				t.Errorf("the secret of %s is %s; want %s", name, secret.Key, want)
			}
		}
	}
	const sealed = "sealed with the first key now"
	old := p.token
	flow()

	p.reload(secondKey, firstKey)
	flow()
	secrets()
	p.wantStatus(old, http.StatusOK)
	second := p.mint(secondKey)
	p.wantStatus(second, http.StatusOK)
	p.says(sealed, 2) // secrets, and headers
	w.with(func() { p.token = second })
	flow()

	p.reload(secondKey)
	flow()
	secrets()
	p.wantStatus(old, http.StatusUnauthorized)
	p.wantStatus(second, http.StatusOK)

	if n := w.broken.Load(); n > 0 {
		t.Errorf("%d requests broke over changes of the configuration", n)
	}

	// By a restart, with a third.
	p.signal(syscall.SIGTERM)
	if code := p.exits(exitWait); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	p.configure(p.caddyfile(thirdKey, secondKey))
	p.start()
	flow()
	secrets()
	p.wantStatus(second, http.StatusOK)
	third, revoked := p.mint(thirdKey), p.mint(thirdKey)
	p.says(sealed, 4)
	w.with(func() { p.token = third })
	p.reload(thirdKey)
	flow()
	secrets()
	p.wantStatus(second, http.StatusUnauthorized)

	p.wantStatus(revoked, http.StatusOK)
	p.run(nil, "token", "revoke", "--admin", "unix/"+p.socket(), revoked)
	p.wantStatus(revoked, http.StatusUnauthorized)
	p.wantStatus(third, http.StatusOK)
	w.wantWhole(t, p)
	p.kill()
	b.nextLife(t)
	p.start()
	p.wantStatus(revoked, http.StatusUnauthorized)
}

// Two gateways that share PostgreSQL are given another key one after the other, in the
// steps that the documentation names: no delivery fails, and each takes the tokens that
// the other's key has signed.
//
// (P-12)
func TestClusterRotateTheKey(t *testing.T) {
	t.Parallel()
	b := newMailbox(t, "svix", "travelbase")
	both := clusterProducers(t, b)
	w := startWriters(t, b, both...)
	old, second := both[0].token, both[0].mint(secondKey)
	for _, step := range []struct {
		keys                  []string
		takesOld, takesSecond int
	}{
		{[]string{firstKey, secondKey}, http.StatusOK, http.StatusOK},
		{[]string{secondKey, firstKey}, http.StatusOK, http.StatusOK},
		{[]string{secondKey}, http.StatusUnauthorized, http.StatusOK},
	} {
		if len(step.keys) == 1 {
			w.with(func() { both[0].token, both[1].token = second, second })
		}
		for _, p := range both {
			p.reload(step.keys...)
			if step.keys[0] == secondKey && len(step.keys) > 1 && p == both[0] {
				p.says("sealed with the first key now", 1)
			}
			b.awaitAcked(t, b.ackedCount()+5*clients)
		}
		for _, p := range both {
			p.wantStatus(old, step.takesOld)
			p.wantStatus(second, step.takesSecond)
		}
	}
	w.wantWhole(t, both[0])
}

// Secrets of endpoints are rotated while messages are delivered: each delivery is signed
// with one that is of use then, and for the schemes that have room for it with the old one
// beside the new one.
//
// (E-16)
func TestRotateSecrets(t *testing.T) {
	b := newMailbox(t, "svix", "standard", "travelbase")
	p := newFileProducer(t, b)
	p.start()
	p.settle()
	w := startWriters(t, b, p)
	for range 3 {
		b.awaitAcked(t, b.ackedCount()+5*clients)
		for _, name := range b.endpoints {
			e := b.ends[name]
			old, secret := e.secrets[0], newSecret(e.scheme)
			e.accept(t, secret, old)
			p.api("POST", "/app/"+tenant+"/endpoint/"+name+"/secret/rotate", map[string]any{"key": secret}, nil)
			if e.scheme != "travelbase" { // a receiver that has not heard of it yet goes on
				e.accept(t, old)
				b.awaitAcked(t, b.ackedCount()+5*clients)
			}
			if b.lacking() > 0 {
				until(t, 20*time.Second, "what was sent arrives", func() bool { return b.lacking() < 10*clients })
			}
			e.accept(t, secret, old)
		}
	}
	w.wantWhole(t, p)
	for _, name := range b.endpoints { // the last secret alone is enough by now
		b.ends[name].accept(t, b.ends[name].secrets[0])
	}
	newWriters(t, b, p).write("last", true)
	b.settled(t)
	for _, name := range b.endpoints {
		if failed := p.failed(name); failed > 0 {
			t.Errorf("%d attempts at %s failed", failed, name)
		}
	}
}

// A producer's store is moved to PostgreSQL with messages that wait in it, and goes on
// there: what waited arrives, ids and secrets are the same, tokens are taken, those that
// were revoked are not, and requests that are repeated are known.
//
// (E-18)
func TestMoveTheProducer(t *testing.T) {
	t.Parallel()
	b := newMailbox(t, "svix", "standard", "travelbase")
	file := filepath.Join(t.TempDir(), "events.db")
	p := newProducer(t, "producer", "sqlite "+file, b)
	p.start()
	p.settle()
	revoked := p.mint(firstKey)
	p.run(nil, "token", "revoke", "--admin", "unix/"+p.socket(), revoked)
	w := newWriters(t, b, p)
	for _, key := range []string{"a", "b", "c"} {
		w.write(key, true)
		w.write("send-"+key, false)
	}
	until(t, 20*time.Second, "all arrive", func() bool { return b.lacking() == 0 })
	for _, name := range b.endpoints {
		b.ends[name].status.Store(http.StatusServiceUnavailable)
	}
	var waiting []*message
	for _, key := range []string{"d", "e", "f"} {
		w.write(key, true)
		b.with(func() { waiting = append(waiting, b.messages[key]) })
	}
	p.signal(syscall.SIGTERM)
	if code := p.exits(exitWait); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	b.nextLife(t)
	dsn := pgserver.Database(t)
	t.Log(p.run([]string{"HOOKGATE_POSTGRES=" + dsn}, "migrate", file))

	p.stored = "postgres {env.PRODUCER_PG}"
	p.env = append(p.env, "PRODUCER_PG="+dsn)
	p.configure(p.caddyfile(firstKey))
	for _, name := range b.endpoints {
		b.ends[name].status.Store(0)
	}
	p.start()
	p.wantStatus(p.token, http.StatusOK)
	p.wantStatus(revoked, http.StatusUnauthorized)
	for _, m := range waiting { // repeated, with the id of before
		id, err := w.post(m)
		if err != nil || id != b.seen(m) {
			t.Errorf("%s is answered with %s, %v; want %s", m.key, id, err, b.seen(m))
		}
	}
	w.write("g", true)
	w.write("send-g", false)
	if n := b.settled(t); n.again+n.within > 0 {
		t.Errorf("%d messages came again", n.again+n.within)
	}
}
