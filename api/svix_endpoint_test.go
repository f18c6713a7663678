package api_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const example = "http://www.example.invalid/"

var svixEndpoint = []behaviour{
	{[]int{14}, "e2e_endpoint::test_create", config{}, func(t *testing.T, s *server) {
		app := s.app()
		got := s.do(201, "POST", "/app/"+app+"/endpoint", obj{"url": "http://Www.Example.invalid", "version": 1})
		want := obj{
			"url": example, "version": 1.0, "description": "", "uid": nil, "throttleRate": nil, "rateLimit": nil, "disabled": false,
			"eventTypes": nil, "filterTypes": nil, "channels": nil, "metadata": obj{},
			"id": got["id"], "createdAt": got["createdAt"], "updatedAt": got["updatedAt"],
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if id := got["id"].(string); !strings.HasPrefix(id, "ep_") || len(id) != 30 {
			t.Errorf("id %q", id)
		}
	}},
	{[]int{15, 16}, "e2e_endpoint::test_crud", config{}, func(t *testing.T, s *server) {
		a, b := s.app(), s.app()
		ep := s.endpoint(a, example, obj{"metadata": obj{"k": "v"}})
		path := "/app/" + a + "/endpoint/" + ep
		made := s.do(200, "GET", path, nil)
		if !reflect.DeepEqual(made["metadata"], obj{"k": "v"}) {
			t.Errorf("metadata %v", made["metadata"])
		}
		for _, method := range []string{"GET", "DELETE"} {
			s.do(404, method, "/app/"+b+"/endpoint/"+ep, nil)
		}
		s.do(404, "PATCH", "/app/"+b+"/endpoint/"+ep, obj{"description": "x"})
		got := s.do(200, "PUT", path, obj{"url": "http://other.example.invalid/hooks?a=b", "metadata": obj{}})
		if got["url"] != "http://other.example.invalid/hooks?a=b" || !reflect.DeepEqual(got["metadata"], obj{}) || got["createdAt"] != made["createdAt"] {
			t.Errorf("replaced: %v", got)
		}
		if again := s.do(200, "PUT", path, obj{"url": example}); again["id"] != ep {
			t.Errorf("replaced again: %v", again)
		}
		s.do(201, "PUT", "/app/"+a+"/endpoint/unknown", obj{"url": example, "uid": "unknown"})
		s.do(204, "DELETE", path, nil)
		s.do(404, "GET", path, nil)
		s.do(404, "DELETE", path, nil)
		if all := s.list("/app/" + a + "/endpoint"); len(all) != 1 {
			t.Errorf("%d endpoints are left, want one", len(all))
		}
		s.do(404, "POST", "/app/none/endpoint", obj{"url": example})
	}},
	{[]int{17}, "e2e_endpoint::test_endpoint_list_ordering", config{}, func(t *testing.T, s *server) {
		app := s.app()
		var ids []string
		for i := range 10 {
			ids = append(ids, s.endpoint(app, fmt.Sprintf("%s%d", example, i), nil))
		}
		slices.Sort(ids)
		slices.Reverse(ids)
		checkPages(t, s, "/app/"+app+"/endpoint", "descending", "id", ids)
	}},
	{[]int{18}, "e2e_endpoint::test_uid", config{}, func(t *testing.T, s *server) {
		a, b := s.app(), s.app()
		first := s.endpoint(a, example, obj{"uid": "e"})
		s.do(409, "POST", "/app/"+a+"/endpoint", obj{"url": example, "uid": "e"})
		second := s.endpoint(a, example, nil)
		s.do(409, "PUT", "/app/"+a+"/endpoint/"+second, obj{"url": example, "uid": "e"})
		s.do(409, "PATCH", "/app/"+a+"/endpoint/"+second, obj{"uid": "e"})
		s.endpoint(b, example, obj{"uid": "e"})
		if got := s.do(200, "GET", "/app/"+a+"/endpoint/e", nil)["id"]; got != first {
			t.Errorf("e is %v, want %v", got, first)
		}
		s.do(204, "DELETE", "/app/"+a+"/endpoint/e", nil)
		s.do(404, "GET", "/app/"+a+"/endpoint/e", nil)
		s.do(200, "PATCH", "/app/"+a+"/endpoint/"+second, obj{"uid": "e"})
		if got := s.do(200, "GET", "/app/"+a+"/endpoint/e", nil)["id"]; got != second {
			t.Errorf("e is %v, want %v", got, second)
		}
	}},
	{[]int{27}, "e2e_endpoint::test_rate_limit", config{}, func(t *testing.T, s *server) {
		path := "/app/" + s.app() + "/endpoint"
		for _, name := range []string{"rateLimit", "throttleRate"} {
			ep := s.do(201, "POST", path, obj{"url": example, name: 100})
			if ep["rateLimit"] != 100.0 || ep["throttleRate"] != 100.0 {
				t.Errorf("%s: %v", name, ep)
			}
			at := path + "/" + ep["id"].(string)
			if got := s.do(200, "PATCH", at, obj{name: nil}); got["rateLimit"] != nil || got["throttleRate"] != nil {
				t.Errorf("%s is null: %v", name, got)
			}
			s.do(200, "PATCH", at, obj{name: 7})
			if got := s.do(200, "PUT", at, obj{"url": example}); got["rateLimit"] != nil {
				t.Errorf("PUT without %s: %v", name, got)
			}
			for _, rate := range []any{0, -1, 65536, 1.5, "1"} {
				s.do(422, "PATCH", at, obj{name: rate})
			}
		}
	}},
	{[]int{32}, "e2e_endpoint::test_endpoint_https_only", config{noPrivate: true}, func(t *testing.T, s *server) {
		path := "/app/" + s.app() + "/endpoint"
		problem := s.do(422, "POST", path, obj{"url": example})["detail"].([]any)[0].(obj)
		if !reflect.DeepEqual(problem["loc"], []any{"body", "url"}) {
			t.Errorf("%v", problem)
		}
		s.do(201, "POST", path, obj{"url": "https://www.example.invalid/"})
	}},
}

var svixEndpointParts = []behaviour{
	{[]int{30}, "e2e_endpoint::test_endpoint_headers_manipulation", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, example, nil) + "/headers"
		has := func(headers obj, sensitive ...any) {
			t.Helper()
			got := s.do(200, "GET", path, nil)
			if !reflect.DeepEqual(got["headers"], headers) || len(got["sensitive"].([]any)) != len(sensitive) || len(sensitive) > 0 && !reflect.DeepEqual(got["sensitive"], sensitive) {
				t.Errorf("got %v, want %v and %v", got, headers, sensitive)
			}
		}
		has(obj{})
		s.do(204, "PATCH", path, obj{"headers": obj{"x-test-3": "4", "x-test-2": nil}})
		has(obj{"x-test-3": "4"})
		for _, name := range []string{
			"content-length", "some:thing", "some\x00thing", "svix-foo", "x-svix-foo", "x-amzn-foo", "User-Agent", "HOST",
			"webhook-signature", "X-Webhook-Id", "hookgate-source", "",
		} {
			s.do(422, "PUT", path, obj{"headers": obj{name: "123"}})
			s.do(422, "PATCH", path, obj{"headers": obj{name: "123"}})
		}
		for _, value := range []any{"a\r\nb: c", strings.Repeat("a", 4097), 1} {
			s.do(422, "PUT", path, obj{"headers": obj{"x-test": value}})
		}
		has(obj{"x-test-3": "4"})
		for _, headers := range []obj{{"x-test-1": "1", "x-test-2": "2"}, {"x-test-1": "3", "x-test-2": "2"}} {
			s.do(204, "PUT", path, obj{"headers": headers})
			has(headers)
		}
		s.do(204, "PATCH", path, obj{"headers": obj{"x-test-3": "4", "x-test-2": nil}})
		has(obj{"x-test-1": "3", "x-test-3": "4"})
		s.do(204, "PATCH", path, obj{"headers": obj{"x-test-5": "5"}, "deleteHeaders": []string{"X-Test-1"}})
		has(obj{"x-test-3": "4", "x-test-5": "5"})
		s.do(204, "PUT", path, obj{"headers": obj{"x-test-1": "1", "authorization": "secret"}})
		has(obj{"x-test-1": "1"}, "authorization")
	}},
	{[]int{31}, "e2e_endpoint::test_endpoint_headers_sending", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, obj{"headers": obj{"X-On-Create": "0"}})
		s.message(app, "a", nil)
		if got := r.wait(t, 1)[0]; got.header.Get("X-On-Create") != "0" {
			t.Errorf("headers %v", got.header)
		}
		s.do(204, "PUT", "/app/"+app+"/endpoint/"+ep+"/headers", obj{"headers": obj{"x-test-1": "1", "Authorization": "Bearer x"}})
		s.message(app, "a", nil)
		got := r.wait(t, 2)[1]
		if got.header.Get("X-Test-1") != "1" || got.header.Get("Authorization") != "Bearer x" || got.header.Get("X-On-Create") != "" {
			t.Errorf("headers %v", got.header)
		}
	}},
	{[]int{31}, "e2e_endpoint::test_endpoint_header_key_capitalization", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, example, nil) + "/headers"
		headers := obj{"Test-Header-KEY": "Value", "x-lower": "b"}
		s.do(204, "PUT", path, obj{"headers": headers})
		if got := s.do(200, "GET", path, nil)["headers"]; !reflect.DeepEqual(got, headers) {
			t.Errorf("got %v", got)
		}
	}},
	{[]int{33}, "e2e_endpoint::test_send_example", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, r.URL, nil) + "/send-example"
		msg := s.do(202, "POST", path, obj{"eventType": "svix.ping"})
		if got := r.wait(t, 1)[0]; !jsonEqual(got.body, `{"success":true}`) {
			t.Errorf("body %s", got.body)
		}
		if msg["eventType"] != "svix.ping" || !reflect.DeepEqual(msg["payload"], obj{"success": true}) {
			t.Errorf("message %v", msg)
		}
		s.do(404, "POST", path, obj{"eventType": "none"})
		s.types("without")
		if code := s.do(400, "POST", path, obj{"eventType": "without"})["code"]; code != "invalid_scheme" {
			t.Errorf("code %v", code)
		}
		s.do(201, "POST", "/event-type", obj{"name": "with", "description": "", "schemas": obj{"1": obj{"type": "object", "examples": []any{obj{"n": 0}, obj{"n": 1}}}}})
		s.do(202, "POST", path, obj{"eventType": "with", "exampleIndex": 1})
		if got := r.wait(t, 2)[1]; !jsonEqual(got.body, `{"n":1}`) {
			t.Errorf("body %s", got.body)
		}
	}},
	{[]int{34}, "e2e_endpoint::test_endpoint_stats", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, r.URL, nil) + "/stats"
		zero := obj{"success": 0.0, "pending": 0.0, "sending": 0.0, "fail": 0.0, "canceled": 0.0}
		if got := s.do(200, "GET", path, nil); !reflect.DeepEqual(got, zero) {
			t.Errorf("got %v", got)
		}
		ago := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }
		for _, query := range []string{"since=" + ago(29*24*time.Hour), "until=" + ago(-time.Hour)} {
			if code := s.do(400, "GET", path+"?"+query, nil)["code"]; code != "invalid_range" {
				t.Errorf("%s: %v", query, code)
			}
		}
		s.do(200, "GET", path+"?since="+ago(28*24*time.Hour), nil)
		s.do(400, "GET", path+"?since=yesterday", nil)
		s.message(app, "a", nil)
		zero["success"] = 1.0
		eventually(t, "the attempt is counted", func() bool { return reflect.DeepEqual(s.do(200, "GET", path, nil), zero) })
	}},
	{[]int{35}, "e2e_endpoint::test_recovery_should_fail_if_start_time_too_old", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/endpoint/" + s.endpoint(app, example, nil)
		for _, task := range []string{"/recover", "/replay-missing", "/bulk-replay"} {
			s.do(422, "POST", path+task, obj{"since": time.Now().Add(-21 * 24 * time.Hour)})
			s.do(422, "POST", path+task, obj{})
			s.do(422, "POST", path+task, obj{"since": "yesterday"})
			s.do(202, "POST", path+task, obj{"since": time.Now().Add(-14 * 24 * time.Hour)})
		}
	}},
	{[]int{36}, "e2e_endpoint::test_recovery_expected_retry_counts", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(500))
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		before := time.Now().Add(-time.Second)
		msg := s.message(app, "a", nil)
		all := len(quick) + 1
		s.attempts(app, msg, all)
		after := time.Now().Add(time.Second)
		for after.After(time.Now()) {
			time.Sleep(20 * time.Millisecond)
		}
		path := "/app/" + app + "/endpoint/" + ep + "/recover"
		for since, want := range map[time.Time]int{after: 0, before: 1} {
			if since == before { // the one after was made first, or last: both are looked at
				all++
			}
			task := s.do(202, "POST", path, obj{"since": since.Add(-time.Millisecond)})
			if task["task"] != "endpoint.recover" || task["id"] == "" {
				t.Errorf("task %v", task)
			}
			done := s.finished(task["id"].(string))
			if sent := done["data"].(obj)["messagesSent"]; sent != float64(want) {
				t.Errorf("since %s: %v sent, want %d", since, sent, want)
			}
			s.attempts(app, msg, all)
		}
		if newest := s.attempts(app, msg, all)[0]; newest["triggerType"] != 1.0 {
			t.Errorf("the attempt by hand: %v", newest)
		}
	}},
}

// finished waits until a task has ended, and returns it.
func (s *server) finished(id string) (task obj) {
	s.t.Helper()
	eventually(s.t, "task "+id+" has finished", func() bool {
		task = s.do(200, "GET", "/background-task/"+id, nil)
		return task["status"] == "finished"
	})
	return task
}
