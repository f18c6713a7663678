package api_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/api"
)

var svixApplication = []behaviour{
	{[]int{1, 2, 3}, "e2e_application::test_uid", config{}, func(t *testing.T, s *server) {
		first := s.app("app1")
		s.do(409, "POST", "/app", obj{"name": "x", "uid": "app1"})
		second := s.app()
		for range 2 {
			s.do(409, "PUT", "/app/"+second, obj{"name": "x", "uid": "app1"})
			s.do(409, "PATCH", "/app/"+second, obj{"uid": "app1"})
			s.do(200, "PUT", "/app/"+second, obj{"name": "x", "uid": "app2"}) // the second time with a uid
		}
		s.do(200, "PUT", "/app/app1", obj{"name": "x", "uid": "app1"})
		s.do(200, "PATCH", "/app/"+first, obj{"uid": "app1"})
		if got := s.do(200, "GET", "/app/app1", nil)["id"]; got != first {
			t.Errorf("app1 is %v, want %v", got, first)
		}
		s.do(204, "DELETE", "/app/app1", nil)
		s.do(404, "GET", "/app/app1", nil)
		s.do(404, "GET", "/app/"+first, nil)
		s.do(200, "PUT", "/app/"+second, obj{"name": "x", "uid": "app1"})
		s.do(404, "GET", "/app/app2", nil)
	}},
	{[]int{5}, "e2e_application::test_get_or_create", config{}, func(t *testing.T, s *server) {
		made := s.do(201, "POST", "/app?get_if_exists=true", obj{"name": "a", "uid": "u", "metadata": obj{"k": "v"}})
		again := s.do(200, "POST", "/app?get_if_exists=true", obj{"name": "b", "uid": "u", "metadata": obj{"k": "w"}})
		if !reflect.DeepEqual(made, again) {
			t.Errorf("made %v, got %v", made, again)
		}
		s.do(409, "POST", "/app?get_if_exists=false", obj{"name": "b", "uid": "u"})
	}},
	{[]int{6, 7}, "e2e_application::test_patch", config{}, func(t *testing.T, s *server) {
		made := s.do(201, "PUT", "/app/unknown", obj{"name": "a", "uid": "unknown"})
		path := "/app/" + made["id"].(string)
		steps := []struct{ patch, want obj }{
			{obj{"name": "b"}, obj{"name": "b"}},
			{obj{"throttleRate": 10}, obj{"throttleRate": 10.0, "rateLimit": 10.0}},
			{obj{"rateLimit": 20}, obj{"throttleRate": 20.0, "rateLimit": 20.0}},
			{obj{}, obj{}},
			{obj{"throttleRate": nil}, obj{"throttleRate": nil, "rateLimit": nil}},
			{obj{"uid": "test_uid"}, obj{"uid": "test_uid"}},
			{obj{"metadata": obj{"k": "v"}}, obj{"metadata": obj{"k": "v"}}},
			{obj{"uid": nil}, obj{"uid": nil}},
			{obj{"metadata": obj{}}, obj{"metadata": obj{}}},
		}
		want := made
		for _, step := range steps {
			for k, v := range step.want {
				if want[k] = v; v == nil {
					delete(want, k)
				}
			}
			got := s.do(200, "PATCH", path, step.patch)
			want["updatedAt"] = got["updatedAt"]
			if read := s.do(200, "GET", path, nil); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(read, got) {
				t.Errorf("%v: got %v, read %v, want %v", step.patch, got, read, want)
			}
		}
		s.do(404, "PATCH", "/app/none", obj{"name": "b"})
	}},
	{[]int{6}, "e2e_application::test_crud", config{}, func(t *testing.T, s *server) {
		made := s.do(201, "POST", "/app", obj{"name": "a"})
		path := "/app/" + made["id"].(string)
		if got := s.do(200, "GET", path, nil); !reflect.DeepEqual(got, made) {
			t.Errorf("made %v, got %v", made, got)
		}
		if got := s.do(200, "PUT", path, obj{"name": "b"}); got["name"] != "b" || got["id"] != made["id"] || got["createdAt"] != made["createdAt"] {
			t.Errorf("replaced: %v", got)
		}
		s.do(422, "POST", "/app", obj{"name": ""})
		s.do(422, "POST", "/app", obj{"uid": "x"})
		s.do(204, "DELETE", path, nil)
		s.do(404, "GET", path, nil)
		s.do(404, "DELETE", path, nil)
		if all := s.list("/app"); len(all) != 0 {
			t.Errorf("left: %v", all)
		}
	}},
	{[]int{8}, "e2e_application::test_idempotency", config{}, func(t *testing.T, s *server) {
		first := s.do(201, "POST", "/app", obj{"name": "a"}, "Idempotency-Key", "foo")
		for _, body := range []obj{{"name": "a"}, {"name": "another"}} {
			if again := s.do(201, "POST", "/app", body, "idempotency-key", "foo"); !reflect.DeepEqual(again, first) {
				t.Errorf("%v: first %v, again %v", body, first, again)
			}
		}
		other := s.do(201, "POST", "/app", obj{"name": "a"}, "Idempotency-Key", "bar")
		none := s.do(201, "POST", "/app", obj{"name": "a"})
		if other["id"] == first["id"] || none["id"] == first["id"] {
			t.Error("another key, or none, got the same application")
		}
	}},
	{[]int{9}, "e2e_application::test_list", config{}, func(t *testing.T, s *server) {
		var ids []string
		for range 10 {
			ids = append(ids, s.app())
		}
		slices.Sort(ids)
		checkPages(t, s, "/app", "ascending", "id", ids)
	}},
}

// checkPages pages through a list in all the ways there are. The keys are in the order
// that the list has by default.
func checkPages(t *testing.T, s *server, path, order, key string, want []string) {
	t.Helper()
	for _, limit := range []int{1, 6, len(want), 50} {
		checkOrder(t, s, fmt.Sprintf("%s?limit=%d", path, limit), key, limit, want)
		checkOrder(t, s, fmt.Sprintf("%s?limit=%d&order=%s", path, limit, order), key, limit, want)
		if key == "id" && order != "" {
			reverse := map[string]string{"ascending": "descending", "descending": "ascending"}[order]
			reversed := slices.Clone(want)
			slices.Reverse(reversed)
			checkOrder(t, s, fmt.Sprintf("%s?limit=%d&order=%s", path, limit, reverse), key, limit, reversed)
		}
	}
	for _, query := range []string{"limit=300", "limit=251", "limit=0", "iterator=BAD-$$$", "iterator=-BAD-$$$"} {
		problem := s.do(422, "GET", path+"?"+query, nil)["detail"].([]any)[0].(obj)
		if loc := problem["loc"].([]any); loc[0] != "query" || problem["msg"] == "" || problem["type"] == "" {
			t.Errorf("%s: %v", query, problem)
		}
	}
	for _, query := range []string{"limit=abc", "limit=-1", "limit=1.5", "limit=99999999999999999999", "%zz"} {
		if code := s.do(400, "GET", path+"?"+query, nil)["code"]; code == "" {
			t.Errorf("%s: no code", query)
		}
	}
}

func checkOrder(t *testing.T, s *server, path, key string, limit int, want []string) {
	t.Helper()
	var seen []string
	var pages []obj
	for iterator := ""; ; {
		page := s.do(200, "GET", path+"&iterator="+iterator, nil)
		pages = append(pages, page)
		data := items(page)
		seen = append(seen, field(data, key)...)
		if len(data) == 0 {
			t.Fatalf("%s: an empty page after %v", path, seen)
		}
		if page["iterator"] != data[len(data)-1][key] || page["prevIterator"] != "-"+data[0][key].(string) {
			t.Errorf("%s: iterator %v, prevIterator %v of %v", path, page["iterator"], page["prevIterator"], field(data, key))
		}
		if done := len(seen) >= len(want); page["done"] != done {
			t.Fatalf("%s: done is %v after %d of %d", path, page["done"], len(seen), len(want))
		}
		if page["done"].(bool) {
			break
		}
		iterator = page["iterator"].(string)
	}
	if !slices.Equal(seen, want) {
		t.Fatalf("%s:\n got %s\nwant %s", path, strings.Join(seen, " "), strings.Join(want, " "))
	}
	// What is behind the last: nothing, and the iterator is there all the same.
	end := s.do(200, "GET", path+"&iterator="+pages[len(pages)-1]["iterator"].(string), nil)
	if iterator, there := end["iterator"]; len(items(end)) != 0 || end["done"] != true || !there || iterator != nil {
		t.Errorf("%s: behind the end: %v", path, end)
	}
	// And back again.
	var back []string
	for iterator := "-" + want[len(want)-1]; ; {
		page := s.do(200, "GET", path+"&iterator="+iterator, nil)
		back = append(field(items(page), key), back...)
		if page["done"].(bool) {
			break
		}
		iterator = page["prevIterator"].(string)
	}
	if !slices.Equal(back, want[:len(want)-1]) {
		t.Errorf("%s: backwards:\n got %s\nwant %s", path, strings.Join(back, " "), strings.Join(want[:len(want)-1], " "))
	}
}

var svixAuth = []behaviour{
	{[]int{10}, "e2e_auth::test_restricted_application_access", config{}, func(t *testing.T, s *server) {
		own, other := s.app("own"), s.app("other")
		token := s.token(api.Holder{App: own})
		s.as(token, 403, "POST", "/app", obj{"name": "x"})
		s.as(token, 403, "GET", "/app", nil)
		for _, ref := range []string{own, "own", other} {
			s.as(token, 403, "PUT", "/app/"+ref, obj{"name": "x"})
			s.as(token, 403, "PATCH", "/app/"+ref, obj{"name": "x"})
			s.as(token, 403, "DELETE", "/app/"+ref, nil)
		}
		for _, ref := range []string{own, "own"} {
			if got := s.as(token, 200, "GET", "/app/"+ref, nil)["id"]; got != own {
				t.Errorf("%s is %v", ref, got)
			}
		}
		for _, ref := range []string{other, "other", "none"} {
			s.as(token, 404, "GET", "/app/"+ref, nil)
			s.as(token, 404, "GET", "/app/"+ref+"/endpoint", nil)
		}
	}},
	{[]int{11}, "e2e_auth::test_invalid_auth_error_detail", config{}, func(t *testing.T, s *server) {
		for _, token := range []string{"", "nonsense", keyText} {
			got := s.as(token, 401, "GET", "/app", nil)
			if got["detail"] != "Invalid token" || got["code"] != "authentication_failed" {
				t.Errorf("%q: %v", token, got)
			}
		}
	}},
	{[]int{12}, "e2e_auth::test_dashboard_access_without_body", config{}, func(t *testing.T, s *server) {
		app := s.app()
		got := s.do(200, "POST", "/auth/dashboard-access/"+app, nil)
		s.as(got["token"].(string), 200, "GET", "/app/"+app, nil)
		if got["url"] == "" {
			t.Error("no url")
		}
	}},
	{[]int{13}, "e2e_auth::test_app_portal_access_with_application", config{}, func(t *testing.T, s *server) {
		s.do(404, "POST", "/auth/app-portal-access/u", obj{})
		missing := s.do(422, "POST", "/auth/app-portal-access/u", obj{"application": obj{"name": "a"}})
		mismatch := s.do(422, "POST", "/auth/app-portal-access/u", obj{"application": obj{"name": "a", "uid": "v"}})
		for want, got := range map[string]obj{"application_uid_missing": missing, "application_uid_mismatch": mismatch} {
			if kind := got["detail"].([]any)[0].(obj)["type"]; kind != want {
				t.Errorf("type %v, want %s", kind, want)
			}
		}
		if all := s.list("/app"); len(all) != 0 {
			t.Fatalf("made all the same: %v", all)
		}
		got := s.do(200, "POST", "/auth/app-portal-access/u", obj{"application": obj{"name": "a", "uid": "u"}})
		s.as(got["token"].(string), 200, "GET", "/app/u", nil)
		before := s.do(200, "GET", "/app/u", nil)
		s.do(200, "POST", "/auth/app-portal-access/u", obj{"application": obj{"name": "b", "uid": "u"}})
		s.do(200, "POST", "/auth/app-portal-access/"+before["id"].(string), obj{"application": obj{"name": "b", "uid": "w"}})
		if after := s.do(200, "GET", "/app/u", nil); !reflect.DeepEqual(after, before) {
			t.Errorf("before %v, after %v", before, after)
		}
		if all := s.list("/app"); len(all) != 1 {
			t.Errorf("%d applications, want one", len(all))
		}
	}},
}
