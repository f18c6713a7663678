package api_test

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

// Of a hundred who exchange one code, one gets a token.
//
// (P-01, P-13)
func TestRedeemOnce(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	for range 5 {
		code := codeOf(t, s.do(200, "POST", "/auth/app-portal-access/"+app, obj{"sessionId": "s"})["url"].(string))
		var won atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				g, err := s.api.Redeem(t.Context(), code)
				switch {
				case err == nil && g.App == app && g.Session == "s" && g.Life == 7*24*time.Hour:
					won.Add(1)
				case !errors.Is(err, api.ErrCode):
					t.Errorf("grant %+v, error %v", g, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got it, want one", won.Load())
		}
	}
	if n := rows(t, s.store, "api_codes"); n != 0 {
		t.Errorf("%d codes are left", n)
	}
}

// A code stands for what the link was made for, and its token is no more than that.
func TestExchangeCode(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	s.do(201, "POST", "/event-type", obj{"name": "beta", "description": "", "featureFlags": []string{"b"}})
	for want, in := range map[string]obj{
		"ViewBase":                {"readOnly": true, "capabilities": []string{"ManageEndpoint"}},
		"CreateAttempts ViewBase": {"capabilities": []string{"ViewBase", "CreateAttempts"}},
		"ViewBase ViewEndpointSecret ManageEndpointSecret ManageTransformations CreateAttempts ManageEndpoint": {"featureFlags": []string{"b"}},
		"": {"capabilities": []string{}},
	} {
		in["expiry"] = 3600
		access := s.do(200, "POST", "/auth/app-portal-access/"+app, in)
		exchanged := s.as("", 200, "POST", "/auth/one-time-token", obj{"oneTimeToken": codeOf(t, access["url"].(string))})
		var names []string
		for _, name := range exchanged["capabilities"].([]any) {
			names = append(names, name.(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("capabilities %q, want %q", got, want)
		}
		for which, token := range map[string]any{"exchanged": exchanged["token"], "direct": access["token"]} {
			parsed, err := s.api.Tokens().Parse(t.Context(), token.(string))
			if err != nil || parsed.App != app || time.Until(parsed.Expires) > time.Hour || time.Until(parsed.Expires) < 59*time.Minute {
				t.Errorf("%s: %+v, error %v", which, parsed, err)
			}
			status := 403
			if strings.Contains(want, "ManageEndpoint ") || strings.HasSuffix(want, "ManageEndpoint") {
				status = 201
			}
			s.as(token.(string), status, "POST", "/app/"+app+"/endpoint", obj{"url": example})
			if flags := parsed.FeatureFlags; (len(flags) > 0) != (in["featureFlags"] != nil) {
				t.Errorf("%s: flags %v", which, flags)
			}
		}
	}
}

// A code ends with its time, with its application, and with the sessions that are ended; and
// nothing that is none is one.
//
// (P-02, P-13)
func TestCodesEnd(t *testing.T) {
	clock := &clock{at: time.Now()}
	s := newServer(t, config{options: func(o *api.Options) { o.Now = clock.now }})
	app := s.app()
	code := func(session string) string {
		return codeOf(t, s.do(200, "POST", "/auth/app-portal-access/"+app, obj{"sessionId": session})["url"].(string))
	}
	refused := func(why, code string) {
		t.Helper()
		got := s.as("", 401, "POST", "/auth/one-time-token", obj{"oneTimeToken": code})
		if !reflect.DeepEqual(got, obj{"code": "authentication_failed", "detail": "Invalid token"}) {
			t.Errorf("%s: %v", why, got)
		}
	}
	first := code("a")
	for why, text := range map[string]string{
		"nonsense": "nonsense", "too short": first[:len(first)-1], "too long": first + "A", "another alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(first) + "=",
		"a token": s.org, "quotes": "' OR ''='", "NUL": "a\x00",
	} {
		refused(why, text)
	}
	s.as("", 422, "POST", "/auth/one-time-token", obj{})
	s.as("", 422, "POST", "/auth/one-time-token", obj{"oneTimeToken": ""})
	s.as("", 422, "POST", "/auth/one-time-token", obj{"oneTimeToken": 1})

	clock.move(5*time.Minute - time.Millisecond)
	s.as("", 200, "POST", "/auth/one-time-token", obj{"oneTimeToken": first})
	refused("exchanged", first)
	late := code("a")
	clock.move(5 * time.Minute)
	refused("expired", late)

	one, two := code("a"), code("b")
	s.do(204, "POST", "/auth/app/"+app+"/expire-all", obj{"sessionIds": []string{"a"}, "expiry": 60})
	refused("its session was ended", one)
	s.as("", 200, "POST", "/auth/one-time-token", obj{"oneTimeToken": two})
	three := code("b")
	s.do(204, "DELETE", "/app/"+app, nil)
	refused("its application was deleted", three)
	if err := s.api.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, s.store, "api_codes"); n != 0 {
		t.Errorf("%d codes are kept", n)
	}
}

// Following a link does not use it up, and the code is in no log and in no row.
//
// (P-01, P-04)
func TestLink(t *testing.T) {
	s := newServer(t, config{options: func(o *api.Options) { o.URL = "https://hooks.example.com" }})
	app := s.app()
	link := s.do(200, "POST", "/auth/app-portal-access/"+app, obj{}, "Host", "evil.example.com")["url"].(string)
	if !strings.HasPrefix(link, "https://hooks.example.com/login#key=") {
		t.Errorf("link %q", link)
	}
	code := codeOf(t, link)
	if strings.Contains(s.log.String(), code) {
		t.Error("the log holds the code")
	}
	err := s.store.Query(t.Context(), "SELECT code FROM api_codes", nil, func(scan func(...any) error) error {
		var kept []byte
		if err := scan(&kept); err != nil || len(kept) != 32 || strings.Contains(string(kept), code) {
			t.Errorf("the store holds %x, error %v", kept, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	plain := newServer(t, config{})
	if link := plain.do(200, "POST", "/auth/dashboard-access/"+plain.app(), nil)["url"].(string); !strings.HasPrefix(link, plain.url+"/login#key=") {
		t.Errorf("without a URL the link is %q", link)
	}
}

func TestAccessIsChecked(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	for _, bad := range []obj{
		{"expiry": 3599}, {"expiry": 604801}, {"expiry": "1"}, {"sessionId": ""}, {"sessionId": "a b"}, {"sessionId": strings.Repeat("a", 65)},
		{"capabilities": []string{"Root"}}, {"capabilities": "ViewBase"}, {"featureFlags": []string{""}}, {"featureFlags": []string{"a b"}},
		{"application": obj{}}, {"application": 1}, {"readOnly": 1},
	} {
		s.do(422, "POST", "/auth/app-portal-access/"+app, bad)
	}
	for _, bad := range []obj{{"expiry": -1}, {"expiry": 259201}, {"sessionIds": []string{"a b"}}, {"sessionIds": []string{""}}, {"sessionIds": "a"}} {
		s.do(422, "POST", "/auth/app/"+app+"/expire-all", bad)
	}
	s.do(404, "POST", "/auth/app/none/expire-all", obj{})
	if n := rows(t, s.store, "api_codes"); n != 0 {
		t.Errorf("%d codes were made", n)
	}
	if got := s.request(s.org, http.MethodPost, "/auth/app-portal-access/"+app, nil); got.status != 200 {
		t.Errorf("without a body: %d %s", got.status, got.body)
	}
}
