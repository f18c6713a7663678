package api_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/api"
)

// verifiedAsymmetric checks the v1a signature of a webhook with the public key.
func verifiedAsymmetric(t testing.TB, g got) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(asymmetricPublic, "whpk_"))
	if err != nil {
		t.Fatal(err)
	}
	signed := g.header.Get("Svix-Id") + "." + g.header.Get("Svix-Timestamp") + "." + g.body
	return slices.ContainsFunc(strings.Fields(g.header.Get("Svix-Signature")), func(one string) bool {
		text, ok := strings.CutPrefix(one, "v1a,")
		signature, err := base64.StdEncoding.DecodeString(text)
		return ok && err == nil && ed25519.Verify(key, []byte(signed), signature)
	})
}

var schemas = obj{"1": obj{"type": "object", "properties": obj{"a": obj{"type": "number", "minimum": -90.0}}}}

var svixEventType = []behaviour{
	{[]int{37}, "e2e_event_type::test_event_type_create_read_list", config{}, func(t *testing.T, s *server) {
		in := obj{"name": "test-event-type", "description": "d", "schemas": schemas, "groupName": "test", "featureFlags": []any{"beta"}}
		made := s.do(201, "POST", "/event-type", in)
		for k, v := range in {
			if !reflect.DeepEqual(made[k], v) {
				t.Errorf("%s is %v, want %v", k, made[k], v)
			}
		}
		if got := s.do(200, "GET", "/event-type/test-event-type", nil); !reflect.DeepEqual(got, made) {
			t.Errorf("made %v, got %v", made, got)
		}
		if got := s.list("/event-type?with_content=true")[0]; !reflect.DeepEqual(got, made) {
			t.Errorf("made %v, listed %v", made, got)
		}
		for _, path := range []string{"/event-type", "/event-type?with_content=false"} {
			got := s.list(path)[0]
			if content, there := got["schemas"]; content != nil || !there {
				t.Errorf("%s: schemas %v, there: %v", path, content, there)
			}
		}
		if code := s.do(409, "POST", "/event-type", in)["code"]; code != "event_type_exists" {
			t.Errorf("code %v", code)
		}
		s.do(204, "DELETE", "/event-type/test-event-type", nil)
		if all := s.list("/event-type"); len(all) != 0 {
			t.Errorf("listed though archived: %v", all)
		}
		if all := s.list("/event-type?include_archived=true"); len(all) != 1 || all[0]["archived"] != true {
			t.Errorf("archived: %v", all)
		}
		if again := s.do(201, "POST", "/event-type", in); again["archived"] != false {
			t.Errorf("made again: %v", again)
		}
		s.do(204, "DELETE", "/event-type/test-event-type?expunge=true", nil)
		s.do(404, "GET", "/event-type/test-event-type", nil)
		s.do(404, "DELETE", "/event-type/test-event-type", nil)
	}},
	{[]int{38}, "e2e_event_type::test_event_type_feature_flags", config{}, func(t *testing.T, s *server) {
		s.types("plain")
		s.do(201, "POST", "/event-type", obj{"name": "flagged", "description": "", "featureFlags": []string{"flag"}})
		s.do(201, "POST", "/event-type", obj{"name": "single", "description": "", "featureFlag": "other"})
		app := s.app()
		for want, h := range map[string]api.Holder{
			"plain":         {App: app},
			"flagged plain": {App: app, FeatureFlags: []string{"flag"}},
			"plain single":  {App: app, FeatureFlags: []string{"x", "other"}},
		} {
			token := s.token(h)
			if got := strings.Join(field(items(s.as(token, 200, "GET", "/event-type", nil)), "name"), " "); got != want {
				t.Errorf("flags %v: %s, want %s", h.FeatureFlags, got, want)
			}
			for _, name := range []string{"plain", "flagged", "single"} {
				status := 404
				if slices.Contains(strings.Fields(want), name) {
					status = 200
				}
				s.as(token, status, "GET", "/event-type/"+name, nil)
			}
		}
		if all := s.list("/event-type"); len(all) != 3 {
			t.Errorf("the organisation sees %v", all)
		}
		// Nor can an example of it be sent by those who do not see it.
		ep := s.endpoint(app, newReceiver(t, nil).URL, nil)
		for flag, status := range map[string]int{"other": 404, "flag": 400} { // it has no example
			token := s.token(api.Holder{App: app, FeatureFlags: []string{flag}})
			s.as(token, status, "POST", "/app/"+app+"/endpoint/"+ep+"/send-example", obj{"eventType": "flagged"})
		}
		// Pages are full, whatever is left out.
		page := s.as(s.token(api.Holder{App: app, FeatureFlags: []string{"flag"}}), 200, "GET", "/event-type?limit=2", nil)
		if len(items(page)) != 2 || page["done"] != true {
			t.Errorf("page %v", page)
		}
	}},
	{[]int{9}, "e2e_event_type::test_list", config{}, func(t *testing.T, s *server) {
		var names []string
		for c := range 10 {
			names = append(names, "type."+string(rune('a'+c)))
		}
		s.types(names...)
		checkPages(t, s, "/event-type", "ascending", "name", names)
	}},
	{[]int{39}, "e2e_event_type::test_schema", config{}, func(t *testing.T, s *server) {
		for _, bad := range []any{
			obj{"1": obj{"readOnly": 15}}, obj{"1": obj{"type": "nothing"}}, obj{"1": obj{"minimum": "1"}}, obj{"1": 1}, []int{1}, "x",
		} {
			s.do(422, "POST", "/event-type", obj{"name": "bad-schema", "description": "d", "schemas": bad})
			s.do(404, "GET", "/event-type/bad-schema", nil)
		}
		s.do(422, "POST", "/event-type", obj{"name": "no description"})
		s.do(422, "POST", "/event-type", obj{"name": "bad name", "description": "d"})
		s.do(422, "POST", "/event-type", obj{"description": "d"})
	}},
	{[]int{40}, "e2e_event_type::test_patch", config{}, func(t *testing.T, s *server) {
		want := s.do(201, "POST", "/event-type", obj{"name": "test-event-type", "description": "d", "schemas": schemas})
		s.do(201, "PUT", "/event-type/fake-id", obj{"name": "test-event-type", "description": "d"})
		s.do(200, "PUT", "/event-type/fake-id", obj{"description": "e"})
		for _, step := range []obj{
			{"description": "updated"},
			{"schemas": obj{}},
			{"schemas": schemas},
			{"schemas": nil},
			{"archived": true},
			{"deprecated": true},
			{"archived": false},
			{"featureFlags": []any{"a", "b"}},
			{"featureFlags": nil},
			{},
		} {
			for k, v := range step {
				want[k] = v
			}
			got := s.do(200, "PATCH", "/event-type/test-event-type", step)
			want["updatedAt"] = got["updatedAt"]
			if read := s.do(200, "GET", "/event-type/test-event-type", nil); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(read, want) {
				t.Errorf("%v: got %v, read %v, want %v", step, got, read, want)
			}
		}
		s.do(404, "PATCH", "/event-type/none", obj{})
	}},
}
