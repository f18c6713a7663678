package api_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/api"
)

// A body that cannot be read is refused by every operation that takes one, in one shape,
// and changes nothing.
func TestMalformedBodies(t *testing.T) {
	s := newServer(t, config{})
	w := newWorld(t, s, newReceiver(t, nil))
	s.finished(w.task)
	before := w.state()
	for _, r := range api.Routes() {
		if !r.In {
			continue
		}
		path := w.path(r.Path)
		for _, bad := range []string{"{", "[]", "null", "1", `"x"`, "{}{}", "{} x", `{"a":}`, "\xff", `{"a":"` + "\xff" + `"}`, `{"a":1,"a":2}`, strings.Repeat("[", 12000)} {
			got := s.request(s.org, r.Method, path, bad, "Content-Type", "text/plain")
			problems, _ := got.json(t)["detail"].([]any)
			if got.status != 422 || len(problems) != 1 {
				t.Errorf("%s with %.20q: %d %s", r.Operation, bad, got.status, got.body)
				continue
			}
			problem := problems[0].(obj)
			if loc := problem["loc"].([]any); loc[0] != "body" || problem["type"] != "value_error.jsondecode" || problem["msg"] == "" || len(problem) != 3 {
				t.Errorf("%s with %.20q: %v", r.Operation, bad, problem)
			}
		}
		if got := s.request(s.org, r.Method, path, `{"a":"`+strings.Repeat("x", 2<<20)+`"}`); got.status != 413 || got.json(t)["code"] != "payload_too_large" {
			t.Errorf("%s with too much: %d %.100s", r.Operation, got.status, got.body)
		}
	}
	if after := w.state(); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
}

// What is wrong with a body is said with the path to it, all at once where it can be.
func TestWhereABodyIsWrong(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	type problem struct {
		loc  string
		kind string
	}
	const decode, value = "value_error.jsondecode", "value_error"
	for _, c := range []struct {
		path string
		body any
		want []problem
	}{
		{"/app", obj{}, []problem{{"body name", decode}}},
		{"/app", obj{"name": nil}, []problem{{"body name", decode}}},
		{"/app", obj{"name": 1}, []problem{{"body name", decode}}},
		{"/app", obj{"name": "", "uid": "", "throttleRate": 0}, []problem{{"body name", value}, {"body uid", value}, {"body throttleRate", value}}},
		{"/app", obj{"name": "a", "throttleRate": 65536}, []problem{{"body throttleRate", decode}}},
		{"/app", obj{"name": "a", "throttleRate": 1.5}, []problem{{"body throttleRate", decode}}},
		{"/app", obj{"name": "a", "metadata": obj{"k": 1}}, []problem{{"body metadata k", decode}}},
		{"/app", obj{"name": "a", "metadata": obj{"a/b~c": []int{}}}, []problem{{"body metadata a/b~c", decode}}},
		{"/app", obj{"name": "a", "metadata": []int{}}, []problem{{"body metadata", decode}}},
		{"/app", obj{"name": "a", "metadata": obj{"k": strings.Repeat("x", 4097)}}, []problem{{"body metadata", value}}},
		{"/app", obj{"name": "a", "uid": "a b"}, []problem{{"body uid", value}}},
		{"/app", obj{"name": "a", "uid": "app_x"}, []problem{{"body uid", value}}},
		{"/app", obj{"name": "a\x01"}, []problem{{"body name", value}}},
		{"/app/" + app + "/endpoint", obj{"url": "x", "eventTypes": []any{"a", 1}}, []problem{{"body eventTypes 1", decode}}},
		{"/app/" + app + "/endpoint", obj{"url": example, "headers": obj{"X": "1", "Host": "x"}}, []problem{{"body headers", value}}},
		{"/app/" + app + "/endpoint", obj{"url": example, "scheme": "none"}, []problem{{"body scheme", value}}},
		{"/app/" + app + "/msg", obj{"eventType": "a", "payload": obj{}, "application": obj{"uid": 1}}, []problem{{"body application uid", decode}}},
		{"/app/" + app + "/msg", obj{"eventType": "a", "payload": obj{}, "application": obj{"uid": ""}}, []problem{{"body application name", decode}, {"body application uid", value}}},
		{"/app/" + app + "/msg", obj{"eventType": "a", "payload": 1}, []problem{{"body payload", decode}}},
		{"/app/" + app + "/msg", obj{"eventType": "a", "payload": obj{}, "deliverAt": "x"}, []problem{{"body deliverAt", decode}}},
	} {
		var got []problem
		r := s.request(s.org, "POST", c.path, c.body)
		if r.status == 422 {
			for _, one := range r.json(t)["detail"].([]any) {
				var loc []string
				for _, part := range one.(obj)["loc"].([]any) {
					loc = append(loc, part.(string))
				}
				got = append(got, problem{strings.Join(loc, " "), one.(obj)["type"].(string)})
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.80v: %d %s, want %v", c.body, r.status, r.body, c.want)
		}
	}
	if all := s.list("/app"); len(all) != 1 {
		t.Errorf("%d applications", len(all))
	}
}

// URLs that no endpoint may have are refused, and none is made.
//
// (E-01, E-02, E-09)
func TestBadURLs(t *testing.T) {
	s := newServer(t, config{noPrivate: true})
	app := s.app()
	good := s.endpoint(app, "https://hooks.example.invalid/", nil)
	for _, url := range []any{
		"", "x", "/x", "//x", "example.invalid", "ftp://example.invalid/", "file:///etc/passwd", "gopher://x/", "javascript:alert(1)", "http://example.invalid/",
		"https://", "https:///x", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/", "https://169.254.169.254/",
		"https://0x7f000001/", "https://2130706433/", "https://127.1/", "https://example.invalid:0/", "https://example.invalid:99999/",
		"https://exa mple.invalid/", "https://example.invalid/\r\nX: y", "https://example.invalid/" + strings.Repeat("x", 70000), 1, nil,
		[]string{"https://x"},
	} {
		for _, r := range []reply{
			s.request(s.org, "POST", "/app/"+app+"/endpoint", obj{"url": url}),
			s.request(s.org, "PUT", "/app/"+app+"/endpoint/new", obj{"url": url}),
			s.request(s.org, "PUT", "/app/"+app+"/endpoint/"+good, obj{"url": url}),
			s.request(s.org, "PATCH", "/app/"+app+"/endpoint/"+good, obj{"url": url, "description": "changed"}),
		} {
			if url == nil && r.status == 200 { // a patch with null says nothing
				s.do(200, "PATCH", "/app/"+app+"/endpoint/"+good, obj{"description": ""})
				continue
			}
			if r.status != 422 || r.json(t)["detail"].([]any)[0].(obj)["loc"].([]any)[1] != "url" {
				t.Errorf("%.60v: %d %s", url, r.status, r.body)
			}
		}
	}
	if all := s.list("/app/" + app + "/endpoint"); len(all) != 1 || all[0]["url"] != "https://hooks.example.invalid/" || all[0]["description"] != "" {
		t.Errorf("endpoints %v", all)
	}
}

// What is not there is not found, by every operation, in one shape.
func TestUnknownIDs(t *testing.T) {
	s := newServer(t, config{})
	w := newWorld(t, s, newReceiver(t, nil))
	s.finished(w.task)
	before := w.state()
	for _, r := range api.Routes() {
		if !strings.Contains(r.Path, "{") {
			continue
		}
		for _, change := range []struct {
			in   string
			made bool
			so   func(*world, string)
		}{
			{"{app_id}", r.Operation == "v1.application.upsert", func(w *world, id string) { w.app = id }},
			{"{endpoint_id}", r.Operation == "v1.endpoint.upsert", func(w *world, id string) { w.endpoint = id }},
			{"{msg_id}", false, func(w *world, id string) { w.message = id }},
			{"{attempt_id}", false, func(w *world, id string) { w.attempt = id }},
			{"{event_type_name}", r.Operation == "v1.event-type.upsert", func(w *world, id string) { w.eventType = id }},
			{"{task_id}", false, func(w *world, id string) { w.task = id }},
		} {
			if !strings.Contains(r.Path, change.in) || change.made {
				continue
			}
			for _, id := range []string{
				"none", "app_000000000000000000000000000", "ep_000000000000000000000000000", "msg_00DfURrBSf3ByiN4PS7jaK9yUUj", "atmpt_000000000000000000000000000",
				"qtask_000000000000000000000000000", "app_", "ep_zzzzzzzzzzzzzzzzzzzzzzzzzzz", "msg_zzzzzzzzzzzzzzzzzzzzzzzzzzz", "a%20b", "%27%22", strings.Repeat("x", 300), "%F0%9F%92%A9",
			} {
				other := *w
				change.so(&other, id)
				got := other.call(t, r, s.org)
				if got.status != 404 || got.json(t)["code"] != "not_found" {
					t.Errorf("%s with %s %.40s: %d %s", r.Operation, change.in, id, got.status, got.body)
				}
			}
		}
	}
	if after := w.state(); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
}

// Secrets are in no answer but the one that is for them, and in no log.
//
//
func TestSecretsStayWhereTheyAre(t *testing.T) {
	s := newServer(t, config{})
	r := newReceiver(t, nil)
	w := newWorld(t, s, r)
	const secret, header = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "a-secret-header-value"
	path := "/app/" + w.app + "/endpoint/" + w.endpoint
	s.do(204, "POST", path+"/secret/rotate", obj{"key": secret})
	s.do(204, "PUT", path+"/headers", obj{"headers": obj{"Authorization": header}})
	s.do(422, "POST", path+"/secret/rotate", obj{"key": secret + "!"})
	s.message(w.app, w.eventType, obj{"channels": []string{"c"}})
	r.wait(t, 2)
	var answers strings.Builder
	for _, route := range api.Routes() {
		if !destroys(route) && route.Operation != "v1.endpoint.get-secret" && route.Operation != "v1.endpoint.rotate-secret" {
			fmt.Fprintf(&answers, "%s\n", w.call(t, route, s.org).body)
		}
	}
	for what, text := range map[string]string{"an answer": answers.String(), "the log": s.log.String()} {
		for _, canary := range []string{secret, strings.TrimPrefix(secret, "whsec_"), header, s.org, keyText} {
			if strings.Contains(text, canary) {
				t.Errorf("%s holds %.10s…", what, canary)
			}
		}
	}
}
