package api_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// A code that another gateway is just exchanging is found, and is not exchanged twice:
// who deletes it has it.
//
// (P-01)
func TestCodeIsBeingExchanged(t *testing.T) {
	dsn := pgserver.Database(t)
	s := newServer(t, config{dsn: dsn})
	s.app("u")
	code := codeOf(t, s.do(200, "POST", "/auth/app-portal-access/u", obj{})["url"].(string))
	other, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tag, err := tx.Exec(t.Context(), "DELETE FROM api_codes"); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%v, error %v", tag, err)
	}
	exchanged := make(chan error)
	go func() {
		_, err := s.api.Redeem(context.WithoutCancel(t.Context()), code)
		exchanged <- err
	}()
	eventually(t, "the gateway waits for the row", func() (waits bool) {
		if err := tx.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-exchanged; !errors.Is(err, api.ErrCode) {
		t.Errorf("exchanged twice: %v", err)
	}
}

// Two gateways that share a store are one: what is asked of both at once with one key is
// done once, a code is exchanged at one of them, and a token that is ended at one is ended
// at the other.
//
// (E-18, P-01)
func TestTwoGateways(t *testing.T) {
	dsn := pgserver.Database(t)
	both := []*server{newServer(t, config{dsn: dsn}), newServer(t, config{dsn: dsn})}
	app := both[0].app("u")

	for what, c := range map[string]struct {
		path string
		body obj
	}{
		"application": {"/app", obj{"name": "a", "uid": "once"}},
		"endpoint":    {"/app/u/endpoint", obj{"url": example, "uid": "e", "disabled": true}},
		"message":     {"/app/u/msg", obj{"eventType": "a", "payload": obj{}}},
		"access":      {"/auth/app-portal-access/u", obj{}},
	} {
		var all sync.WaitGroup
		answers := make([]reply, 40)
		for i := range answers {
			s := both[i%2]
			all.Go(func() { answers[i] = s.request(both[0].org, "POST", c.path, c.body, "Idempotency-Key", "k") })
		}
		all.Wait()
		for _, got := range answers {
			if got.status/100 != 2 || string(got.body) != string(answers[0].body) {
				t.Errorf("%s: %d %s, and %d %s", what, got.status, got.body, answers[0].status, answers[0].body)
				break
			}
		}
	}
	if apps, eps, msgs := both[1].list("/app"), both[1].list("/app/u/endpoint"), both[1].list("/app/u/msg"); len(apps) != 2 || len(eps) != 1 || len(msgs) != 1 {
		t.Errorf("%d applications, %d endpoints, %d messages", len(apps), len(eps), len(msgs))
	}

	for range 5 {
		code := codeOf(t, both[0].do(200, "POST", "/auth/app-portal-access/u", obj{})["url"].(string))
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				switch _, err := both[i%2].api.Redeem(t.Context(), code); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, api.ErrCode):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got it, want one", won.Load())
		}
	}

	token := both[0].token(ofApp(app))
	both[1].as(token, 200, "GET", "/app/u", nil)
	both[0].as(token, 204, "POST", "/auth/logout", nil)
	both[1].as(token, 401, "GET", "/app/u", nil)
	token = both[1].token(ofApp(app))
	both[0].do(204, "POST", "/auth/app/u/expire-all", obj{})
	both[1].as(token, 401, "GET", "/app/u", nil)
}
