package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/store"
)

// The answer to a repeated request is the first one, byte for byte, of whatever operation.
//
// (E-18)
func TestReplies(t *testing.T) {
	s := newServer(t, config{})
	w := newWorld(t, s, newReceiver(t, nil))
	sends := func(r api.Route) bool {
		return slices.Contains([]string{"v1.message.create", "v1.message-attempt.resend", "v1.endpoint.send-example", "v1.endpoint.bulk-replay"}, r.Operation)
	}
	var routes, last []api.Route // what is sent shows at some time: first those that send nothing
	for _, r := range api.Routes() {
		if sends(r) {
			last = append(last, r)
		} else {
			routes = append(routes, r)
		}
	}
	for _, r := range append(routes, last...) {
		if r.Method != http.MethodPost || r.Access == api.Public || destroys(r) {
			continue
		}
		key := "key " + r.Operation
		first := w.call(t, r, s.org, "Idempotency-Key", key)
		state := w.state()
		again := w.call(t, r, s.org, "idempotency-key", key)
		if first.status/100 != 2 || again.status != first.status || string(again.body) != string(first.body) || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
			t.Errorf("%s: first %d %s, again %d %s", r.Operation, first.status, first.body, again.status, again.body)
		}
		if sends(r) {
			continue
		}
		if after := w.state(); after != state {
			t.Errorf("%s has changed something again:\n%s\n%s", r.Operation, state, after)
		}
	}
	// The first was sent, sent again by hand, and replayed; then there is one more, and an example.
	s.finished(w.task)
	s.attempts(w.app, w.message, 3)
	w.receiver.wait(t, 4)
	if all := s.list("/background-task"); len(all) != 4 {
		t.Errorf("%d tasks, want 4", len(all))
	}
}

// Who asks, for what, and with which key tell requests apart; the body does not.
func TestWhatARepetitionIs(t *testing.T) {
	s := newServer(t, config{})
	a, b := s.app(), s.app()
	endpoint := func(token, path, key string) string {
		t.Helper()
		return s.as(token, 201, "POST", path, obj{"url": example, "description": unique()}, "Idempotency-Key", key)["id"].(string)
	}
	first := endpoint(s.org, "/app/"+a+"/endpoint", "k")
	for why, again := range map[string]string{
		"the same":             endpoint(s.org, "/app/"+a+"/endpoint", "k"),
		"another token":        endpoint(mint(t, s.api.Tokens(), api.Holder{Scope: api.Organisation}, time.Hour), "/app/"+a+"/endpoint", "k"),
		"a slash behind":       endpoint(s.org, "/app/"+a+"/endpoint/", "k"),
		"two slashes in front": s.do(201, "POST", "/app/"+a+"/endpoint", obj{"url": "no URL"}, "Idempotency-Key", "k")["id"].(string),
	} {
		if again != first {
			t.Errorf("%s: %s, want %s", why, again, first)
		}
	}
	for why, other := range map[string]string{
		"another key":         endpoint(s.org, "/app/"+a+"/endpoint", "K"),
		"another path":        endpoint(s.org, "/app/"+b+"/endpoint", "k"),
		"another query":       endpoint(s.org, "/app/"+a+"/endpoint?x=y", "k"),
		"an application's":    endpoint(s.token(ofApp(a)), "/app/"+a+"/endpoint", "k"),
		"an operator's token": endpoint(mint(t, s.api.Tokens(), api.Holder{Scope: api.Operator}, time.Hour), "/app/"+a+"/endpoint", "k"),
	} {
		if other == first {
			t.Errorf("%s: it is a repetition", why)
		}
	}
	// The key means nothing where nothing is made.
	s.do(200, "PATCH", "/app/"+a, obj{"name": "1"}, "Idempotency-Key", "p")
	if got := s.do(200, "PATCH", "/app/"+a, obj{"name": "2"}, "Idempotency-Key", "p"); got["name"] != "2" {
		t.Errorf("PATCH: %v", got)
	}
}

// What was refused is not kept: the same request may succeed later.
func TestRefusalsAreNotKept(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	in := obj{"url": example, "eventTypes": []string{"later"}}
	for range 2 {
		s.do(422, "POST", "/app/"+app+"/endpoint", in, "Idempotency-Key", "k")
	}
	if n := rows(t, s.store, "api_replies"); n != 0 {
		t.Errorf("%d replies are kept", n)
	}
	s.types("later")
	s.do(201, "POST", "/app/"+app+"/endpoint", in, "Idempotency-Key", "k")
	s.app("u")
	s.do(409, "POST", "/app", obj{"name": "a", "uid": "u"}, "Idempotency-Key", "u")
	s.do(204, "DELETE", "/app/u", nil)
	s.do(201, "POST", "/app", obj{"name": "a", "uid": "u"}, "Idempotency-Key", "u")
}

// A hundred at once with one key are one.
//
// (E-18)
func TestRepetitionsAtOnce(t *testing.T) {
	s := newServer(t, config{})
	r := newReceiver(t, nil)
	app := s.app()
	ep := s.endpoint(app, r.URL, nil)
	path := "/app/" + app
	for what, c := range map[string]struct {
		path string
		body obj
	}{
		"application":        {"/app", obj{"name": "a", "uid": "u"}},
		"endpoint":           {path + "/endpoint", obj{"url": example, "disabled": true}},
		"message":            {path + "/msg", obj{"eventType": "a", "eventId": "e", "payload": obj{}}},
		"message without id": {path + "/msg?", obj{"eventType": "a", "payload": obj{}}},
		"example":            {path + "/endpoint/" + ep + "/send-example", obj{"eventType": "svix.ping"}},
		"access":             {"/auth/app-portal-access/" + app, obj{}},
	} {
		var all sync.WaitGroup
		answers := make([]reply, 100)
		for i := range answers {
			all.Go(func() { answers[i] = s.request(s.org, "POST", c.path, c.body, "Idempotency-Key", "at once") })
		}
		all.Wait()
		for _, got := range answers {
			if got.status/100 != 2 || string(got.body) != string(answers[0].body) {
				t.Errorf("%s: %d %s, and %d %s", what, got.status, got.body, answers[0].status, answers[0].body)
				break
			}
		}
	}
	if apps, eps, msgs := s.list("/app"), s.list(path+"/endpoint"), s.list(path+"/msg"); len(apps) != 2 || len(eps) != 2 || len(msgs) != 3 {
		t.Errorf("%d applications, %d endpoints, %d messages", len(apps), len(eps), len(msgs))
	}
	r.wait(t, 3)
}

// Messages with one key and another body are a conflict, with an event id or without.
//
// (E-18)
func TestMessageKeyConflict(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	for _, id := range []any{nil, "ev"} {
		in := func(n int) obj { return obj{"eventType": "a", "eventId": id, "payload": obj{"n": n}} }
		key := fmt.Sprint("k", id)
		first := s.do(202, "POST", "/app/"+app+"/msg", in(1), "Idempotency-Key", key)
		if again := s.do(202, "POST", "/app/"+app+"/msg", in(1), "Idempotency-Key", key); again["id"] != first["id"] {
			t.Errorf("first %v, again %v", first, again)
		}
		s.do(409, "POST", "/app/"+app+"/msg", in(2), "Idempotency-Key", key)
	}
	if all := s.list("/app/" + app + "/msg"); len(all) != 2 {
		t.Errorf("%d messages", len(all))
	}
}

// Replies are kept for twelve hours, and then deleted.
func TestRepliesExpire(t *testing.T) {
	clock := &clock{at: time.Now()}
	s := newServer(t, config{options: func(o *api.Options) { o.Now = clock.now }})
	s.org = mint(t, s.api.Tokens(), api.Holder{Scope: api.Organisation}, 1000*time.Hour)
	app := func(key string) string {
		return s.do(201, "POST", "/app", obj{"name": "a"}, "Idempotency-Key", key)["id"].(string)
	}
	first := app("k")
	clock.move(12*time.Hour - time.Second)
	if app("k") != first {
		t.Error("it is forgotten before its time")
	}
	clock.move(time.Second)
	second := app("k")
	if second == first {
		t.Error("it is remembered after its time")
	}
	if app("k") != second {
		t.Error("the new one is not kept")
	}
	for i := range 10 {
		app(fmt.Sprint(i))
	}
	clock.move(13 * time.Hour)
	app("another")
	if n := rows(t, s.store, "api_replies"); n != 1 {
		t.Errorf("%d replies are kept, want the last", n)
	}
	clock.move(13 * time.Hour)
	if err := s.api.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, s.store, "api_replies"); n != 0 {
		t.Errorf("%d replies are kept", n)
	}
}

// What is kept of an answer cannot be read in the store: it may hold a token.
//
//
func TestRepliesAreSealed(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	token := s.do(200, "POST", "/auth/app-portal-access/"+app, obj{}, "Idempotency-Key", "k")["token"].(string)
	err := s.store.Query(t.Context(), "SELECT COUNT(*) FROM api_replies WHERE instr(body, ?) > 0 OR instr(body, ?) > 0", []any{[]byte(token), []byte("token")},
		func(scan func(...any) error) error {
			var n int
			if err := scan(&n); err != nil || n > 0 {
				t.Errorf("%d replies show what is in them, error %v", n, err)
			}
			return nil
		})
	if err != nil {
		t.Error(err)
	}
}

// A change whose reply cannot be kept is not made.
func TestReplyAndChangeAreOne(t *testing.T) {
	s := newServer(t, config{})
	if err := s.store.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("CREATE TRIGGER no_reply BEFORE UPDATE ON api_replies BEGIN SELECT RAISE(ABORT, 'no reply'); END")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.do(500, "POST", "/app", obj{"name": "a"}, "Idempotency-Key", "k")
	if all := s.list("/app"); len(all) != 0 {
		t.Errorf("made all the same: %v", all)
	}
	s.do(201, "POST", "/app", obj{"name": "a"})
	if status := api.RefusalOf(errors.Join(errors.New("x"), context.Canceled)); status != 503 {
		t.Errorf("a caller who is gone: %d", status)
	}
}
