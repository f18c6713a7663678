package api_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	svix "github.com/svix/svix-webhooks/go"
)

// jsonEqual compares two JSON texts.
func jsonEqual(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// verified checks a webhook with the official library.
func verified(t testing.TB, secret string, g got) bool {
	t.Helper()
	hook, err := svix.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return hook.Verify([]byte(g.body), g.header) == nil
}

const (
	asymmetricSecret = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	asymmetricPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
)

var svixEndpointSecret = []behaviour{
	{[]int{19}, "e2e_endpoint::test_endpoint_secret_get_and_rotation", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, example, nil) + "/secret"
		former := s.do(200, "GET", path, nil)["key"].(string)
		if !strings.HasPrefix(former, "whsec_") {
			t.Errorf("secret %.6s…", former)
		}
		s.do(204, "POST", path+"/rotate", obj{"key": nil})
		later := s.do(200, "GET", path, nil)["key"]
		if later == former {
			t.Error("the secret is the same")
		}
		s.do(204, "POST", path+"/rotate", obj{"key": former})
		if got := s.do(200, "GET", path, nil)["key"]; got != former {
			t.Error("the secret is not the one that was given")
		}
		s.do(204, "POST", path+"/rotate", nil) // no body at all
		for _, bad := range []obj{{"key": "x"}, {"gracePeriodSeconds": -1}, {"gracePeriodSeconds": 604801}, {"gracePeriodSeconds": "1"}} {
			s.do(422, "POST", path+"/rotate", bad)
		}
	}},
	{[]int{20}, "e2e_endpoint::test_endpoint_rotate_max", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, example, nil) + "/secret/rotate"
		for range 10 {
			s.do(204, "POST", path, obj{})
		}
		if code := s.do(400, "POST", path, obj{})["code"]; code != "limit_reached" {
			t.Errorf("code %v", code)
		}
	}},
	{[]int{21}, "e2e_endpoint::test_endpoint_rotate_signing_e2e", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, r.URL, nil) + "/secret"
		var secrets []string
		for i := range 3 {
			if i > 0 {
				s.do(204, "POST", path+"/rotate", obj{})
			}
			secrets = append(secrets, s.do(200, "GET", path, nil)["key"].(string))
		}
		s.message(app, "a", nil)
		webhook := r.wait(t, 1)[0]
		for i, secret := range secrets {
			if !verified(t, secret, webhook) {
				t.Errorf("secret %d does not verify: %v", i, webhook.header)
			}
		}
		if verified(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook) {
			t.Error("a secret of nobody verifies")
		}
		s.do(204, "POST", path+"/rotate", obj{"gracePeriodSeconds": 0})
		s.message(app, "a", nil)
		if verified(t, secrets[2], r.wait(t, 2)[1]) {
			t.Error("a secret without grace verifies")
		}
	}},
	{[]int{22}, "e2e_endpoint::test_endpoint_rotate_signing_symmetric_and_asymmetric", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, r.URL, nil) + "/secret"
		secret := s.do(200, "GET", path, nil)["key"].(string)
		s.do(204, "POST", path+"/rotate", obj{"key": asymmetricSecret})
		s.message(app, "a", nil)
		webhook := r.wait(t, 1)[0]
		signatures := strings.Fields(webhook.header.Get("Svix-Signature"))
		if len(signatures) != 2 || !strings.HasPrefix(signatures[0], "v1a,") || !strings.HasPrefix(signatures[1], "v1,") {
			t.Errorf("signatures %v", signatures)
		}
		if !verified(t, secret, webhook) {
			t.Error("the symmetric secret does not verify")
		}
		if !verifiedAsymmetric(t, webhook) {
			t.Error("the public key does not verify")
		}
	}},
	{[]int{23}, "e2e_endpoint::test_custom_endpoint_secret", config{}, func(t *testing.T, s *server) {
		app := s.app()
		for given, want := range map[string]string{
			"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD":                                                         "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
			"whsec_TUdfVE5UMnZlci1TeWxOYXQtX1ZlTW1kLTRtMFdhYmEwanIxdHJvenRCbmlTQ2hFdzBnbHhFbWdFaTJLdzQwSA==": "whsec_TUdfVE5UMnZlci1TeWxOYXQtX1ZlTW1kLTRtMFdhYmEwanIxdHJvenRCbmlTQ2hFdzBnbHhFbWdFaTJLdzQwSA==",
			asymmetricSecret: asymmetricPublic,
		} {
			ep := s.endpoint(app, example, obj{"secret": given})
			if got := s.do(200, "GET", "/app/"+app+"/endpoint/"+ep+"/secret", nil)["key"]; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	}},
	{[]int{24}, "e2e_endpoint::test_invalid_endpoint_secret", config{}, func(t *testing.T, s *server) {
		path := "/app/" + s.app() + "/endpoint"
		for _, secret := range []string{
			"whsec_C2FVsBQIhrscChlQIM+b5sSYspob",
			"whsec_V09IYXZUaFJoSnFobnpJQkpPMXdpdGFNWnJsRzAxdXZCeTVndVpwRmxSSXFsc0oyYzBTRWRUekJhYnlaZ0JSRGNPQ3BGZG1xYjFVVmRGQ3UK",
			"hwsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_", "whsec_!", "whsk_AAAA",
		} {
			r := s.request(s.org, "POST", path, obj{"url": example, "version": 1, "secret": secret})
			if r.status != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d %s", secret, r.status, r.body)
			}
			if len(secret) > 10 && strings.Contains(string(r.body), secret[6:]) {
				t.Errorf("the answer holds the secret: %s", r.body)
			}
		}
		if all := s.list(path); len(all) != 0 {
			t.Errorf("%d endpoints were made", len(all))
		}
	}},
}

var svixEndpointFilter = []behaviour{
	{[]int{25}, "e2e_endpoint::test_endpoint_filter_events", config{}, func(t *testing.T, s *server) {
		path := "/app/" + s.app() + "/endpoint"
		for _, name := range []string{"filterTypes", "eventTypes"} {
			s.do(422, "POST", path, obj{"url": example, name: []string{}})
			unknown := s.do(422, "POST", path, obj{"url": example, name: []string{"et-" + name}})
			if msg := unknown["detail"].([]any)[0].(obj)["msg"].(string); !strings.Contains(msg, "et-"+name) {
				t.Errorf("msg %q", msg)
			}
			s.types("et-" + name)
			ep := s.do(201, "POST", path, obj{"url": example, name: []string{"et-" + name}})
			want := []any{"et-" + name}
			if !reflect.DeepEqual(ep["filterTypes"], want) || !reflect.DeepEqual(ep["eventTypes"], want) {
				t.Errorf("%v", ep)
			}
			at := path + "/" + ep["id"].(string)
			if got := s.do(200, "PUT", at, obj{"url": example}); got["filterTypes"] != nil || got["eventTypes"] != nil {
				t.Errorf("PUT without: %v", got)
			}
			if got := s.do(200, "PATCH", at, obj{name: want}); !reflect.DeepEqual(got["eventTypes"], want) {
				t.Errorf("PATCH: %v", got)
			}
			if got := s.do(200, "PATCH", at, obj{"description": "x"}); !reflect.DeepEqual(got["eventTypes"], want) {
				t.Errorf("PATCH of something else: %v", got)
			}
			if got := s.do(200, "PATCH", at, obj{name: nil}); got["eventTypes"] != nil {
				t.Errorf("PATCH with null: %v", got)
			}
		}
	}},
	{[]int{26}, "e2e_endpoint::test_endpoint_filter_channels", config{}, func(t *testing.T, s *server) {
		path := "/app/" + s.app() + "/endpoint"
		s.do(422, "POST", path, obj{"url": example, "channels": []string{}})
		ep := s.do(201, "POST", path, obj{"url": example, "channels": []string{"tag1"}})
		if !reflect.DeepEqual(ep["channels"], []any{"tag1"}) {
			t.Errorf("%v", ep)
		}
		if got := s.do(200, "PUT", path+"/"+ep["id"].(string), obj{"url": example}); got["channels"] != nil {
			t.Errorf("PUT without: %v", got)
		}
		for _, channels := range []any{[]string{"a b"}, []string{""}, []string{strings.Repeat("a", 129)}, "tag1", []int{1}} {
			s.do(422, "POST", path, obj{"url": example, "channels": channels})
		}
	}},
	{[]int{28}, "e2e_endpoint::test_msg_event_types_filter", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		s.types("et1", "et2")
		for _, types := range []any{nil, []string{"et1"}, []string{"et1", "et2"}} {
			s.endpoint(app, r.URL, obj{"eventTypes": types})
		}
		s.attempts(app, s.message(app, "et1", nil), 3)
		s.attempts(app, s.message(app, "et2", nil), 2)
		s.attempts(app, s.message(app, "other", nil), 1)
		r.wait(t, 6)
	}},
	{[]int{29}, "e2e_endpoint::test_msg_channels_filter", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		for _, channels := range []any{nil, []string{"tag1"}} {
			s.endpoint(app, r.URL, obj{"channels": channels})
		}
		s.attempts(app, s.message(app, "a", obj{"channels": []string{"tag1"}}), 2)
		s.attempts(app, s.message(app, "a", nil), 1)
		s.attempts(app, s.message(app, "a", obj{"channels": []string{"tag2"}}), 1)
		r.wait(t, 4)
	}},
}
